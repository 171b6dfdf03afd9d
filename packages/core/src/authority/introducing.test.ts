/** What a node that knows nobody makes of the row of root statements of one that it was to find (rule ME2). */
import { CoreRig, createTestPorts, SeededRandom, TestAuthority } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import type { RootClaims } from "./claims.ts";
import { ROOT_ROW_BYTES_MAX } from "./introducing.ts";
import { ROOTS_MAX } from "./root-chain.ts";
import {
  by,
  codec,
  fleet,
  give,
  grantBy,
  hello,
  idOf,
  OWN,
  publish,
  questionsOf,
  R1,
  R2,
  rootOf,
  show,
  start,
  T,
  THIEF,
  up,
  upon,
} from "./introducing.test-support.ts";

const rootKey = (at: number): Pick<RootClaims, "signer" | "nextRootHash"> => ({
  signer: fleet.key(`root ${at}`),
  nextRootHash: fleet.keyHash(`root ${at + 1}`),
});

/** The rotation, and what follows it by the new key. */
const R3 = upon(R2, 3, { ...by("second"), ...rootKey(2) });
const R4 = upon(R3, 4, { ...by("third"), ...rootKey(2) });
/** The second rotation. */
const R5 = upon(R4, 5, { ...by("third"), ...rootKey(3) });
const R6 = upon(R5, 6, { ...by("fourth"), ...rootKey(3) });

const rowsOf = (rig: CoreRig): number =>
  [...rig.rows.keys()].filter((key) => key.startsWith("authority/")).length;

test("ME2, P9 who knows nobody takes from whom it was to find the row that names the newer issuer, and lets in whom that one has granted, restarts included", () => {
  const rig = start();
  const grant = grantBy("second", "m");
  expect(hello(rig, "m", grant)).toBe("grant-unknown");
  expect(rig.core.introducing.lacksIssuerOf("m", grant)).toBe(true);
  const shown = new CoreRig("m", { fleet: fleet.fleet, config: { statements: [R1, R2, grant] } });
  shown.start();
  rig.input({ type: "root-row", from: "m", bytes: shown.core.introducing.rootRow() });
  rig.settle();
  expect(rootOf(rig)).toBe(idOf(R2));
  expect(hello(rig, "m", grant)).toBeUndefined();
  expect(rig.core.introducing.lacksIssuerOf("m", grant)).toBe(false);
  rig.settle();
  const again = start([R1, OWN], rig.rows);
  expect([rootOf(again), hello(again, "m", grant)]).toEqual([idOf(R2), undefined]);
});

test("ME2 a row is asked for where a newer root statement may say that who comes is a member, and nowhere else", () => {
  const rig = start();
  const isAsked = (grant: string | undefined, at = rig): boolean =>
    at.core.introducing.lacksIssuerOf("m", grant);
  expect(isAsked(grantBy("second", "m"))).toBe(true);
  // What the issuer that is known may grant has been widened since, or its time.
  const late = { notBeforeS: T + 100 * 86_400, issuedS: T + 100 * 86_400 };
  expect(isAsked(fleet.grant("m", { ...late, expS: late.issuedS + 60 }))).toBe(true);
  for (const grant of [undefined, "no token", fleet.grant("m"), fleet.grant("x")])
    expect([grant, isAsked(grant)]).toEqual([grant, false]);
  hello(rig, "m", fleet.grant("m"));
  expect(isAsked(grantBy("second", "m"))).toBe(false);
  // Of a fleet of which nothing is known the operator says who brings the first one.
  const bare = new CoreRig("a", { fleet: fleet.fleet, config: { closed: true } });
  bare.start();
  expect(isAsked(grantBy("second", "m"), bare)).toBe(false);
  show(bare, "m", [R1, R2]);
  expect([rootOf(bare), rowsOf(bare)]).toEqual([undefined, 0]);
});

test("ME2, P6 of a row nothing is taken but what goes on from what stands: no rival, nothing that hangs in the air, no other kind, nothing of another fleet", () => {
  const other = new TestAuthority("other");
  const rows = {
    hanging: [upon(R2, 3, by("second"))],
    "another kind": [fleet.revocation("m"), grantBy("issuer", "m"), fleet.charter(R1)],
    "another fleet": [other.root(), R2.replace("a", "b")],
    "no row": [7],
    "not signed": [`${R2.slice(0, -8)}AAAAAAAA`],
  };
  for (const [name, row] of Object.entries(rows)) {
    const rig = start();
    show(rig, "m", row);
    expect([name, rootOf(rig), rowsOf(rig)]).toEqual([name, idOf(R1), 2]);
  }
  // Of two by one key the smaller id stands, and who asks nobody but members would take it.
  const [small = "", large = ""] = [R2, THIEF].toSorted((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
  for (const [held, shown] of [
    [large, small],
    [small, large],
  ] as const) {
    const rig = start([R1, held, OWN]);
    show(rig, "m", [R1, shown]);
    expect(rootOf(rig)).toBe(idOf(held));
    expect(rig.core.authority(rig.now).disputedRoots).toEqual([]);
  }
});

test("ME2 who knows anybody, or has met a member, takes of a row the end of a key's reign and nothing less", () => {
  const knowing = start([R1, OWN, fleet.grant("b")]);
  const met = start();
  hello(met, "b", fleet.grant("b"));
  up(met, "b");
  for (const rig of [knowing, met]) {
    show(rig, "m", [R1, R2]);
    expect(rootOf(rig)).toBe(idOf(R1));
    show(rig, "m", [R1, R2, R3, R4]);
    expect(rootOf(rig)).toBe(idOf(R3));
  }
});

test("ME2 who knows anybody takes several ends of reigns at once, and nothing that a thief of a key in between has signed behind its first statement", () => {
  const rig = start([R1, OWN, fleet.grant("b")]);
  const thiefs = upon(R3, 4, { ...by("thief"), ...rootKey(2) });
  show(rig, "mallory", [R1, R2, R3, thiefs]);
  expect(rootOf(rig)).toBe(idOf(R3));
  expect(hello(rig, "mallory", grantBy("thief", "mallory"))).toBe("grant-unknown");
  const late = start([R1, OWN, fleet.grant("b")]);
  for (const each of [rig, late]) {
    show(each, "m", [R1, R2, R3, R4, R5, R6]);
    expect(rootOf(each)).toBe(idOf(R5));
    expect(each.core.authority(each.now).disputedRoots).toEqual([]);
    // The rest comes by sync, from whom it knows.
    expect(hello(each, "b", grantBy("third", "b"))).toBeUndefined();
  }
});

test("ME2 whose own grant a thief has made void asks with it all the same, and is a member again by the rotation, restarts included", () => {
  const rig = start();
  expect(questionsOf(rig)).toEqual([OWN]);
  const voids = [{ key: fleet.key("issuer"), kept: [] }];
  show(rig, "mallory", [R1, upon(R1, 2, { ...by("thief"), voids })]);
  expect(rig.core.authority(rig.now).grants).toEqual([]);
  const again = start([R1, OWN], new Map(rig.rows));
  for (const astray of [rig, again]) {
    expect(questionsOf(astray)).toEqual([OWN]);
    show(astray, "m", [R1, R2, R3, R4]);
    expect(rootOf(astray)).toBe(idOf(R4));
    expect(astray.core.authority(astray.now).grants.map(({ node }) => node)).toEqual(["a"]);
  }
  // Nor does it ask with a thief's grant alone, who has renewed it.
  const renewed = start();
  show(renewed, "mallory", [R1, THIEF]);
  const thiefs = grantBy("thief", "a");
  give(renewed, "mallory", thiefs);
  expect(questionsOf(renewed)).toEqual([thiefs, OWN]);
  // What was never taken counts nowhere, and is in authority.json.
  const elsewhere = fleet.grant("a", { signer: fleet.key("unheard of") });
  expect(questionsOf(start([R1, elsewhere]))).toEqual([elsewhere]);
});

test("ME2, ME3 who was led astray, and started again a day later, lets in whom the rotation shows to be members", () => {
  const rig = start();
  show(rig, "mallory", [R1, THIEF]);
  expect(hello(rig, "mallory", grantBy("thief", "mallory"))).toBeUndefined();
  // He is a member himself, and tells his friends who else is.
  for (const other of ["b", "mallory"]) give(rig, "mallory", fleet.grant(other));
  const again = start([R1, OWN], new Map(rig.rows), 2);
  expect(hello(again, "m", grantBy("third", "m"))).toBe("authority-stale");
  show(again, "m", [R1, R2, R3, R4]);
  expect(rootOf(again)).toBe(idOf(R4));
  expect(hello(again, "m", grantBy("third", "m"))).toBeUndefined();
  expect(hello(again, "n", grantBy("third", "n"))).toBeUndefined();
});

test("ME2, ME3 whom a root statement leaves without anybody lets in who has a grant, though it is stale", () => {
  const rig = start([R1, OWN, fleet.grant("b")], undefined, 2);
  hello(rig, "b", fleet.grant("b"));
  up(rig, "b");
  expect(hello(rig, "m", grantBy("second", "m"))).toBe("authority-stale");
  const voids = [{ key: fleet.key("issuer"), kept: [idOf(OWN)] }];
  give(rig, "b", upon(R1, 2, { ...by("second"), voids }));
  expect(hello(rig, "m", grantBy("second", "m"))).toBeUndefined();
});

test("ME2, ME3 who knows but nodes that have left, or whose grants have ended, is as one that knows nobody", () => {
  const row = [R1, R2];
  const others = [R1, OWN, fleet.grant("b")];
  const member = fleet.grant("m", {
    signer: fleet.key("second"),
    issuedS: T + 15 * 86_400,
    expS: T + 29 * 86_400,
  });
  for (const [days, root] of [
    [13, R1],
    [15, R2],
  ] as const) {
    const rig = start(others, undefined, days);
    show(rig, "m", row);
    expect([days, rootOf(rig)]).toEqual([days, idOf(root)]);
    expect(hello(rig, "m", member)).toBe(days === 13 ? "authority-stale" : undefined);
  }
  // As one that has met a member it waits for news from those.
  const met = start(others, undefined, 15);
  expect(hello(met, "b", fleet.grant("b"))).toBeUndefined();
  up(met, "b");
  show(met, "m", row);
  expect(rootOf(met)).toBe(idOf(R1));
});

test("ME2, ME3 who knows but nodes that never come is let in again by what its operator hands over, which counts for more than what anybody shows", () => {
  const rig = start([R1, OWN, fleet.grant("b")], undefined, 2);
  const grant = grantBy("second", "m");
  show(rig, "m", [R1, R2]);
  expect([rootOf(rig), hello(rig, "m", grant)]).toEqual([idOf(R1), "authority-stale"]);
  for (const tokens of [[R2], [R1, R2]]) publish(rig, tokens);
  expect([rootOf(rig), hello(rig, "m", grant)]).toEqual([idOf(R2), undefined]);
  // And takes what is newer still than what it was handed.
  const newest = upon(R2, 3, by("third"));
  show(rig, "m", [R1, R2, newest]);
  expect(rootOf(rig)).toBe(idOf(newest));
  // Where no root statement was signed meanwhile the charter says as much, also where it speaks of revocations that are not here.
  const same = start([R1, OWN, fleet.grant("b")], undefined, 2);
  const known = fleet.grant("m", { issuedS: T + 100 });
  expect(hello(same, "m", known)).toBe("authority-stale");
  const charter = fleet.charter(R1, { revocations: 3, issuedS: T + 2 * 86_400 });
  publish(same, [charter]);
  expect(hello(same, "m", known)).toBeUndefined();
  // What is here already says nothing new, whoever says it again.
  const again = start([R1, OWN, fleet.grant("b")], undefined, 2);
  publish(again, [R1]);
  again.input({ type: "command", id: 1, command: { type: "statement", token: R1 } });
  again.settle();
  show(again, "m", [R1, R2]);
  expect([rootOf(again), hello(again, "m", grant)]).toEqual([idOf(R1), "authority-stale"]);
});

test("ME2 a thief of a root key that was replaced leads astray who knows nobody, and the rotation wins over him as soon as it is heard of, restarts and what he has revoked included", () => {
  const rig = start();
  const mallory = grantBy("thief", "mallory");
  const member = grantBy("third", "m");
  show(rig, "mallory", [R1, THIEF, upon(THIEF, 3, by("thief"))]);
  expect(hello(rig, "mallory", mallory)).toBeUndefined();
  up(rig, "mallory");
  const revoked = fleet.revocation("m", [], { signer: fleet.key("thief"), issuedS: T + 100 });
  rig.input({ type: "gossip", topic: "authority", from: "mallory", bytes: codec.encode(revoked) });
  rig.settle();
  expect(hello(rig, "m", member)).toBe("revoked");
  const again = start([R1, OWN], new Map(rig.rows));
  for (const astray of [rig, again]) {
    expect(astray.core.introducing.lacksIssuerOf("m", member)).toBe(true);
    const effects = show(astray, "m", [R1, R2, R3, R4]);
    expect(rootOf(astray)).toBe(idOf(R4));
    expect(hello(astray, "m", member)).toBeUndefined();
    expect(hello(astray, "mallory", mallory)).toBe("grant-unknown");
    if (astray === rig)
      expect(effects).toContainEqual(
        expect.objectContaining({ type: "expel", nodes: ["mallory"] }),
      );
  }
});

test("ME2 whom a node takes for revoked can show it the end of a reign alone", () => {
  const rig = start([R1, OWN, fleet.revocation("m")]);
  // It is asked, also where its issuer counts: who revoked it may have had a root key that was replaced since.
  expect(rig.core.introducing.lacksIssuerOf("m", fleet.grant("m"))).toBe(true);
  show(rig, "m", [R1, R2]);
  expect(rootOf(rig)).toBe(idOf(R1));
  show(rig, "m", [R1, R2, R3]);
  expect(rootOf(rig)).toBe(idOf(R3));
});

test("P6, ME2 of a row by keys that nobody has named not even a signature is looked at, and one beyond ROOT_ROW_BYTES_MAX, or of too many, is refused and counted", () => {
  const ports = createTestPorts("a");
  let reads = 0;
  const tokens = { ...ports.tokens, read: (token: string) => (reads++, ports.tokens.read(token)) };
  const rig = new CoreRig("a", {
    fleet: fleet.fleet,
    ports: { ...ports, tokens },
    config: { statements: [R1, OWN] },
  });
  rig.start();
  reads = 0;
  const made = Array.from({ length: ROOTS_MAX }, (_, at) =>
    upon(R1, 2 + at, { signer: fleet.key(`made up ${at}`) }),
  );
  show(rig, "m", made);
  expect([reads, rootOf(rig), rowsOf(rig)]).toEqual([0, idOf(R1), 2]);
  const refusals = [[...made, R1], ["x".repeat(28 * 1024 + 1)], { s: [] }, "text"].map((row) =>
    show(rig, "m", row).filter((effect) => effect.type === "emit"),
  );
  const event = { type: "rejected", reason: "statement-malformed", from: "m" };
  for (const effects of refusals) expect(effects.map((each) => each.event)).toContainEqual(event);
  rig.input({ type: "root-row", from: "m", bytes: new Uint8Array(ROOT_ROW_BYTES_MAX + 1) });
  expect(rootOf(rig)).toBe(idOf(R1));
});

test("P6, ME2 fuzz: no changed row throws, or has anything held that is not of the genuine one", () => {
  const random = new SeededRandom(7);
  const genuine = codec.encode([R1, R2, R3, R4]);
  const ids = new Set([R1, R2, R3, R4, OWN].map((token) => `authority/${idOf(token)}`));
  const rig = start();
  for (let round = 0; round < 400; round++) {
    const bytes = Uint8Array.from(genuine);
    for (let flips = 1 + random.integer(4); flips > 0; flips--)
      bytes[random.integer(bytes.length)] = random.integer(256);
    const length = random.chance(0.3) ? random.integer(bytes.length) : bytes.length;
    rig.input({ type: "root-row", from: "m", bytes: bytes.subarray(0, length) });
    rig.settle();
  }
  const held = [...rig.rows.keys()].filter((key) => key.startsWith("authority/"));
  expect(held.filter((key) => !ids.has(key))).toEqual([]);
});
