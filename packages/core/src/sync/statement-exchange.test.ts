import { AUTHORITY_EPOCH_S, CoreRig, createTestPorts, TestAuthority } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { STATEMENTS_IN_VAIN_PER_SECOND_MAX } from "../authority/statements-in-vain.ts";
import type { Effect } from "../effect.ts";
import type { ReadToken } from "../ports.ts";
import { STATEMENT_IDS_PAGE_MAX, STATEMENT_WANT_MAX } from "./messages.ts";
import {
  STATEMENT_BYTES_PER_SECOND_MAX,
  STATEMENT_HAVE_BYTES_MAX,
  STATEMENTS_MISSING_MAX,
  STATEMENTS_TOLD_PER_SECOND_MAX,
} from "./statement-exchange.ts";

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

/** As it is said where two meet. */
function digestOf(rig: CoreRig): unknown {
  const peer = { node: "b", agent: "t", addresses: [] };
  const [first] = framesOf(rig.input({ type: "peer-up", peer }));
  return (codec.decode(first as Uint8Array) as readonly unknown[])[1];
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

const isCompared = (rig: CoreRig): boolean => rig.core.authority(rig.now).isCompared;
/** What a peer says about statements, and what is said to it. */
const hear = (rig: CoreRig, from: string, message: unknown): readonly Effect[] => [
  ...rig.input({ type: "message", channel: "sync", from, bytes: codec.encode(message) }),
  ...rig.settle(),
];
const idBytes = (token: string): Uint8Array => Buffer.from(TestAuthority.idOf(token), "hex");
const MEMBERS = [fleet.root(), ...["a", "b", "m"].map((node) => fleet.grant(node))];

test("ME2 of two members each knows when it holds all that the other does, whichever of them lacked something", () => {
  const both = MEMBERS.slice(0, 3);
  for (const [mine, theirs] of [
    [both, both],
    [both, [...both, fleet.revocation("x")]],
    [[...both, fleet.revocation("x")], both],
    [
      [...both, fleet.revocation("x")],
      [...both, fleet.revocation("y")],
    ],
  ] as const) {
    const [a, b] = [start("a", mine), start("b", theirs)];
    expect([isCompared(a), isCompared(b)]).toEqual([false, false]);
    meet(a, b);
    expect([isCompared(a), isCompared(b)]).toEqual([true, true]);
  }
  const a = start("a", both);
  a.input({ type: "peer-up", peer: { node: "b", agent: "t", addresses: [] } });
  hear(a, "b", ["statement-ids", [idBytes(fleet.grant("x"))], true, false]);
  expect(isCompared(a)).toBe(false);
});

test("ME2 no single one of several members, and nobody who holds less or is none, makes an issuer on an old disk take itself for up to date", () => {
  const a = start("a", MEMBERS);
  for (const node of ["b", "m", "stranger"])
    a.input({ type: "peer-up", peer: { node, agent: "t", addresses: [] } });
  const equal = ["statements", digestOf(start("c", MEMBERS))];
  // Names that were not asked for, and less than all.
  for (const node of ["b", "m"]) hear(a, node, ["statement-ids", [], true, false]);
  hear(a, "m", ["statement-ids", MEMBERS.slice(0, 2).map(idBytes), true, false]);
  expect(isCompared(a)).toBe(false);
  for (const node of ["m", "m", "stranger"]) hear(a, node, equal);
  expect(isCompared(a)).toBe(false);
  hear(a, "b", equal);
  expect(isCompared(a)).toBe(true);
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
  const forged = fleet.grant("x").replace("region", "regiom");
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

/** A node that holds these, and a peer that asks for the same `ids` as often as it is told to. */
function asked(held: readonly string[]): {
  readonly rig: CoreRig;
  readonly want: (ids: readonly Uint8Array[]) => readonly Effect[];
} {
  const rig = start("a", held);
  rig.input({ type: "peer-up", peer: { node: "b", agent: "t", addresses: [] } });
  const want = (ids: readonly Uint8Array[]): readonly Effect[] => {
    const bytes = codec.encode(["statement-want", ids]);
    return rig.input({ type: "message", channel: "sync", from: "b", bytes });
  };
  return { rig, want };
}

/** Asks until nothing is answered; far more often than it may. */
function answersTo(ask: () => readonly Effect[]): readonly Uint8Array[] {
  const answers: Uint8Array[] = [];
  for (let i = 0; i < 1_000; i++) {
    const [frame] = framesOf(ask());
    if (frame === undefined) break;
    answers.push(frame);
  }
  return answers;
}

const isRefused = (effects: readonly Effect[]): boolean =>
  effects.some((effect) => effect.type === "emit" && effect.event.type === "rejected");

test("P6 one peer is told STATEMENTS_TOLD_PER_SECOND_MAX statements a second; what it asks beyond is answered in the next one, and what it asks before that is out of turn", () => {
  const grants = Array.from({ length: STATEMENT_WANT_MAX }, (_, i) => fleet.grant(`n${i}`));
  const { rig, want } = asked([fleet.root(), ...grants]);
  const ids = grants.map((grant) => Buffer.from(TestAuthority.idOf(grant), "hex"));
  const answers = STATEMENTS_TOLD_PER_SECOND_MAX / STATEMENT_WANT_MAX;
  for (let i = 0; i < Math.floor(answers); i++) expect(framesOf(want(ids))).toHaveLength(1);
  const over = want(ids);
  expect([framesOf(over), isRefused(over)]).toEqual([[], false]);
  expect(isRefused(want(ids))).toBe(true);
  // Nobody else waits for that.
  rig.input({ type: "peer-up", peer: { node: "c", agent: "t", addresses: [] } });
  const bytes = codec.encode(["statement-want", ids]);
  const other = rig.input({ type: "message", channel: "sync", from: "c", bytes });
  expect(framesOf(other)).toHaveLength(1);
  const late = framesOf(rig.advance(1_000));
  expect(late.map((frame) => (codec.decode(frame) as readonly [string, string[]])[1])).toEqual([
    grants,
  ]);
  expect(framesOf(want(ids))).toHaveLength(1);
  expect(framesOf(rig.advance(3_000))).toEqual([]);
});

test("P6 one peer is told STATEMENT_BYTES_PER_SECOND_MAX of statements a second, and names of nothing cost as much as others", () => {
  const revocations = Array.from({ length: STATEMENT_WANT_MAX }, (_, i) => {
    const place = { document: "reported" as const, epoch: 1, seq: 1, hash: "a".repeat(64) };
    return fleet.revocation(`r${i}`, [{ ...place, parts: hashes(60), robots: 1 }]);
  });
  const { want } = asked([fleet.root(), ...revocations]);
  const ids = revocations.map((token) => Buffer.from(TestAuthority.idOf(token), "hex"));
  let told = 0;
  for (const { length } of answersTo(() => want(ids))) told += length;
  expect(told).toBeGreaterThan(STATEMENT_BYTES_PER_SECOND_MAX / 2);
  expect(told).toBeLessThan(STATEMENT_BYTES_PER_SECOND_MAX + STATEMENT_HAVE_BYTES_MAX + 8 * 1024);
  const nothing = asked([fleet.root()]);
  const strange = Array.from({ length: STATEMENT_WANT_MAX }, (_, i) => idOfNumber(i));
  const count = answersTo(() => nothing.want(strange)).length * STATEMENT_WANT_MAX;
  expect(count).toBeLessThanOrEqual(STATEMENTS_TOLD_PER_SECOND_MAX);
});

test("P6 what a peer is owed goes with it", () => {
  const { rig, want } = asked([fleet.root()]);
  const strange = Array.from({ length: STATEMENT_WANT_MAX }, (_, i) => idOfNumber(i));
  expect(answersTo(() => want(strange)).length).toBeGreaterThan(0);
  rig.input({ type: "peer-down", node: "b" });
  expect(framesOf(rig.advance(3_000))).toEqual([]);
});

/** A node of a fleet whose issuer may grant for a few robots only, and a peer; and how often a signature was looked at. */
function offered(): {
  readonly rig: CoreRig;
  readonly reads: () => number;
  readonly offer: (tokens: readonly string[]) => readonly Effect[];
  readonly give: (tokens: readonly string[]) => readonly Effect[];
} {
  let reads = 0;
  const base = createTestPorts("a");
  const read = (token: string): ReadToken | undefined => {
    reads += 1;
    return base.tokens.read(token);
  };
  const ports = { ...base, tokens: { ...base.tokens, read } };
  const root = fleet.root({ issuers: [{ ...fleet.issuer("issuer"), robots: ["zap-*"] }] });
  const rig = new CoreRig("a", { fleet: fleet.fleet, ports, config: { statements: [root] } });
  rig.start();
  rig.input({ type: "peer-up", peer: { node: "b", agent: "t", addresses: [] } });
  const begun = reads;
  const say = (message: unknown): readonly Effect[] => [
    ...rig.input({ type: "message", channel: "sync", from: "b", bytes: codec.encode(message) }),
    ...rig.settle(),
  ];
  return {
    rig,
    reads: () => reads - begun,
    offer: (tokens) => say(["statement-ids", tokens.map(bytesOf), true, false]),
    give: (tokens) => say(["statement-have", tokens]),
  };
}

const bytesOf = (token: string): Uint8Array => Buffer.from(TestAuthority.idOf(token), "hex");

/** What is asked for, of these. */
function wanted(effects: readonly Effect[], tokens: readonly string[]): readonly string[] {
  const byId = new Map(tokens.map((token) => [TestAuthority.idOf(token), token]));
  return framesOf(effects).flatMap((frame) => {
    const [type, ids] = codec.decode(frame) as readonly [string, readonly Uint8Array[]];
    if (type !== "statement-want") return [];
    return ids.map((id) => byId.get(Buffer.from(id).toString("hex")) ?? "");
  });
}

test("P6, ME1 of statements that count nowhere STATEMENTS_IN_VAIN_PER_SECOND_MAX of one peer are looked at in a second; the rest is asked for later, and what counts is found among them", () => {
  const { rig, reads, offer, give } = offered();
  const beyond = Array.from({ length: 200 }, (_, i) => fleet.grant(`n${i}`));
  const good = fleet.grant("m", { robots: ["zap-7"] });
  const all = [...beyond, good];
  let effects = offer(all);
  const perSecond: number[] = [];
  for (let second = 0; second < 4; second++) {
    let asked = wanted(effects, all);
    const before = reads();
    for (; asked.length > 0; asked = wanted(effects, all)) effects = give(asked);
    perSecond.push(reads() - before);
    effects = rig.advance(1_000);
  }
  const most = STATEMENTS_IN_VAIN_PER_SECOND_MAX;
  expect(perSecond).toEqual([most, most, most, all.length - 3 * most]);
  expect(rowsOf(rig)).toContain(`authority/${TestAuthority.idOf(good)}`);
  // Offered again, none is asked for; and by gossip none is looked at.
  const done = reads();
  expect(wanted([...offer(all), ...rig.advance(5_000)], all)).toEqual([]);
  const bytes = codec.encode(beyond[0]);
  rig.input({ type: "gossip", topic: "authority", from: "c", bytes });
  expect(reads()).toBe(done);
});

test("P6 what a peer has spent by gossip it has not for sync, and the other way round", () => {
  const { rig, reads, offer, give } = offered();
  const beyond = Array.from({ length: 100 }, (_, i) => fleet.grant(`n${i}`));
  const said = beyond.slice(0, 40);
  for (const token of said) {
    const bytes = codec.encode(token);
    rig.input({ type: "gossip", topic: "authority", from: "b", bytes });
  }
  expect(reads()).toBe(40);
  const asked = wanted(offer(beyond), beyond);
  expect(asked).toHaveLength(STATEMENTS_IN_VAIN_PER_SECOND_MAX - 40);
  give(asked);
  const bytes = codec.encode(beyond.at(-1));
  rig.input({ type: "gossip", topic: "authority", from: "b", bytes });
  expect(reads()).toBe(STATEMENTS_IN_VAIN_PER_SECOND_MAX);
});

test("P6, ME1 of a key that no root statement speaks of not even the signature is looked at; when one does, what it signed is asked for again", () => {
  const { rig, reads, offer, give } = offered();
  const signer = fleet.key("second");
  const early = Array.from({ length: 10 }, (_, i) => fleet.grant(`n${i}`, { signer }));
  expect(wanted(give(wanted(offer(early), early)), early)).toEqual([]);
  expect(reads()).toBe(0);
  expect(wanted(offer(early), early)).toEqual([]);
  const [root] = rig.core.authority(rig.now).enrolment;
  const issuers = [fleet.issuer("issuer"), fleet.issuer("second")];
  const next = fleet.root({ number: 2, previous: TestAuthority.idOf(root ?? ""), issuers });
  rig.input({ type: "command", id: 1, command: { type: "statement", token: next } });
  rig.settle();
  give(wanted(offer(early), early));
  expect(rowsOf(rig)).toHaveLength(early.length + 2);
});

test("P6 of a grant that a newer one has outdone each is looked at once", () => {
  const { reads, offer, give } = offered();
  const robots = ["zap-*"];
  const old = Array.from({ length: 10 }, (_, i) =>
    fleet.grant("m", { robots, issuedS: AUTHORITY_EPOCH_S + i }),
  );
  const newest = fleet.grant("m", { robots, issuedS: AUTHORITY_EPOCH_S + 100 });
  give(wanted(offer([newest]), [newest]));
  give(wanted(offer(old), old));
  expect(reads()).toBe(11);
  expect(wanted(offer(old), old)).toEqual([]);
});

function hashes(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => i.toString(16).padStart(64, "0"));
}

function idOfNumber(value: number): Uint8Array {
  const id = new Uint8Array(32);
  new DataView(id.buffer).setUint32(0, value);
  return id;
}
