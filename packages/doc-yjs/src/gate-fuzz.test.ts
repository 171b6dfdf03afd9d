/**
 * Random and damaged updates against the gate. Three sources: noise, honest deltas that are damaged, and updates put together
 * from the grammar with a lie here and there; only the last gets far into the gate.
 */
import type { DocumentsPort } from "@pulsemesh/core";
import {
  any,
  ATTACKED,
  collected,
  content,
  firstItem,
  FOREIGN_CLIENT,
  forgeUpdate,
  fuzz,
  FUZZ_REACHES,
  FUZZ_RUNS,
  FUZZ_TIMEOUT_MS,
  nextItem,
  OWN_CLIENT,
  OWN_ROOT,
  skip,
} from "@pulsemesh/testkit";
import type { Bytes, ForgedContent } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import * as Y from "yjs";
import { ByteReader } from "./byte-reader.ts";
import { inspectDelta } from "./gate.ts";
import { Ledger } from "./ledger.ts";
import { DELTA_BYTES_MAX } from "./limits.ts";
import { createYjsDocuments } from "./yjs-documents.ts";

/** A few names, so that updates meet the robots of earlier ones. */
const ROBOTS = ["arm", "belt", "cart", "drone", "", "__proto__", "a b", "x".repeat(129)];
/** Updates one document takes before the next begins, so that a find does not hide behind a long history. */
const DOCUMENT_RUNS = 500;

type Random = (below: number) => number;

/** A document under fuzz, with the ledger kept beside it and an untouched twin that only takes what the gate took. */
class Target {
  readonly documents: DocumentsPort;
  readonly ledger: Ledger = new Ledger(ATTACKED.author, OWN_CLIENT);
  readonly twin: Y.Doc = new Y.Doc();
  doc: Y.Doc = new Y.Doc();
  handed = 0;

  constructor() {
    this.twin.getMap(OWN_ROOT);
    this.documents = createYjsDocuments({
      integrate: (doc, update) => {
        this.doc = doc;
        this.handed++;
        Y.applyUpdate(doc, update);
      },
    });
    this.documents.open(ATTACKED, OWN_CLIENT);
  }
}

test(
  "CH3 fuzz: whatever comes, nothing throws, waits or changes without being taken, and the work is bounded by the length",
  { timeout: FUZZ_TIMEOUT_MS },
  () => {
    let target = new Target();
    let takenCount = 0;
    const codes = new Map<string, number>();
    fuzz("gate", (numbers, run) => {
      const random: Random = (below) => numbers.integer(below);
      if (run % DOCUMENT_RUNS === 0) target = new Target();
      const update = anyUpdate(random, target.ledger);
      const code = attempt(target, update);
      if (code === undefined) takenCount++;
      else codes.set(code, (codes.get(code) ?? 0) + 1);
    });
    if (!FUZZ_REACHES) return;
    // A fuzzer that gets nothing through, or trips over one rule only, tests nothing.
    expect(takenCount).toBeGreaterThan(FUZZ_RUNS / 50);
    expect([...codes.keys()].toSorted()).toEqual([
      "bad-content",
      "bad-key",
      "clock-gap",
      "foreign-client",
      "foreign-delete",
      "foreign-origin",
      "foreign-parent",
      "malformed",
      "pending",
      "too-deep",
      "too-large",
      "too-many-structs",
    ]);
  },
);

/** One update: returns the code of its refusal, undefined when it was taken. */
function attempt(target: Target, update: Uint8Array): string | undefined {
  const { documents, ledger, twin } = target;
  const reader = new ByteReader(update);
  const plan = inspectDelta(reader, ledger);
  if (update.length <= DELTA_BYTES_MAX)
    expect(reader.steps).toBeLessThanOrEqual(2 * update.length + 64);
  else expect(reader.steps).toBeLessThan(64);

  const before = documents.read(ATTACKED);
  const handed = target.handed;
  const result = documents.apply(ATTACKED, update);
  expect(result.ok).toBe(plan !== undefined);
  if (!result.ok) {
    expect(result.code).toBe(reader.refusal);
    expect(documents.read(ATTACKED)).toBe(before);
    expect(target.handed).toBe(handed);
    return result.code;
  }
  if (plan !== undefined) ledger.record(plan);
  expect([target.doc.store.pendingStructs, target.doc.store.pendingDs]).toEqual([null, null]);
  Y.applyUpdate(twin, update);
  expect(Object.fromEntries(documents.read(ATTACKED))).toEqual(twin.getMap(OWN_ROOT).toJSON());
  expect([...twin.store.clients.keys()].every((client) => client === OWN_CLIENT)).toBe(true);
  return undefined;
}

function anyUpdate(random: Random, ledger: Ledger): Uint8Array {
  switch (random(10)) {
    case 0:
      return noise(random);
    case 1:
    case 2:
    case 3:
      return damaged(random, composed(random, ledger, 0));
    default:
      return composed(random, ledger, random(3) === 0 ? 0 : 12);
  }
}

function noise(random: Random): Uint8Array {
  const length = random(50) === 0 ? DELTA_BYTES_MAX + random(3) : random(200);
  return Uint8Array.from({ length }, () => random(256));
}

/** One to four bytes changed, removed, inserted or repeated. */
function damaged(random: Random, update: Uint8Array): Uint8Array {
  const bytes = [...update];
  for (let count = random(4); count >= 0; count--) {
    const at = random(bytes.length + 1);
    const patch = random(4);
    if (patch === 0) bytes[Math.min(at, bytes.length - 1)] = random(256);
    else if (patch === 1) bytes.splice(at, 1);
    else if (patch === 2) bytes.splice(at, 0, random(256));
    else bytes.splice(at, 0, ...bytes.slice(at, at + random(40)));
  }
  return Uint8Array.from(bytes);
}

/** An update by the grammar; each choice is a lie with a chance of one in `lies` (0: never). */
function composed(random: Random, ledger: Ledger, lies: number): Uint8Array {
  const lie = (): boolean => lies > 0 && random(lies * 3) === 0;
  const client = lie() ? FOREIGN_CLIENT : OWN_CLIENT;
  const clock = Math.max(0, lie() ? ledger.nextClock + random(5) - 2 : ledger.nextClock);
  const newest = new Map(
    [...ledger.robots()].map((robot) => [robot, ledger.newestEnd(robot) as number]),
  );
  const structs: Bytes[] = [];
  let next = clock;
  for (let count = lie() ? 9 : random(4); count > 0; count--) {
    if (random(12) === 0) {
      const length = 1 + random(3);
      structs.push(lie() ? skip(length) : collected(length));
      next += length;
      continue;
    }
    const robot = ROBOTS[random(lie() ? ROBOTS.length : 4)] as string;
    const length = random(10) === 0 ? 1 + random(3) : 1;
    const held = length > 1 ? content.deleted(length) : anyContent(random, lie());
    const origin = newest.get(robot);
    if (origin === undefined || lie())
      structs.push(firstItem(lie() ? [client, 0] : lie() ? "someone" : OWN_ROOT, robot, held));
    else structs.push(nextItem(neighbours(random, client, origin, lie()), held));
    next += length;
    newest.set(robot, next - 1);
  }
  const ranges: [number, number][] = [];
  for (let at = 0; random(3) === 0 && at < next;) {
    const from = at + random(next - at);
    const length = 1 + random(lie() ? 100 : next - from);
    ranges.push([from, length]);
    at = from + length + (lie() ? 0 : 1);
  }
  const deletes =
    ranges.length > 0 ? [{ client: lie() ? FOREIGN_CLIENT : OWN_CLIENT, ranges }] : [];
  return forgeUpdate(structs.length > 0 ? [{ client, clock, structs }] : [], deletes);
}

function neighbours(
  random: Random,
  client: number,
  origin: number,
  lie: boolean,
): {
  readonly origin?: readonly [number, number];
  readonly rightOrigin?: readonly [number, number];
} {
  if (!lie) return { origin: [client, origin] };
  const other = [random(2) === 0 ? client : FOREIGN_CLIENT, random(origin + 3)] as const;
  return random(2) === 0 ? { origin: other } : { origin: [client, origin], rightOrigin: other };
}

function anyContent(random: Random, lie: boolean): ForgedContent {
  if (!lie) return content.any(anyValue(random, 0));
  const bad = [
    content.any(),
    content.any(any.undefined),
    content.any(any.bigint),
    content.any(any.object(["__proto__", any.null])),
    content.any(any.text("x".repeat(23_000))),
    content.any(Array.from({ length: 40 }).reduce<Bytes>((inner) => any.array(inner), any.null)),
    content.json("1"),
    content.string("abc"),
    content.type(random(7)),
    content.subdocument("x"),
  ];
  return bad[random(bad.length)] as ForgedContent;
}

function anyValue(random: Random, depth: number): Bytes {
  const size = depth > 3 ? 0 : random(3);
  switch (random(6)) {
    case 0:
      return any.null;
    case 1:
      return any.text("é".repeat(random(20)));
    case 2:
      return any.float64(0x3f, random(256), random(256), 0, 0, 0, 0, 0);
    case 3:
      return any.array(...Array.from({ length: size }, () => anyValue(random, depth + 1)));
    case 4:
      return any.object(
        ...Array.from(
          { length: size },
          (_, index) => [`k${index}`, anyValue(random, depth + 1)] as const,
        ),
      );
    default:
      return any.integer(random(64));
  }
}
