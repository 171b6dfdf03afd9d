import {
  AUTHORITY_EPOCH_S,
  CoreRig,
  createTestPorts,
  signTestToken,
  TestAuthority,
} from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import type { AdmissionRefusal } from "../driver/transport.ts";
import type { Effect } from "../effect.ts";
import { STATEMENTS_PER_SECOND_MAX } from "./authority-keeper.ts";
import { STALE_AFTER_MS } from "./authority.ts";
import { AUTHORITY_PREFIX } from "./rows.ts";

const fleet = new TestAuthority();
const { codec } = createTestPorts("a");
const ROOT = fleet.root();
const DAY_S = 86_400;

function start(statements: readonly string[] = [ROOT], rows?: Map<string, Uint8Array>): CoreRig {
  const rig = new CoreRig("a", { fleet: fleet.fleet, config: { statements }, rows });
  rig.start();
  return rig;
}

function hello(rig: CoreRig, from: string, grant?: string): AdmissionRefusal | undefined {
  const [answer] = rig.input({ type: "hello", from, grant });
  if (answer?.type !== "admit") throw new Error("The first effect must answer a hello.");
  return answer.refusal;
}

function gossip(rig: CoreRig, token: unknown, from: string = "b"): string | undefined {
  const bytes = codec.encode(token);
  const [answer] = rig.input({ type: "gossip", topic: "authority", from, bytes });
  return answer?.type === "validate" ? answer.result : undefined;
}

function submit(rig: CoreRig, token: string): readonly Effect[] {
  return [
    ...rig.input({ type: "command", id: 1, command: { type: "statement", token } }),
    ...rig.settle(),
  ];
}

function up(rig: CoreRig, node: string): void {
  rig.input({ type: "peer-up", peer: { node, agent: "t", addresses: [] } });
}

function ofType<T extends Effect["type"]>(
  effects: readonly Effect[],
  type: T,
): readonly Extract<Effect, { type: T }>[] {
  return effects.filter((effect) => effect.type === type) as Extract<Effect, { type: T }>[];
}

test("ME3 who was let in, and is a member no more once it is connected, is hung up on", () => {
  const rig = start([ROOT, fleet.grant("a"), fleet.grant("b"), fleet.grant("m")]);
  up(rig, "b");
  expect(hello(rig, "m", fleet.grant("m"))).toBeUndefined();
  gossip(rig, fleet.revocation("m"));
  rig.settle();
  const peer = { node: "m", agent: "t", addresses: [] };
  expect(ofType(rig.input({ type: "peer-up", peer }), "expel")).toMatchObject([{ nodes: ["m"] }]);
  // Who is one is not.
  const other = { node: "b", agent: "t", addresses: [] };
  expect(ofType(rig.input({ type: "peer-up", peer: other }), "expel")).toEqual([]);
});

test("SG2, SG4 a well signed statement of a kind that a later version has is ignored, and nobody is punished for handing it on", () => {
  const rig = start([ROOT, fleet.grant("a"), fleet.grant("b")]);
  const of = (type: string): string =>
    signTestToken({
      type,
      signer: fleet.key("issuer"),
      claims: { iss: fleet.key("issuer"), aud: fleet.fleet, iat: AUTHORITY_EPOCH_S, sub: "b" },
    });
  const later = of("pulsemesh-suspension+jwt");
  expect(gossip(rig, later)).toBe("ignore");
  expect(ofType(submit(rig, later), "reply")[0]?.result).toMatchObject({
    ok: false,
    code: "statement-unknown",
  });
  up(rig, "b");
  const say = (message: unknown): readonly Effect[] =>
    rig.input({ type: "message", channel: "sync", from: "b", bytes: codec.encode(message) });
  const name = (token: string): Uint8Array => Buffer.from(TestAuthority.idOf(token), "hex");
  const other = of("pulsemesh-treaty+jwt");
  expect(ofType(say(["statement-ids", [name(other)], true, false]), "send")).toHaveLength(1);
  say(["statement-have", [other]]);
  // It is asked on.
  const next = fleet.grant("n");
  expect(ofType(say(["statement-ids", [name(next)], true, false]), "send")).toHaveLength(1);
  // What is no statement of ours in any version is wrong for everybody.
  for (const type of ["jwt", "pulsemesh-+jwt", "other-grant+jwt", "pulsemesh-Grant+jwt"])
    expect([type, gossip(rig, of(type))]).toEqual([type, "reject"]);
});

test("P6, ME1 of a grant in a hello by a key that no root statement speaks of not even the signature is looked at", () => {
  const ports = createTestPorts("a");
  let reads = 0;
  const tokens = { ...ports.tokens, read: (token: string) => (reads++, ports.tokens.read(token)) };
  const config = { statements: [ROOT, fleet.grant("a")] };
  const rig = new CoreRig("a", { fleet: fleet.fleet, ports: { ...ports, tokens }, config });
  rig.start();
  reads = 0;
  const by = (name: string): string => fleet.grant("x", { signer: fleet.key(name) });
  expect([hello(rig, "x", by("nobody")), reads]).toEqual(["grant-unknown", 0]);
  expect([hello(rig, "x", by("issuer")), reads]).toEqual([undefined, 1]);
});

test("ME1, DU2 a statement that an operator hands over is durable before it is answered and published", () => {
  const rig = start();
  const effects = submit(rig, fleet.grant("b"));
  const [persist] = ofType(effects, "persist");
  const isAfter = (effect: { readonly after?: number | undefined }): boolean =>
    effect.after === persist?.commit;
  const published = ofType(effects, "publish").filter(({ topic }) => topic === "authority");
  expect(published.map(isAfter)).toEqual([true]);
  expect(ofType(effects, "reply").map(isAfter)).toEqual([true]);
  expect(ofType(effects, "reply")[0]?.result).toEqual({ ok: true });
});

test("ME1 a statement that does not count is refused with its reason, and nothing is written", () => {
  const rig = start();
  const forged = fleet.grant("b", { signer: fleet.key("thief") });
  const effects = submit(rig, forged);
  expect(ofType(effects, "reply")[0]?.result).toMatchObject({ ok: false, code: "signer-unknown" });
  expect(ofType(effects, "persist")).toEqual([]);
});

test("ME1, P5 after a restart the same statements are held", () => {
  const rig = start();
  submit(rig, fleet.grant("b"));
  submit(rig, fleet.revocation("c"));
  const again = start([], rig.rows);
  expect(hello(again, "b")).toBeUndefined();
  expect(hello(again, "c", fleet.grant("c"))).toBe("revoked");
  expect(hello(again, "d")).toBe("grant-none");
});

test("ME3 in an open fleet everybody is let in, and in a closed one who has a grant", () => {
  expect(hello(start([]), "b")).toBeUndefined();
  const rig = start();
  expect(hello(rig, "b")).toBe("grant-none");
  expect(hello(rig, "b", "no token")).toBe("grant-malformed");
  // Also where it is known, as whoever overheard it presents it.
  expect(hello(rig, "b", fleet.grant("c"))).toBe("grant-foreign");
  submit(rig, fleet.grant("c"));
  expect(hello(rig, "b", fleet.grant("c"))).toBe("grant-foreign");
  expect(hello(rig, "b", fleet.grant("b", { signer: fleet.key("thief") }))).toBe("grant-unknown");
  expect(hello(rig, "b", new TestAuthority("other").grant("b"))).toBe("grant-unknown");
  const late = { notBeforeS: AUTHORITY_EPOCH_S + DAY_S, expS: AUTHORITY_EPOCH_S + 2 * DAY_S };
  expect(hello(rig, "b", fleet.grant("b", late))).toBe("grant-early");
  expect(hello(rig, "b", fleet.grant("b", { issuedS: AUTHORITY_EPOCH_S + 1 }))).toBeUndefined();
  expect(hello(rig, "b")).toBeUndefined();
});

test("ME1, ME3 a stranger's hello brings its own grant and no other statement, however well that is signed", () => {
  const rig = start([ROOT, fleet.grant("b")]);
  const next = { number: 2, previous: TestAuthority.idOf(ROOT) };
  const tokens = [
    fleet.root({ ...next, issuedS: AUTHORITY_EPOCH_S + 1 }),
    fleet.root({ ...next, signer: fleet.key("root 2"), nextRootHash: fleet.keyHash("root 3") }),
    fleet.revocation("b"),
    fleet.charter(ROOT),
    fleet.grant("c"),
  ];
  for (const grant of tokens) {
    const effects = [...rig.input({ type: "hello", from: "stranger", grant }), ...rig.settle()];
    expect(effects[0]).toMatchObject({ type: "admit", refusal: "grant-foreign" });
    expect(ofType(effects, "persist")).toEqual([]);
    expect(ofType(effects, "publish").filter(({ topic }) => topic === "authority")).toEqual([]);
  }
  expect(rig.core.authority(rig.now)).toMatchObject({ disputedRoots: [], revocations: [] });
  expect(hello(rig, "b")).toBeUndefined();
});

test("ME1 a node that lost all but its pin hears of the root from whom the operator named, and from no stranger with the first root key", () => {
  const config = { closed: true, vouched: ["b"] };
  const rig = new CoreRig("a", { fleet: fleet.fleet, config });
  rig.start();
  const his = { issuers: [fleet.issuer("thief")], nextRootHash: fleet.keyHash("thief's next") };
  expect(hello(rig, "stranger", fleet.root(his))).toBe("grant-foreign");
  expect(rig.core.authority(rig.now).root).toBeUndefined();
  expect(hello(rig, "b", fleet.grant("b"))).toBeUndefined();
  up(rig, "b");
  gossip(rig, ROOT, "b");
  expect(rig.core.authority(rig.now).root?.id).toBe(TestAuthority.idOf(ROOT));
  const grant = fleet.grant("mallory", { signer: fleet.key("thief") });
  expect(hello(rig, "mallory", grant)).toBe("grant-unknown");
});

test("ME1 what a peer shows as the proof that this node is revoked is taken where it is that, and nothing else is", () => {
  const rig = start([ROOT, fleet.grant("a"), fleet.grant("b")]);
  const show = (token: string): unknown => {
    const command = { type: "statement", token, isProof: true } as const;
    return ofType([...rig.input({ type: "command", id: 1, command }), ...rig.settle()], "reply")[0]
      ?.result;
  };
  const next = { number: 2, previous: TestAuthority.idOf(ROOT), issuedS: AUTHORITY_EPOCH_S + 1 };
  for (const token of [fleet.root(next), fleet.revocation("b"), fleet.grant("c"), "no token"])
    expect(show(token)).toMatchObject({ ok: false, code: "signer-unknown" });
  expect(rig.core.authority(rig.now)).toMatchObject({ disputedRoots: [], revocations: [] });
  expect(rig.core.authority(rig.now).root?.number).toBe(1);
  expect(show(fleet.revocation("a"))).toEqual({ ok: true });
  expect(rig.core.authority(rig.now).revocations.map(({ node }) => node)).toEqual(["a"]);
});

test("ME1, ME3 in a closed fleet of which no root statement is here nobody is let in but whom the operator named, and whoever has no grant goes once it is", () => {
  const config = { closed: true, vouched: ["b", "c"] };
  const rig = new CoreRig("a", { fleet: fleet.fleet, config });
  rig.start();
  expect(hello(rig, "stranger")).toBe("grant-none");
  expect(hello(rig, "stranger", fleet.grant("stranger"))).toBe("grant-unknown");
  for (const node of ["b", "c"]) {
    expect(hello(rig, node, fleet.grant(node))).toBeUndefined();
    up(rig, node);
  }
  expect(ofType(submit(rig, ROOT), "expel")).toMatchObject([{ nodes: ["b", "c"] }]);
  expect(hello(rig, "b", fleet.grant("b"))).toBeUndefined();
  expect(hello(rig, "c")).toBe("grant-none");
  // What it holds by now needs no word of anybody.
  expect(hello(start([], rig.rows), "c")).toBe("grant-none");
});

test("ME3 what a grant in a hello makes known is told to all, once it is durable", () => {
  const rig = start();
  const effects = rig.input({ type: "hello", from: "b", grant: fleet.grant("b") });
  const [persist] = ofType(effects, "persist");
  expect(ofType(effects, "publish")).toMatchObject([
    { topic: "authority", after: persist?.commit },
  ]);
  expect(
    ofType(rig.input({ type: "hello", from: "b", grant: fleet.grant("b") }), "publish"),
  ).toEqual([]);
});

test("ME3 who is connected and is revoked, or whose grant ends, is hung up on", () => {
  const rig = start([ROOT, fleet.grant("b"), fleet.grant("c", { expS: AUTHORITY_EPOCH_S + 60 })]);
  up(rig, "b");
  up(rig, "c");
  const effects = submit(rig, fleet.revocation("b"));
  // What tells it why waits for the same.
  const [publish] = ofType(effects, "publish");
  expect(publish?.after).toBe(ofType(effects, "persist")[0]?.commit);
  expect(ofType(effects, "expel")).toEqual([
    { type: "expel", nodes: ["b"], after: publish?.after },
  ]);
  rig.input({ type: "peer-down", node: "b" });
  expect(ofType(rig.advance(60_000 + 119_000), "expel")).toEqual([]);
  expect(ofType(rig.advance(2_000), "expel")).toContainEqual({ type: "expel", nodes: ["c"] });
});

test("ME3 while the authority is stale ended grants of known nodes are honoured and nobody new is let in", () => {
  const rig = start([ROOT, fleet.grant("b", { expS: AUTHORITY_EPOCH_S + 60 })]);
  rig.wallMs += STALE_AFTER_MS - 1_000;
  rig.advance(500);
  expect(hello(rig, "b")).toBe("grant-expired");
  const events = ofType(rig.advance(3_000), "emit").map(({ event }) => event);
  expect(events).toContainEqual(
    expect.objectContaining({ type: "authority-stale", isStale: true }),
  );
  expect(hello(rig, "b")).toBeUndefined();
  const fresh = fleet.grant("c", { expS: AUTHORITY_EPOCH_S + 10 * DAY_S });
  expect(hello(rig, "c", fresh)).toBe("authority-stale");
  submit(rig, fleet.charter(ROOT, { issuedS: AUTHORITY_EPOCH_S + DAY_S }));
  expect(hello(rig, "c", fresh)).toBeUndefined();
  expect(hello(rig, "b")).toBe("grant-expired");
});

test("ME3 who knows nobody, as its store is lost, lets in whose grant has not ended though its authority is stale, and nobody else", () => {
  const own = [ROOT, fleet.grant("a", { expS: AUTHORITY_EPOCH_S + 60 })];
  const rig = start(own);
  rig.wallMs += 3 * DAY_S * 1_000;
  rig.advance(500);
  const ended = fleet.grant("x", { expS: AUTHORITY_EPOCH_S + 60 });
  for (let at = 0; at < 2; at++) expect(hello(rig, "x", ended)).toBe("grant-expired");
  const until = (days: number): object => ({ expS: AUTHORITY_EPOCH_S + days * DAY_S });
  // Whoever comes first, and brings no news, does not keep the others out.
  for (const node of ["b", "c"])
    expect([node, hello(rig, node, fleet.grant(node, until(10)))]).toEqual([node, undefined]);
  // Who knew anybody when it started has no such need.
  const other = start([...own, fleet.grant("y", until(10))]);
  other.wallMs += 3 * DAY_S * 1_000;
  other.advance(500);
  expect(hello(other, "b", fleet.grant("b", until(10)))).toBe("authority-stale");
});

test("ME3, VE9 who has left is not let in beyond its grant's end, however stale the authority is", () => {
  const rows = new Map([["left/b", codec.encode([1, 3, false])]]);
  const known = [
    ROOT,
    ...["b", "c"].map((node) => fleet.grant(node, { expS: AUTHORITY_EPOCH_S + 60 })),
  ];
  const rig = start(known, rows);
  expect(hello(rig, "b")).toBeUndefined();
  rig.wallMs += 2 * STALE_AFTER_MS;
  rig.advance(500);
  expect([hello(rig, "b"), hello(rig, "c")]).toEqual(["grant-expired", undefined]);
  const { grants } = rig.core.authority(rig.now);
  expect(grants.map(({ node, hasLeft }) => [node, hasLeft])).toEqual([
    ["b", true],
    ["c", false],
  ]);
});

test("ME3 the newest own grant is presented, from the start and after each renewal", () => {
  const first = fleet.grant("a");
  const rig = new CoreRig("a", { fleet: fleet.fleet, config: { statements: [first, ROOT] } });
  expect(ofType(rig.start(), "present")).toEqual([{ type: "present", grant: first }]);
  const renewed = fleet.grant("a", { issuedS: AUTHORITY_EPOCH_S + 7 * DAY_S });
  expect(ofType(submit(rig, renewed), "present")).toEqual([{ type: "present", grant: renewed }]);
});

test("SG4 gossip that is wrong for everybody is rejected, and what may count where more is known is ignored", () => {
  const rig = start();
  expect(gossip(rig, fleet.grant("b"))).toBe("accept");
  expect(gossip(rig, fleet.grant("b"))).toBe("ignore");
  expect(gossip(rig, fleet.grant("c", { signer: fleet.key("thief") }))).toBe("ignore");
  expect(gossip(rig, fleet.grant("d").replace("region", "regiom"))).toBe("reject");
  expect(gossip(rig, 7)).toBe("reject");
});

test("ME1, P6 refused statements are counted, and audited once a second for each reason", () => {
  const rig = start();
  const bytes = codec.encode(fleet.grant("c", { signer: fleet.key("thief") }));
  const send = (): readonly Effect[] =>
    rig.input({ type: "gossip", topic: "authority", from: "b", bytes });
  const rejected = { type: "rejected", reason: "signer-unknown", from: "b" };
  const auditedBy = (effects: readonly Effect[]): number => ofType(effects, "persist").length;
  const [first, second] = [send(), send()];
  for (const effects of [first, second])
    expect(ofType(effects, "emit").map(({ event }) => event)).toContainEqual(rejected);
  expect([first, second].map(auditedBy)).toEqual([1, 0]);
});

test("P6, SG4 of statements by gossip STATEMENTS_PER_SECOND_MAX of a peer are looked at a second; what is beyond is not heard, and is where another peer says it", () => {
  const rig = start();
  const results = Array.from({ length: STATEMENTS_PER_SECOND_MAX + 1 }, (_, i) =>
    gossip(rig, fleet.grant(`n${i}`)),
  );
  expect(results.filter((result) => result === "accept")).toHaveLength(STATEMENTS_PER_SECOND_MAX);
  expect(results.at(-1)).toBe("unheard");
  expect(gossip(rig, fleet.grant(`n${STATEMENTS_PER_SECOND_MAX}`), "friend")).toBe("accept");
});

test("P6, ME1 whoever floods the topic with what nobody can place keeps no peer's word of his own revocation from being heard", () => {
  const rig = start();
  const flood = { signer: fleet.key("made up") };
  const results = Array.from({ length: STATEMENTS_PER_SECOND_MAX + 1 }, (_, i) =>
    gossip(rig, fleet.grant(`n${i}`, flood), "flooder"),
  );
  expect(results[0]).toBe("ignore");
  expect(results.at(-1)).toBe("unheard");
  const bytes = codec.encode(fleet.grant("n", flood));
  const over = rig.input({ type: "gossip", topic: "authority", from: "flooder", bytes });
  const event = { type: "rejected", reason: "rate", from: "flooder" };
  expect(ofType(over, "emit")).toMatchObject([{ event }]);
  expect(gossip(rig, fleet.revocation("flooder"), "honest")).toBe("accept");
  expect(hello(rig, "flooder", fleet.grant("flooder"))).toBe("revoked");
});

test("P5 a row that is no token is left out, and the rest is held", () => {
  const rig = start();
  rig.rows.set(`${AUTHORITY_PREFIX}bad`, new Uint8Array([255]));
  rig.rows.set(`${AUTHORITY_PREFIX}worse`, codec.encode("no token"));
  submit(rig, fleet.grant("b"));
  expect(hello(start([], rig.rows), "b")).toBeUndefined();
});

test("DU1, ME1 a statement on disk that cannot be read, or counts no more, is said and counted at the start, and comes back by sync", () => {
  const rig = start();
  const grant = fleet.grant("b");
  submit(rig, grant);
  const row = [...rig.rows.keys()].find((key) => key.endsWith(TestAuthority.idOf(grant))) ?? "";
  rig.rows.set(row, new Uint8Array([255]));
  rig.rows.set(`${AUTHORITY_PREFIX}worse`, codec.encode("no token"));
  rig.rows.set(`${AUTHORITY_PREFIX}number`, codec.encode(7));
  const again = new CoreRig("a", { fleet: fleet.fleet, rows: rig.rows });
  const said = ofType(again.start(), "emit").flatMap(({ event }) =>
    event.type === "quarantined" ? [[event.what, event.reason] as const] : [],
  );
  expect(new Map(said)).toEqual(
    new Map([
      [row, "malformed"],
      [`${AUTHORITY_PREFIX}number`, "malformed"],
      [`${AUTHORITY_PREFIX}worse`, "statement-malformed"],
    ]),
  );
  expect(again.core.authority(again.now).badRows).toBe(3);
  submit(again, grant);
  const third = new CoreRig("a", { fleet: fleet.fleet, rows: again.rows });
  third.start();
  expect(third.core.authority(third.now).badRows).toBe(2);
});

test("ME2, PU1 pulses name the newest charter, and whoever holds an older one asks the peer that brought it", () => {
  const a = start([ROOT, fleet.charter(ROOT, { number: 2, previous: "b".repeat(64) })]);
  const b = new CoreRig("b", { fleet: fleet.fleet, config: { statements: [ROOT] } });
  b.start();
  const [pulse] = ofType(a.advance(2_000), "publish").filter(({ topic }) => topic === "pulse");
  if (pulse === undefined) throw new Error("A node must pulse.");
  up(b, "a");
  b.advance(100);
  const hear = (): readonly unknown[] =>
    ofType(b.input({ type: "gossip", topic: "pulse", from: "a", bytes: pulse.bytes }), "send")
      .filter(({ channel }) => channel === "sync")
      .map(({ bytes }) => (codec.decode(bytes) as readonly unknown[])[0]);
  expect(hear()).toEqual(["statements"]);
  expect(hear()).toEqual([]);
});
