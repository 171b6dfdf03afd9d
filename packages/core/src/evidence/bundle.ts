/**
 * The evidence of a verdict as one JSON text (rule VE10), for whoever was not there and trusts nobody but the fleet's root.
 *
 * It is short because what follows from the rest is left out: an accusation that was a message of its own is three numbers and a signature, as
 * its other parts stand elsewhere in the bundle; the bytes that were signed are put together again, and are the right ones if the signature holds.
 * Who made the bundle signs all of it, so that an edit shows wherever it is.
 */
import type { ReadingEnv } from "../env.ts";
import { type FleetId, isKeyId, isNodeId, type NodeId, type PulseName } from "../ids.ts";
import { isIntegerIn, isMap, isTextUpTo } from "../wire/fields.ts";
import { fromBase64Url } from "./base64url.ts";
import {
  BUNDLE_LENGTH_MAX,
  BUNDLE_STATEMENTS_MAX,
  BUNDLE_WITNESSES_MAX,
  KEPT_WORDS_MAX,
} from "./limits.ts";

/** What stands in `format`. */
export const BUNDLE_FORMAT: string = "pulsemesh-verdict/1";
const FORMAT_FAMILY = /^pulsemesh-verdict\/[1-9]\d{0,5}$/;
const NAME_LENGTH_MOST = 64;
const STATEMENT_LENGTH_MOST = 32 * 1024;
const BYTES_LENGTH_MOST = 48 * 1024;
const SIGNATURE_BYTES = 64;

/** One signed message; names are for people, and vouched for by who made the bundle. */
export interface BundleWord {
  readonly by: NodeId;
  readonly name: string;
  /** Boot, number and up ms of a message that says nothing else, or the whole body. */
  readonly said: readonly [number, number, number] | string;
  readonly sig: string;
}

export interface Bundle {
  readonly format: string;
  readonly fleet: FleetId;
  readonly subject: { readonly id: NodeId; readonly name: string; readonly region: string };
  readonly reason: "quorum" | "single-witness";
  /** Boot and number of the newest pulse that was known; 0, 0 for none. */
  readonly pulse: readonly [number, number];
  /** Wall ms of who made the bundle, as all times in it. */
  readonly at: number;
  readonly ended: {
    readonly at: number;
    readonly how: "restored" | "lost" | "gone";
    /** Signed header of the pulse that ended it, where it was heard first hand. */
    readonly pulse: string | null;
  } | null;
  readonly members: number;
  readonly quorum: number;
  readonly witnesses: readonly NodeId[] | null;
  /** Signed header of `pulse`. */
  readonly header: string | null;
  readonly accusations: readonly BundleWord[];
  readonly objections: readonly BundleWord[];
  readonly ups: readonly BundleWord[];
  /** Of the fleet's authority, root statements first. */
  readonly statements: readonly string[];
  readonly by: NodeId;
  readonly name: string;
  readonly made: number;
}

export type ReadBundle =
  | { readonly ok: true; readonly bundle: Bundle; readonly text: string; readonly seal: Uint8Array }
  | {
      readonly ok: false;
      readonly code: "bundle-invalid" | "bundle-newer";
      /** Where in the text, such as `accusations[1].sig` or `character 17`. */
      readonly place: string;
      readonly detail: string;
    };

/** What the signature over a bundle covers: all of it but that signature. */
export function sealedBytes(
  { ports }: Pick<ReadingEnv, "ports">,
  fleet: string,
  text: string,
): Uint8Array {
  return ports.codec.encode(["pulsemesh/1/verdict", fleet, text]);
}

/** The body of an accusation that says nothing else. */
export function accusationBody(
  { ports }: Pick<ReadingEnv, "ports">,
  said: readonly [number, number, number],
  about: {
    readonly subject: NodeId;
    readonly name: PulseName;
    readonly header: Uint8Array | null;
  },
): Uint8Array {
  const [boot, seq, upMs] = said;
  const { subject, name, header } = about;
  const items = [[0, subject, name.boot, name.seq, header]];
  return ports.codec.encode({ b: boot, i: items, q: seq, u: upMs });
}

/** Reads what {@link Bundle} says; whether it is true is for `verify-verdict.ts`. Never throws. */
export function readBundle(text: string): ReadBundle {
  if (text.length > BUNDLE_LENGTH_MAX)
    return fault(`character ${BUNDLE_LENGTH_MAX}`, "it is longer than any bundle");
  let value: unknown;
  let written: string;
  try {
    value = JSON.parse(text);
    written = `${JSON.stringify(value)}\n`;
  } catch {
    return fault("character 0", "it is no JSON");
  }
  if (!isMap(value)) return fault("character 0", "it is no JSON object");
  const { format, sig, ...rest } = value;
  if (typeof format !== "string" || !FORMAT_FAMILY.test(format))
    return fault("format", `it is not ${BUNDLE_FORMAT}`);
  if (format !== BUNDLE_FORMAT)
    return { ok: false, code: "bundle-newer", place: "format", detail: `it is ${format}` };
  const place = faultyField(rest);
  if (place !== undefined) return fault(place, "it is missing, or of another form");
  const seal = isSignature(sig) ? fromBase64Url(sig) : undefined;
  if (seal === undefined) return fault("sig", "it is no signature");
  if (written !== text) {
    let at = 0;
    while (written[at] === text[at]) at++;
    return fault(`character ${at}`, "it is not as it was written");
  }
  const sealed = JSON.stringify({ format, ...rest });
  return { ok: true, bundle: { format, ...rest } as unknown as Bundle, text: sealed, seal };
}

function fault(place: string, detail: string): ReadBundle {
  return { ok: false, code: "bundle-invalid", place, detail };
}

type Field = (value: unknown) => string | undefined;

/** The first field that is not what it must be, by its place. */
function faultyField(map: Readonly<Record<string, unknown>>): string | undefined {
  for (const [name, field] of Object.entries(FIELDS)) {
    const inner = field(Object.hasOwn(map, name) ? map[name] : undefined);
    if (inner !== undefined) return name + inner;
  }
  return undefined;
}

function is(holds: (value: unknown) => boolean): Field {
  return (value) => (holds(value) ? undefined : "");
}

function listOf(item: Field, lengthMost: number): Field {
  return (value) => {
    if (!Array.isArray(value) || value.length > lengthMost) return "";
    for (const [i, each] of value.entries()) {
      const inner = item(each);
      if (inner !== undefined) return `[${i}]${inner}`;
    }
    return undefined;
  };
}

function mapOf(fields: Readonly<Record<string, Field>>): Field {
  return (value) => {
    if (!isMap(value)) return "";
    for (const [name, field] of Object.entries(fields)) {
      const inner = field(Object.hasOwn(value, name) ? value[name] : undefined);
      if (inner !== undefined) return `.${name}${inner}`;
    }
    return undefined;
  };
}

function orNull(field: Field): Field {
  return (value) => (value === null ? undefined : field(value));
}

const isNumber = (value: unknown): boolean => isIntegerIn(value, 0, Number.MAX_SAFE_INTEGER);
const isName = (value: unknown): boolean => isTextUpTo(value, NAME_LENGTH_MOST);
const isBytesText = (value: unknown): boolean =>
  isTextUpTo(value, BYTES_LENGTH_MOST) && fromBase64Url(value) !== undefined;

function isSignature(value: unknown): value is string {
  return isTextUpTo(value, 88) && fromBase64Url(value)?.length === SIGNATURE_BYTES;
}

function isTuple(length: number): (value: unknown) => boolean {
  return (value) => Array.isArray(value) && value.length === length && value.every(isNumber);
}

const word: Field = mapOf({
  by: is(isNodeId),
  name: is(isName),
  said: is((value) => isTuple(3)(value) || isBytesText(value)),
  sig: is(isSignature),
});
const words = listOf(word, KEPT_WORDS_MAX);

const FIELDS: Readonly<Record<Exclude<keyof Bundle, "format">, Field>> = {
  fleet: is(isKeyId),
  subject: mapOf({ id: is(isNodeId), name: is(isName), region: is(isName) }),
  reason: is((value) => value === "quorum" || value === "single-witness"),
  pulse: is(isTuple(2)),
  at: is(isNumber),
  ended: orNull(
    mapOf({
      at: is(isNumber),
      how: is((value) => value === "restored" || value === "lost" || value === "gone"),
      pulse: orNull(is(isBytesText)),
    }),
  ),
  members: is((value) => isIntegerIn(value, 2, 1_000_000)),
  quorum: is((value) => isIntegerIn(value, 1, KEPT_WORDS_MAX)),
  witnesses: orNull(listOf(is(isNodeId), BUNDLE_WITNESSES_MAX)),
  header: orNull(is(isBytesText)),
  accusations: words,
  objections: words,
  ups: words,
  statements: listOf(
    is((value) => isTextUpTo(value, STATEMENT_LENGTH_MOST)),
    BUNDLE_STATEMENTS_MAX,
  ),
  by: is(isNodeId),
  name: is(isName),
  made: is(isNumber),
};
