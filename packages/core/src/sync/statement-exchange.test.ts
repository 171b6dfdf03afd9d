import { CoreRig, createTestPorts, TestAuthority } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import type { Effect } from "../effect.ts";
import { STATEMENT_IDS_PAGE_MAX, STATEMENT_WANT_MAX } from "./messages.ts";
import { STATEMENT_HAVE_BYTES_MAX, STATEMENTS_MISSING_MAX } from "./statement-exchange.ts";

const fleet = new TestAuthority();
const { codec } = createTestPorts("a");

function start(self: string, statements: readonly string[]): CoreRig {
  const rig = new CoreRig(self, { fleet: fleet.fleet, config: { statements } });
  rig.start();
  return rig;
}

/** Sync frames that are about statements, and to whom. */
function framesOf(effects: readonly Effect[]): readonly Uint8Array[] {
  return effects.flatMap((effect) =>
    effect.type === "send" && effect.channel === "sync" && isAboutStatements(effect.bytes)
      ? [effect.bytes]
      : [],
  );
}

function isAboutStatements(bytes: Uint8Array): boolean {
  return String((codec.decode(bytes) as readonly unknown[])[0]).startsWith("statement");
}

/** Connects two and carries what they say about statements until neither has more; the frames that went either way. */
function meet(a: CoreRig, b: CoreRig): readonly Uint8Array[] {
  const peer = (rig: CoreRig): Effect[] => [
    ...rig.input({
      type: "peer-up",
      peer: { node: rig === a ? b.node : a.node, agent: "t", addresses: [] },
    }),
  ];
  const waiting = [
    ...framesOf(peer(a)).map((bytes) => ({ to: b, from: a.node, bytes })),
    ...framesOf(peer(b)).map((bytes) => ({ to: a, from: b.node, bytes })),
  ];
  const carried: Uint8Array[] = [];
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { to, from, bytes } = next;
    carried.push(bytes);
    const effects = [
      ...to.input({ type: "message", channel: "sync", from, bytes }),
      ...to.settle(),
    ];
    const back = to === a ? b : a;
    waiting.push(...framesOf(effects).map((frame) => ({ to: back, from: to.node, bytes: frame })));
  }
  return carried;
}

function rowsOf(rig: CoreRig): readonly string[] {
  return [...rig.rows.keys()].filter((key) => key.startsWith("authority/")).toSorted();
}

test("CH6, ME1 two that meet hold the same statements afterwards, root statements before what rests on them", () => {
  const root = fleet.root({ issuers: [] });
  const next = fleet.root({ number: 2, previous: TestAuthority.idOf(root) });
  const grants = Array.from({ length: 3 * STATEMENT_WANT_MAX }, (_, i) => fleet.grant(`n${i}`));
  const a = start("a", [root, next, ...grants, fleet.revocation("n7")]);
  const b = start("b", []);
  expect(meet(a, b).length).toBeGreaterThan(8);
  expect(rowsOf(b)).toEqual(rowsOf(a));
  expect(rowsOf(b)).toHaveLength(grants.length + 3);
});

test("CH6 each brings what the other lacks, and two that hold the same say so in one word each", () => {
  const root = fleet.root();
  const a = start("a", [root, fleet.grant("x")]);
  const b = start("b", [root, fleet.grant("y")]);
  meet(a, b);
  expect(rowsOf(a)).toHaveLength(3);
  expect(rowsOf(b)).toEqual(rowsOf(a));
  expect(meet(start("a", [root]), start("b", [root]))).toHaveLength(2);
});

test("P6, SG1 of what was not asked for by name nothing is taken, and a peer that hands over a forgery is asked no more", () => {
  const a = start("a", [fleet.root()]);
  a.input({ type: "peer-up", peer: { node: "b", agent: "t", addresses: [] } });
  const say = (message: unknown): readonly Effect[] => [
    ...a.input({ type: "message", channel: "sync", from: "b", bytes: codec.encode(message) }),
    ...a.settle(),
  ];
  const rows = rowsOf(a);
  const reasons = (effects: readonly Effect[]): readonly string[] =>
    effects.flatMap((effect) =>
      effect.type === "emit" && effect.event.type === "rejected" ? [effect.event.reason] : [],
    );
  expect(reasons(say(["statement-have", [fleet.grant("x")]]))).toEqual(["sync-malformed"]);
  const forged = fleet.grant("x").replace("x", "y");
  const idOf = (token: string): Uint8Array => Buffer.from(TestAuthority.idOf(token), "hex");
  expect(
    framesOf(say(["statement-ids", [idOf(forged), idOf(fleet.grant("z"))], true, false])),
  ).toHaveLength(1);
  expect(reasons(say(["statement-have", [forged]]))).toEqual(["statement-malformed"]);
  expect(framesOf(say(["statement-ids", [idOf(fleet.grant("w"))], true, false]))).toEqual([]);
  expect(rowsOf(a)).toEqual(rows);
});

test("P6 a message names at most STATEMENT_IDS_PAGE_MAX statements and asks for at most STATEMENT_WANT_MAX", () => {
  const a = start("a", [fleet.root()]);
  a.input({ type: "peer-up", peer: { node: "b", agent: "t", addresses: [] } });
  const isRefused = (message: unknown): boolean =>
    a
      .input({ type: "message", channel: "sync", from: "b", bytes: codec.encode(message) })
      .some((effect) => effect.type === "emit" && effect.event.type === "rejected");
  const ids = (count: number): readonly Uint8Array[] =>
    Array.from({ length: count }, (_, i) => new Uint8Array(32).fill(i % 251));
  expect(isRefused(["statement-ids", ids(STATEMENT_IDS_PAGE_MAX), false, false])).toBe(false);
  expect(isRefused(["statement-ids", ids(STATEMENT_IDS_PAGE_MAX + 1), false, false])).toBe(true);
  expect(isRefused(["statement-want", ids(STATEMENT_WANT_MAX)])).toBe(false);
  expect(isRefused(["statement-want", ids(STATEMENT_WANT_MAX + 1)])).toBe(true);
});

test("P6 an answer holds STATEMENT_HAVE_BYTES_MAX bytes of statements; the rest is asked for once more", () => {
  const root = fleet.root();
  const patterns = Array.from({ length: 16 }, (_, i) => `${"p".repeat(90)}${i}*`);
  const grants = Array.from({ length: STATEMENT_WANT_MAX }, (_, i) =>
    fleet.grant(`n${i}`, { robots: patterns }),
  );
  const revocations = Array.from({ length: STATEMENT_WANT_MAX }, (_, i) =>
    fleet.revocation(`r${i}`, [
      {
        document: "reported",
        epoch: 1,
        seq: 1,
        hash: "a".repeat(64),
        parts: hashes(60),
        robots: 1,
      },
    ]),
  );
  const a = start("a", [root, ...grants, ...revocations]);
  const b = start("b", []);
  const largest = Math.max(...meet(a, b).map(({ length }) => length));
  expect(rowsOf(b)).toEqual(rowsOf(a));
  expect(largest).toBeGreaterThan(STATEMENT_HAVE_BYTES_MAX / 2);
  expect(largest).toBeLessThan(STATEMENT_HAVE_BYTES_MAX + 8 * 1024);
});

test("P6 of what a peer names STATEMENTS_MISSING_MAX are asked for, whatever it goes on to name", () => {
  const a = start("a", [fleet.root()]);
  a.input({ type: "peer-up", peer: { node: "b", agent: "t", addresses: [] } });
  const say = (message: unknown): readonly Uint8Array[] =>
    framesOf(
      a.input({ type: "message", channel: "sync", from: "b", bytes: codec.encode(message) }),
    );
  const pages = STATEMENTS_MISSING_MAX / STATEMENT_IDS_PAGE_MAX + 1;
  let frames: readonly Uint8Array[] = [];
  for (let page = 0; page < pages; page++) {
    const ids = Array.from({ length: STATEMENT_IDS_PAGE_MAX }, (_, i) =>
      idOfNumber(page * 10_000 + i),
    );
    frames = say(["statement-ids", ids, page === pages - 1, false]);
  }
  let asked = 0;
  while (frames.length > 0) {
    const [, ids] = codec.decode(frames[0] as Uint8Array) as readonly [string, readonly unknown[]];
    asked += ids.length;
    frames = say(["statement-have", []]);
  }
  expect(asked).toBe(STATEMENTS_MISSING_MAX);
});

function hashes(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => i.toString(16).padStart(64, "0"));
}

function idOfNumber(value: number): Uint8Array {
  const id = new Uint8Array(32);
  new DataView(id.buffer).setUint32(0, value);
  return id;
}
