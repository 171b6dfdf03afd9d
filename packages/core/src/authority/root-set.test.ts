/** Who has authority is the same at a node that runs, at one that starts again, and at one that was away (rules ME1, ME2). */
import {
  AUTHORITY_EPOCH_S,
  CoreRig,
  createTestPorts,
  SeededRandom,
  TestAuthority,
} from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { coreConfig } from "../config.ts";
import type { Effect } from "../effect.ts";
import { Outbox } from "../outbox.ts";
import { Authority } from "./authority.ts";
import type { RootClaims } from "./claims.ts";
import { ROOTS_MAX, type RootStatement } from "./root-chain.ts";
import { RootRows } from "./root-rows.ts";

const T = AUTHORITY_EPOCH_S;
const ISSUERS = ["issuer", "b", "thief"];
const NODES = ["n1", "n2", "n3"];
const fleet = new TestAuthority();
const idOf = (token: string): string => TestAuthority.idOf(token);

/** Signed with the fleet's first key, if nothing else is said. */
const upon = (before: string, number: number, claims: Partial<RootClaims> = {}): string =>
  fleet.root({ number, previous: idOf(before), issuedS: T + number * 10, ...claims });

/** The `at`-th root key, and what it commits to. */
function rootKey(at: number): Pick<RootClaims, "signer" | "nextRootHash"> {
  const signer = at === 0 ? fleet.fleet : fleet.key(`root ${at + 1}`);
  return { signer, nextRootHash: fleet.keyHash(`root ${at + 2}`) };
}

/** Of those that `make` gives for later and later dates, one with a smaller id than that of `other`. */
function ground(other: string, make: (issuedS: number) => string): string {
  for (let i = 0; i < 256; i++) {
    const token = make(T + 100 + i);
    if (idOf(token) < idOf(other)) return token;
  }
  throw new Error("A thief would have gone on.");
}

// An everyday history: two statements with the first key, then its rotation.
const R1 = fleet.root();
const S2 = upon(R1, 2, { issuers: [fleet.issuer("issuer"), fleet.issuer("b")] });
const S3 = upon(S2, 3);
const O4 = upon(S3, 4, rootKey(1));
const HONEST = [R1, S2, S3, O4];
// What a thief of the replaced key signs, with an issuer of his own.
const thief = [fleet.issuer("thief")];
const RIVAL = ground(S2, (issuedS) =>
  upon(R1, 2, { issuedS, issuers: thief, charterKey: fleet.key("thief") }),
);
const MALLORY = fleet.grant("mallory", { signer: fleet.key("thief"), issuedS: T + 1 });

function createAuthority(): Authority {
  const identity = { fleet: fleet.fleet, self: "self", name: "self", region: "eu", agent: "test" };
  const env = { ports: createTestPorts("self"), identity, config: coreConfig(), out: new Outbox() };
  return new Authority(env);
}

/** Root statements that branch anywhere, each key with one first statement, and grants and revocations by all that they may name. */
function stolenRoots(random: SeededRandom): {
  readonly roots: readonly string[];
  readonly others: readonly string[];
} {
  const some = <X>(all: readonly X[]): readonly X[] => all.filter(() => random.chance(0.5));
  const others = NODES.flatMap((node) =>
    ISSUERS.flatMap((issuer) => {
      const by = { signer: fleet.key(issuer), issuedS: T + random.integer(50) };
      return [fleet.grant(node, by), ...some([fleet.revocation(node, [], by)])];
    }),
  );
  const first = fleet.root({ issuers: ISSUERS.slice(0, 2).map((name) => fleet.issuer(name)) });
  const made = [{ token: first, number: 1, key: 0 }];
  let newestKey = 0;
  for (let i = 0; i < 12; i++) {
    const before = random.pick(made);
    const isRotation = before.key === newestKey && newestKey < 2 && random.chance(0.25);
    if (isRotation) newestKey++;
    const key = isRotation ? newestKey : before.key;
    const issuers = some(ISSUERS).map((name) => fleet.issuer(name));
    const voids = some([random.pick(ISSUERS)]).map((name) => ({
      key: fleet.key(name),
      kept: some(others).map(idOf),
    }));
    const issuedS = T + random.integer(100);
    const number = before.number + 1;
    const token = upon(before.token, number, { ...rootKey(key), issuers, voids, issuedS });
    made.push({ token, number, key });
  }
  return { roots: made.map(({ token }) => token), others };
}

/** A node with its disk. */
class HeldAuthority {
  readonly disk = new Map<string, string>();
  authority = createAuthority();

  /** Takes them as one set; true when one of them was new. */
  take(...tokens: readonly string[]): boolean {
    const news = this.authority.takeAll(tokens, 0).filter((result) => result.status === "new");
    for (const { statement, dropped } of news) {
      this.disk.set(statement.id, statement.token);
      for (const id of dropped) this.disk.delete(id);
    }
    return news.length > 0;
  }

  /** What is on disk is read in the order of its names; those that were not taken. */
  restart(): readonly unknown[] {
    this.authority = createAuthority();
    const rows = [...this.disk].toSorted(([a], [b]) => (a < b ? -1 : 1));
    return this.authority.restore(rows.map(([, token]) => token));
  }

  /** What it makes of everybody. */
  get says(): unknown {
    const { authority } = this;
    const of = (node: string): unknown => [
      authority.authorship(node),
      authority.grantStatementOf(node)?.id,
      authority.cutsOf(node)?.size,
    ];
    return { root: authority.root?.id, digest: authority.digest, nodes: NODES.map(of) };
  }
}
function held(...tokens: readonly string[]): HeldAuthority {
  const node = new HeldAuthority();
  for (const token of tokens) node.take(token);
  return node;
}

test("ME2, P5 who has the key that was replaced owns no node that starts again, though the rotation stands high above his rival", () => {
  const node = held(...HONEST, fleet.grant("n1"), fleet.revocation("n2"), RIVAL);
  expect(node.authority.disputedRoots).toEqual([2]);
  const before = node.says;
  expect(node.restart()).toEqual([]);
  expect(node.says).toEqual(before);
  expect(node.authority.root?.id).toBe(idOf(O4));
  expect(node.authority.disputedRoots).toEqual([2]);
  expect(node.authority.take(MALLORY)).toMatchObject({ code: "signer-unknown" });
});

test("ME2, P5 a whole node that was told a rival of a replaced key starts again with the root that it had", () => {
  const config = { statements: [...HONEST, fleet.grant("a"), fleet.grant("b")] };
  const rig = new CoreRig("a", { fleet: fleet.fleet, config });
  rig.start();
  const bytes = createTestPorts("a").codec.encode(RIVAL);
  rig.input({ type: "gossip", topic: "authority", from: "b", bytes });
  rig.settle();
  expect(rig.core.authority(rig.now).disputedRoots).toEqual([2]);
  const given = { statements: [R1, fleet.grant("a")] };
  const again = new CoreRig("a", { fleet: fleet.fleet, config: given, rows: rig.rows });
  again.start();
  const { root, badRows } = again.core.authority(again.now);
  expect([root?.id, badRows]).toEqual([idOf(O4), 0]);
  const [answer] = again.input({ type: "hello", from: "mallory", grant: MALLORY });
  expect(answer).toMatchObject({ type: "admit", refusal: "grant-unknown" });
});

test("ME2 what a node was enrolled with is judged as a whole, against a rival that it holds as well", () => {
  const node = held(R1, RIVAL);
  expect(node.authority.root?.id).toBe(idOf(RIVAL));
  expect(node.take(O4, S3, S2)).toBe(true);
  expect(node.authority.root?.id).toBe(idOf(O4));
  expect(node.authority.disputedRoots).toEqual([2]);
  expect(held(...HONEST).authority.digest).toBe(node.authority.digest);
});

test("ME2 a first statement that stands upon nothing here does not take the place of the genuine one", () => {
  // The second key was stolen as well, and its thief is the first to say something with it.
  const nowhere = upon(upon(R1, 2, { issuedS: T }), 3, rootKey(1));
  const authority = createAuthority();
  authority.takeAll([nowhere, ...HONEST], 0);
  expect(authority.root?.id).toBe(idOf(O4));
});

test("P5, ME2 a start changes nothing of what a node makes of statements by stolen keys, whatever they are and in whatever order they came", () => {
  for (let run = 0; run < 100; run++) {
    const random = new SeededRandom(`restart ${run}`);
    const { roots, others } = stolenRoots(random);
    const node = held();
    for (const token of random.shuffled([...roots, ...roots, ...others])) {
      node.take(token);
      if (!random.chance(0.2)) continue;
      const before = node.says;
      expect(node.restart(), `run ${run}`).toEqual([]);
      expect(node.says, `run ${run}`).toEqual(before);
    }
  }
});

test("P1, ME2 nodes that tell each other their rows agree on who has authority, whatever was signed with stolen keys, in any order, and started again or not", () => {
  for (let run = 0; run < 60; run++) {
    const random = new SeededRandom(`sync ${run}`);
    const { roots, others } = stolenRoots(random);
    const nodes = [held(), held(), held()];
    for (const node of nodes)
      for (const token of random.shuffled([...roots, ...others])) {
        if (random.chance(0.7)) node.take(token);
        if (random.chance(0.05)) node.restart();
      }
    const everything = held();
    everything.take(...roots, ...others);
    // Each statement was signed for somebody.
    for (const node of nodes.slice(0, 1)) node.take(...roots, ...others);
    for (let round = 0; round < 3; round++)
      for (const from of nodes)
        for (const to of nodes) to.take(...from.authority.tokens(from.authority.ids()));
    for (const node of nodes) {
      expect(node.authority.root?.id, `run ${run}`).toBe(everything.authority.root?.id);
      expect(node.authority.digest, `run ${run}`).toBe(everything.authority.digest);
      const before = node.says;
      node.restart();
      expect(node.says, `run ${run}`).toEqual(before);
    }
  }
});

/** What a node says to a peer by sync, and what that one answers, until neither has more, nor in so many seconds after that. */
function meet(a: CoreRig, b: CoreRig, seconds: number = 0): void {
  const to = (rig: CoreRig): CoreRig => (rig === a ? b : a);
  const sent = (rig: CoreRig, effects: readonly Effect[]): readonly [CoreRig, Uint8Array][] =>
    effects.flatMap((effect) =>
      effect.type === "send" && effect.channel === "sync" ? [[to(rig), effect.bytes]] : [],
    );
  const peerUp = (rig: CoreRig): readonly Effect[] =>
    rig.input({ type: "peer-up", peer: { node: to(rig).node, agent: "t", addresses: [] } });
  const waiting = [...sent(a, peerUp(a)), ...sent(b, peerUp(b))];
  for (let second = 0; second <= seconds; second++) {
    if (second > 0) for (const rig of [a, b]) waiting.push(...sent(rig, rig.advance(1_000)));
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [rig, bytes] = next;
      const input = { type: "message", channel: "sync", from: to(rig).node, bytes } as const;
      waiting.push(...sent(rig, [...rig.input(input), ...rig.settle()]));
    }
  }
}

function startRig(node: string, statements: readonly string[]): CoreRig {
  const rig = new CoreRig(node, { fleet: fleet.fleet, config: { statements } });
  rig.start();
  return rig;
}

const rootOf = (rig: CoreRig): unknown => rig.core.authority(rig.now).root?.id;
const GRANTS = ["a", "b"].map((node) => fleet.grant(node));

test.each([
  ["hears his rival first", [RIVAL]],
  ["hears two rivals first", [RIVAL, ground(RIVAL, (issuedS) => upon(R1, 2, { issuedS }))]],
])("P1, ME2 who was away and %s has the rotation from any peer", (_, rivals) => {
  const a = startRig("a", [R1, ...rivals, ...GRANTS]);
  expect(rootOf(a)).not.toBe(idOf(O4));
  // Of an issuer whom one of these rows has named.
  const later = fleet.grant("later", { signer: fleet.key("b"), issuedS: T + 25 });
  meet(a, startRig("b", [...HONEST, ...GRANTS, later]));
  expect(rootOf(a)).toBe(idOf(O4));
  expect(a.core.authority(a.now).grants.map(({ node }) => node)).toEqual(["a", "b", "later"]);
});

test("P1, ME2 a row that takes several answers, with roots that nobody here has heard of, is judged as a whole", () => {
  const row = [R1, S2];
  // Long lists: of a few statements one answer is full.
  const kept = (at: number): string[] =>
    Array.from({ length: 256 }, (_, i) => idOf(`kept ${at} ${i}`));
  for (let number = 3; number < 20; number++)
    row.push(
      upon(row.at(-1) ?? R1, number, { voids: [{ key: fleet.key("x"), kept: kept(number) }] }),
    );
  row.push(upon(row.at(-1) ?? R1, 20, rootKey(1)));
  row.push(upon(row.at(-1) ?? R1, 21, rootKey(2)));
  const last = upon(row.at(-1) ?? R1, 22, rootKey(2));
  const a = startRig("a", [R1, RIVAL, ...GRANTS]);
  const b = startRig("b", [...row, last, ...GRANTS]);
  meet(a, b);
  expect(rootOf(a)).toBe(idOf(last));
  const published = a.core.authority(a.now);
  expect(published.disputedRoots).toEqual([2]);
});

test("P1, ME2 a row of more statements than one question asks for is judged as a whole, whatever their ids are", () => {
  const row = [R1, S2];
  for (let number = 3; number <= 100; number++) row.push(upon(row.at(-1) ?? R1, number));
  // Of keys that nobody here has heard of: a question by id brings the last ones before those that they stand upon.
  for (const key of [1, 2, 2, 2, 2, 2])
    row.push(upon(row.at(-1) ?? R1, row.length + 1, rootKey(key)));
  const a = startRig("a", [R1, RIVAL, ...GRANTS]);
  const b = startRig("b", [...row, ...GRANTS]);
  meet(a, b, 5);
  expect(rootOf(a)).toBe(idOf(row.at(-1) ?? ""));
});

test("ME2, P6 of a peer's row ROOTS_MAX statements wait, and none once the exchange is over or the peer is gone", () => {
  const rows = new RootRows();
  const authority = createAuthority();
  authority.take(R1);
  const root = authority.root as RootStatement;
  for (let i = 0; i < ROOTS_MAX + 10; i++) rows.add("b", { ...root, id: idOf(`root ${i}`) });
  expect([rows.has("b"), rows.has("c")]).toEqual([true, false]);
  expect(rows.take("b")).toHaveLength(ROOTS_MAX);
  expect([rows.has("b"), rows.take("b")]).toEqual([false, []]);
});

test("ME2 a root statement by gossip that hangs in the air has the peer asked for its row", () => {
  const a = startRig("a", [R1, RIVAL, ...GRANTS]);
  const b = startRig("b", [...HONEST, ...GRANTS]);
  a.input({ type: "peer-up", peer: { node: "b", agent: "t", addresses: [] } });
  a.settle();
  const { codec } = createTestPorts("a");
  const bytes = codec.encode(O4);
  const effects = a.input({ type: "gossip", topic: "authority", from: "b", bytes });
  expect(effects[0]).toMatchObject({ type: "validate", result: "ignore" });
  const asked = effects.flatMap((effect) =>
    effect.type === "send" && effect.channel === "sync" ? [codec.decode(effect.bytes)] : [],
  );
  expect(asked).toEqual([["statements", expect.anything()]]);
  // And it was not looked at in vain: with the row it stands.
  meet(a, b);
  expect(rootOf(a)).toBe(idOf(O4));
});

test("ME2 a statement by gossip of a key that nobody has named has the peer asked for its row, as roots that came between may name it", () => {
  const third = upon(ROTATED, 3, rootKey(2));
  const a = startRig("a", [R1, ...GRANTS]);
  a.input({ type: "peer-up", peer: { node: "b", agent: "t", addresses: [] } });
  a.settle();
  const { codec } = createTestPorts("a");
  const heard = (token: string): readonly Effect[] =>
    a.input({ type: "gossip", topic: "authority", from: "b", bytes: codec.encode(token) });
  const asked = (effects: readonly Effect[]): readonly unknown[] =>
    effects.flatMap((effect) =>
      effect.type === "send" && effect.channel === "sync" ? [codec.decode(effect.bytes)] : [],
    );
  expect(asked(heard(third))).toEqual([["statements", expect.anything()]]);
  // Whoever says more of it costs a question every two seconds at most.
  expect(asked(heard(upon(third, 4, rootKey(3))))).toEqual([]);
  meet(a, startRig("b", [R1, ROTATED, third, ...GRANTS]));
  expect(rootOf(a)).toBe(idOf(third));
});

test("ME2 what an operator hands over as one row is judged as one, and he is told where it does not stand", () => {
  const a = startRig("a", [R1, RIVAL, ...GRANTS]);
  const submit = (...tokens: readonly string[]): unknown => {
    const command = { type: "statements", tokens } as const;
    const effects = [...a.input({ type: "command", id: 1, command }), ...a.settle()];
    return effects.flatMap((effect) => (effect.type === "reply" ? [effect.result] : []))[0];
  };
  expect(submit(S2, S3)).toMatchObject({ ok: false, code: "signer-unknown" });
  expect(submit(S2, "no token", O4)).toMatchObject({ ok: false, code: "statement-malformed" });
  expect(rootOf(a)).toBe(idOf(RIVAL));
  expect(submit(S2, S3, O4)).toEqual({ ok: true });
  expect(rootOf(a)).toBe(idOf(O4));
  // Whoever repeats it is told the same.
  expect(submit(S2, S3, O4)).toEqual({ ok: true });
  expect(submit(RIVAL)).toMatchObject({ ok: false, code: "signer-unknown" });
});

/** By the first key, upon number 1, each with a smaller id than the one before: the worst order in which they can come. */
function rivalsOf(count: number): readonly string[] {
  const all = Array.from({ length: count }, (_, i) => upon(R1, 2, { issuedS: T + 1_000 + i }));
  return all.toSorted((a, b) => (idOf(a) < idOf(b) ? 1 : -1));
}

const ROTATED = upon(R1, 2, rootKey(1));

test("ME2, P6 of the rivals of a number one is held, and any number of others changes nothing, also in what is said by the digest", () => {
  const node = held(R1, ROTATED, ...GRANTS);
  const { digest } = node.authority;
  const [first = "", ...others] = rivalsOf(300);
  expect(node.take(first)).toBe(true);
  const { version } = node.authority;
  for (const rival of others) expect(node.take(rival)).toBe(false);
  expect([node.authority.version, node.disk.size]).toEqual([version, 5]);
  expect(node.authority.disputedRoots).toEqual([2]);
  // Nobody is told of it by sync: each node has its own.
  expect(node.authority.digest).toBe(digest);
  expect(node.authority.ids()).not.toContain(idOf(first));
  expect(node.authority.tokens([idOf(first)])).toEqual([]);
  expect(node.restart()).toEqual([]);
  expect(node.authority.has(idOf(first))).toBe(true);
});

test("ME2, P6 whoever floods a fleet with rivals by a replaced key has none written, published or audited one by one, but for the first", () => {
  const rig = startRig("a", [R1, ROTATED, ...GRANTS]);
  const { codec } = createTestPorts("a");
  const gossip = (token: string): readonly Effect[] => {
    const input = { type: "gossip", topic: "authority", from: "b", bytes: codec.encode(token) };
    return [...rig.input(input as Parameters<typeof rig.input>[0]), ...rig.settle()];
  };
  const kinds = (effects: readonly Effect[]): readonly string[] =>
    effects.flatMap((effect) => {
      if (effect.type === "publish" && effect.topic === "authority") return ["publish"];
      if (effect.type === "persist")
        return effect.ops.map(({ key }) => key.split("/")[0] ?? "").filter((key) => key !== "");
      return [];
    });
  const [first = "", ...others] = rivalsOf(200);
  expect(kinds(gossip(first)).filter((kind) => kind === "authority")).toHaveLength(1);
  const rows = [...rig.rows.keys()].filter((key) => key.startsWith("authority/"));
  let said = 0;
  for (const rival of others) {
    const effects = kinds(gossip(rival));
    expect(effects.filter((kind) => kind !== "audit" && kind !== "audit-head")).toEqual([]);
    said += effects.length;
  }
  expect([...rig.rows.keys()].filter((key) => key.startsWith("authority/"))).toEqual(rows);
  // What is refused is audited once a second for each reason.
  expect(said).toBeLessThan(20);
  expect(rootOf(rig)).toBe(idOf(ROTATED));
});

test("ME2, P6 a rival has nothing looked at again that counted nowhere before it", () => {
  const rig = startRig("a", [R1, ROTATED, ...GRANTS]);
  const { codec } = createTestPorts("a");
  const looksAt = (token: string): boolean => {
    const bytes = codec.encode(token);
    const effects = rig.input({ type: "gossip", topic: "authority", from: "b", bytes });
    return effects.some((effect) => effect.type === "emit" && effect.event.type === "rejected");
  };
  const lateS = T + 20 * 365 * 86_400;
  const vain = fleet.grant("x", { notBeforeS: lateS, expS: lateS + 86_400 });
  expect([looksAt(vain), looksAt(vain)]).toEqual([true, false]);
  for (const rival of rivalsOf(3)) looksAt(rival);
  expect(rig.core.authority(rig.now).disputedRoots).toEqual([2]);
  expect(looksAt(vain)).toBe(false);
  looksAt(upon(ROTATED, 3, rootKey(1)));
  expect(looksAt(vain)).toBe(true);
});
