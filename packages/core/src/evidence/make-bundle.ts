/** Writes the evidence of a verdict as a bundle, signed by this node (rule VE10). */
import type { Authority } from "../authority/authority.ts";
import type { Env } from "../env.ts";
import { comparePulseNames, type NodeId } from "../ids.ts";
import type { Evidence } from "../liveness/observation-codec.ts";
import type { Now } from "../now.ts";
import { encodeEnvelope, verifyEnvelope } from "../wire/envelope.ts";
import { toBase64Url } from "./base64url.ts";
import {
  accusationBody,
  type Bundle,
  BUNDLE_FORMAT,
  type BundleWord,
  sealedBytes,
} from "./bundle.ts";
import type { VerdictFile } from "./kept-evidence.ts";
import { BUNDLE_STATEMENTS_MAX } from "./limits.ts";
import type { KeptWord } from "./word-file.ts";

export interface BundleFacts {
  readonly file: VerdictFile;
  /** For people. */
  readonly named: (node: NodeId) => { readonly name: string; readonly region: string } | undefined;
  readonly authority: Authority;
}

/** Longer names, which no member of this release gives itself, would make a bundle that nobody reads. */
const NAME_LENGTH_KEPT = 64;

/** The bundle as text, with a line end. */
export function makeBundle(env: Env, facts: BundleFacts, now: Now): string {
  const { file, named } = facts;
  const { self, name } = env.identity;
  const header = file.header && encodeEnvelope(env, file.header.envelope);
  const subject = named(file.subject);
  const wordsOf = (kind: KeptWord["kind"]): readonly BundleWord[] =>
    file.words.of(kind).flatMap((word) => {
      // Whoever wants a bundle to fail could have put another header under a name that was known already. That of the accused pulse stands elsewhere.
      const isKnown = comparePulseNames(word.name, file.name) === 0;
      if (!isKnown && word.evidence !== undefined && !verifyEnvelope(env, word.evidence.envelope))
        return [];
      return [wordJson(env, { word, file, header, name: cut(named(word.by)?.name) })];
    });
  const bundle: Bundle = {
    format: BUNDLE_FORMAT,
    fleet: env.identity.fleet,
    subject: { id: file.subject, name: cut(subject?.name), region: cut(subject?.region) },
    reason: file.singleWitness ? "single-witness" : "quorum",
    pulse: [file.name.boot, file.name.seq],
    at: Math.floor(file.atWallMs),
    ended: endOf(env, file),
    members: file.electorate.members,
    quorum: file.electorate.quorum,
    witnesses: file.electorate.witnesses ?? null,
    header: header === undefined ? null : toBase64Url(header),
    accusations: enoughOf(wordsOf("accuse"), file.electorate.quorum),
    objections: wordsOf("object"),
    ups: enoughOf(wordsOf("up"), file.electorate.quorum),
    statements: statementsOf(facts, self),
    by: self,
    name: cut(name),
    made: Math.floor(now.wallMs),
  };
  const sealed = sealedBytes(env, bundle.fleet, JSON.stringify(bundle));
  const sig = toBase64Url(env.ports.signature.sign(sealed));
  return `${JSON.stringify({ ...bundle, sig })}\n`;
}

/**
 * As many as a verdict takes, the shortest, and of the others those that cost next to nothing: where many die at once each witness speaks of all of
 * them in one message, which is long.
 */
function enoughOf(words: readonly BundleWord[], quorum: number): readonly BundleWord[] {
  const lengthOf = ({ said }: BundleWord): number => (typeof said === "string" ? said.length : 0);
  return words
    .toSorted((a, b) => lengthOf(a) - lengthOf(b))
    .filter(({ said }, at) => at < quorum || typeof said !== "string");
}

function cut(name: string | undefined): string {
  return (name ?? "").slice(0, NAME_LENGTH_KEPT);
}

function wordJson(
  env: Env,
  {
    word,
    file,
    header,
    name,
  }: {
    readonly word: KeptWord;
    readonly file: VerdictFile;
    readonly header: Uint8Array | undefined;
    readonly name: string;
  },
): BundleWord {
  const { body, signature } = word.envelope;
  const { b, q, u } = env.ports.codec.decode(body) as Record<"b" | "q" | "u", number>;
  const said = [b, q, u] as const;
  const about = { subject: file.subject, name: file.name, header: header ?? null };
  const short = accusationBody(env, said, about);
  const isShort = short.length === body.length && short.every((byte, at) => byte === body[at]);
  return {
    by: word.by,
    name,
    said: isShort ? said : toBase64Url(body),
    sig: toBase64Url(signature),
  };
}

function endOf(env: Env, { end }: VerdictFile): Bundle["ended"] {
  if (end === undefined) return null;
  const text = (evidence: Evidence): string => toBase64Url(encodeEnvelope(env, evidence.envelope));
  return {
    at: Math.floor(end.atWallMs),
    how: end.how,
    pulse: end.pulse === undefined ? null : text(end.pulse),
  };
}

/** The way from the fleet's root to everybody whose word the bundle rests on; nothing in an open fleet. */
function statementsOf({ authority, file }: BundleFacts, self: NodeId): readonly string[] {
  if (!authority.isClosed) return [];
  const nodes = new Set<NodeId>([self, file.subject]);
  for (const kind of ["accuse", "object", "up"] as const)
    for (const { by } of file.words.of(kind)) nodes.add(by);
  const grants = [...nodes].flatMap((node) => authority.grantToken(node) ?? []);
  const revocations = authority
    .revocations()
    .flatMap(({ claims, token }) => (nodes.has(claims.node) ? [token] : []));
  // A charter says who is no member any more, and nothing of who is one.
  const roots = authority.enrolment().filter((token) => token !== authority.charter?.token);
  const all = [...roots, ...revocations, ...grants];
  return all.slice(0, BUNDLE_STATEMENTS_MAX);
}
