/** Who asks for a row of root statements with what, and who is in company, where keys were stolen and members were away (rules ME2, ME3). */
import { createHash } from "node:crypto";
import { CoreRig } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
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
import { MARKS_ROW } from "./marks.ts";

const idsHash = (...tokens: readonly string[]): string =>
  createHash("sha256")
    .update(codec.encode(tokens.map(idOf).toSorted()))
    .digest("hex");

test("ME2, ME3 who has met but one that was away as well, or was revoked meanwhile, lets in whom it is to by what its operator hands over, until a charter says who was revoked", () => {
  const second = { signer: fleet.key("second") };
  for (const days of [2, 15, 40]) {
    const nowS = T + days * 86_400;
    const grantFor = (node: string, agoS: number, forS: number): string => {
      const fromS = nowS - agoS;
      const terms = { issuedS: fromS, notBeforeS: fromS, expS: fromS + forS };
      return fleet.grant(node, { ...second, ...terms });
    };
    const [m, n] = [grantFor("m", 60, 10 * 86_400), grantFor("n", 60, 10 * 86_400)];
    const rig = start([R1, OWN, fleet.grant("b")], undefined, days);
    expect(hello(rig, "b", fleet.grant("b"))).toBeUndefined();
    up(rig, "b");
    show(rig, "m", [R1, R2]);
    expect([rootOf(rig), hello(rig, "m", m)]).toEqual([idOf(R1), "authority-stale"]);
    const revoked = fleet.revocation("b", [], { ...second, issuedS: nowS - 600 });
    const charter = { ...second, revocations: 1, revocationsHash: idsHash(revoked) };
    publish(rig, [R1, R2, fleet.charter(R2, { ...charter, issuedS: nowS - 500 })]);
    expect([days, rootOf(rig), hello(rig, "m", m)]).toEqual([days, idOf(R2), undefined]);
    // Whoever has not been renewed is out all the same, and whom it asks is believed no more than before.
    expect(hello(rig, "o", grantFor("o", 7_200, 3_600))).toBe("grant-expired");
    show(rig, "mallory", [R1, R2, upon(R2, 3, by("thief"))]);
    expect(rootOf(rig)).toBe(idOf(R2));
    // The one that was let in tells who was revoked, and the rule of the day holds again.
    give(rig, "m", revoked);
    expect([rig.core.authority(rig.now).isStale, hello(rig, "b", fleet.grant("b"))]).toEqual([
      false,
      "revoked",
    ]);
    rig.wallMs += 25 * 3_600_000;
    rig.advance(100);
    expect(hello(rig, "n", n)).toBe("authority-stale");
  }
});

test("ME2 no number of a thief's issuers keeps out of the QUESTIONS_MAX grants of a node that by which it was made a member, or one of those who were named before he came", () => {
  for (const count of [2, 9]) {
    const rig = start([R1, OWN, R2, grantBy("second", "a", 90)]);
    const names = Array.from({ length: count }, (_, at) => `thief ${at}`);
    const many = {
      issuers: names.map((name) => fleet.issuer(name)),
      charterKey: fleet.key("thief 0"),
    };
    show(rig, "mallory", [R1, R2, upon(R2, 3, many)]);
    expect(hello(rig, "mallory", grantBy("thief 0", "mallory"))).toBeUndefined();
    up(rig, "mallory");
    const thiefs = names.map((name, at) => grantBy(name, "a", 200 + at));
    for (const token of thiefs) give(rig, "mallory", token);
    // One of an issuer that stands in the store alone, and one that is in authority.json.
    const again = start([R1, OWN], new Map(rig.rows), 2);
    for (const each of [rig, again]) {
      const questions = questionsOf(each);
      expect(questions).toHaveLength(4);
      expect(questions[0]).toBe(thiefs.at(-1));
      expect(questions).toContain(OWN);
      expect(questions).toContain(grantBy("second", "a", 90));
    }
  }
  // Nor where what has named its issuer was outdone: that is held, as the proof.
  const names = Array.from({ length: 5 }, (_, at) => `thief ${at}`);
  const issuers = names.map((name) => fleet.issuer(name));
  const rival = Array.from({ length: 40 }, (_, at) =>
    upon(R1, 2, { issuers, charterKey: fleet.key("thief 0"), issuedS: T + at }),
  ).find((token) => idOf(token) < idOf(R2));
  if (rival === undefined) throw new Error("None of forty has a smaller id.");
  const genuine = grantBy("second", "a", 15);
  const outdone = start([R1, R2, genuine]);
  hello(outdone, "b", grantBy("second", "b", 15));
  up(outdone, "b");
  give(outdone, "b", rival);
  expect(rootOf(outdone)).toBe(idOf(rival));
  for (const [at, name] of names.entries()) give(outdone, "b", grantBy(name, "a", 200 + at));
  const restarted = start([R1], new Map(outdone.rows));
  expect(questionsOf(restarted).slice(0, 2)).toEqual([grantBy("thief 4", "a", 204), genuine]);
});

describe("a node that was led astray, and lost the company that it had there", () => {
  const DAY_MS = 25 * 3_600_000;
  const second = { signer: fleet.key("second") };
  const nowS = T + 2 * 86_400;
  const rootKey = { signer: fleet.key("root 2"), nextRootHash: fleet.keyHash("root 3") };
  const rotation = upon(R2, 3, { ...by("second"), ...rootKey });
  const charterAfter = (ms: number): string =>
    fleet.charter(rotation, { ...second, issuedS: nowS + ms / 1_000 });

  function member(node: string): string {
    const terms = { issuedS: nowS, notBeforeS: nowS, expS: nowS + 10 * 86_400 };
    return fleet.grant(node, { ...second, ...terms });
  }

  function later(rig: CoreRig): void {
    rig.wallMs += DAY_MS;
    rig.advance(100);
  }

  /** It has heard of the rotation, as the thief's charter was news, if he has signed one, and was started again since, or not. */
  function freed(isAgain: boolean = false, hasCharter: boolean = true): CoreRig {
    const rig = start(undefined, undefined, 2);
    show(rig, "mallory", [R1, THIEF]);
    const grants = { mallory: grantBy("thief", "mallory"), b: fleet.grant("b") };
    for (const [node, grant] of Object.entries(grants)) {
      // The second time it is one that was known before.
      for (const _ of [1, 2]) expect(hello(rig, node, grant)).toBeUndefined();
      up(rig, node);
    }
    const charter = fleet.charter(THIEF, { signer: fleet.key("thief"), issuedS: nowS });
    if (hasCharter) give(rig, "mallory", charter);
    for (const node of ["mallory", "b"]) rig.input({ type: "peer-down", node });
    show(rig, "m", [R1, R2, rotation]);
    const { isStale } = rig.core.authority(rig.now);
    expect([rootOf(rig), isStale]).toEqual([idOf(rotation), !hasCharter]);
    return isAgain ? start(undefined, new Map(rig.rows), 2) : rig;
  }

  test.each([
    ["while it runs", false],
    ["and when it starts again", true],
  ])("ME2, ME3 does not take that charter for what says who was revoked, %s", (_when, isAgain) => {
    const rig = freed(isAgain);
    later(rig);
    for (const node of ["m", "n"]) expect(hello(rig, node, member(node))).toBeUndefined();
    expect(hello(rig, "b", fleet.grant("b"))).toBeUndefined();
    expect(hello(rig, "o", member("o"))).toBeUndefined();
    // Nor one that is over a day old, from a member; what the fleet itself says does.
    up(rig, "m");
    give(rig, "m", charterAfter(60_000));
    expect(hello(rig, "q", member("q"))).toBeUndefined();
    give(rig, "m", charterAfter(DAY_MS));
    later(rig);
    expect(hello(rig, "p", member("p"))).toBe("authority-stale");
  });

  test.each([
    ["while it runs", false],
    ["and when it starts again", true],
  ])(
    "ME2, ME3 lets in whom the rotation shows to be members, where the thief has signed no charter, until the fleet's is here, %s",
    (_when, isAgain) => {
      const rig = freed(isAgain, false);
      later(rig);
      for (const node of ["m", "n"]) expect(hello(rig, node, member(node))).toBeUndefined();
      up(rig, "m");
      give(rig, "m", charterAfter(DAY_MS));
      const again = start(undefined, new Map(rig.rows), 3);
      for (const each of [rig, again]) {
        later(each);
        expect(hello(each, "p", member("p"))).toBe("authority-stale");
      }
    },
  );

  test.each([
    ["while it runs", false],
    ["and when it starts again", true],
  ])(
    "ME2, ME3 does not take the charter of who has stolen an issuer's key, and revoked everybody, for that, %s",
    (_when, isAgain) => {
      const others = [fleet.grant("i"), fleet.grant("b")];
      const held = [OWN, ...others];
      const before = start([R1, ...held], undefined, 2);
      for (const [at, node] of ["i", "b"].entries()) {
        expect(hello(before, node, others[at])).toBeUndefined();
        up(before, node);
      }
      give(before, "b", fleet.charter(R1, { signer: fleet.key("issuer"), issuedS: nowS }));
      for (const node of ["i", "b"])
        give(before, "b", fleet.revocation(node, [], { issuedS: nowS }));
      const rig = isAgain ? start([R1, ...held], new Map(before.rows), 2) : before;
      const voids = [{ key: fleet.key("issuer"), kept: held.map(idOf) }];
      publish(rig, [R1, upon(R1, 2, { ...by("second"), issuedS: nowS + 60, voids })]);
      // One that knows nothing newer either.
      expect(hello(rig, "i", others[0])).toBeUndefined();
      up(rig, "i");
      later(rig);
      for (const node of ["m", "n"]) expect(hello(rig, node, member(node))).toBeUndefined();
    },
  );

  test.each([
    ["of one that was not led astray", [0, 0, null], "authority-stale", 0],
    ["of an earlier release, of one that was", [nowS, 0, null, nowS], undefined, 0],
    ["of one that was as no charter was news", [0, 0, null, 0], undefined, 0],
    ["that is damaged", [0, 0, null, null], "authority-stale", 1],
    ["that is damaged otherwise", [0, 0, null, -1], "authority-stale", 1],
  ])(
    "ME2, ME3 keeps in row `authority-marks` whether it was, and since when: a row %s",
    (_whose, row, refusal, bad) => {
      const rows = new Map(freed().rows).set(MARKS_ROW, codec.encode(row));
      const rig = start(undefined, rows, 2);
      expect(rig.core.authority(rig.now).badRows).toBe(bad);
      hello(rig, "b", fleet.grant("b"));
      up(rig, "b");
      later(rig);
      expect(hello(rig, "n", member("n"))).toBe(refusal);
    },
  );

  test("ME2, ME3 does not take whom it had seen there for somebody who can tell", () => {
    const rig = freed();
    publish(rig, [charterAfter(60_000)]);
    later(rig);
    expect(hello(rig, "n", member("n"))).toBeUndefined();
  });
});

test("ME2 no question is wasted on a grant that has ended, where another one has not", () => {
  const lateS = T + 9 * 86_400;
  const terms = { issuedS: lateS, notBeforeS: lateS, expS: lateS + 11 * 86_400 };
  const newer = fleet.grant("a", { signer: fleet.key("second"), ...terms });
  const held = [R1, R2, OWN, newer];
  expect(questionsOf(start(held, undefined, 9))).toEqual([newer, OWN]);
  expect(questionsOf(start(held, undefined, 15))).toEqual([newer]);
  expect(questionsOf(start(held, undefined, 40))).toEqual([newer, OWN]);
});

test("ME2 whom everybody is revoked for, as an issuer's key was stolen, hears of the answer from a node that was granted since, or from its operator, and never from who is revoked", () => {
  const others = [fleet.grant("i"), fleet.grant("b")];
  const kept = [OWN, ...others].map(idOf);
  const answer = upon(R1, 2, { ...by("second"), voids: [{ key: fleet.key("issuer"), kept }] });
  const running = start([R1, OWN, ...others]);
  for (const [at, node] of ["i", "b"].entries()) {
    hello(running, node, others[at]);
    up(running, node);
  }
  for (const node of ["i", "b"]) give(running, "b", fleet.revocation(node));
  const restarted = start([R1, OWN, ...others], new Map(running.rows));
  const handed = start([R1, OWN, ...others], new Map(running.rows));
  const member = grantBy("second", "i", 300);
  for (const rig of [running, restarted]) {
    expect(hello(rig, "i", member)).toBe("revoked");
    // Whoever was revoked, and has stolen a root key that was replaced since, would say the same.
    show(rig, "i", [R1, answer]);
    expect(rootOf(rig)).toBe(idOf(R1));
    show(rig, "newcomer", [R1, answer]);
    expect(rootOf(rig)).toBe(idOf(answer));
  }
  publish(handed, [R1, answer]);
  for (const rig of [running, restarted, handed]) {
    expect(hello(rig, "newcomer", grantBy("second", "newcomer", 300))).toBeUndefined();
    expect(hello(rig, "i", member)).toBeUndefined();
  }
});

test("ME2 whom a member brings the first root statement has met that one", () => {
  const config = { closed: true, vouched: ["b"] };
  const rig = new CoreRig("a", { fleet: fleet.fleet, config });
  rig.start();
  hello(rig, "b", fleet.grant("b"));
  up(rig, "b");
  for (const token of [R1, OWN, fleet.grant("b")]) give(rig, "b", token);
  show(rig, "mallory", [R1, THIEF]);
  expect(rootOf(rig)).toBe(idOf(R1));
});

test("ME2, ME3 who was freed from a thief, has heard since who was revoked, and loses that on its disk, lets in nobody new", () => {
  const rig = start(undefined, undefined, 2);
  show(rig, "mallory", [R1, THIEF]);
  for (const [node, grant] of [
    ["mallory", grantBy("thief", "mallory")],
    ["b", fleet.grant("b")],
  ] as const) {
    for (let time = 0; time < 2; time += 1) hello(rig, node, grant);
    up(rig, node);
    rig.input({ type: "peer-down", node });
  }
  const second = { signer: fleet.key("second") };
  const nowS = T + 2 * 86_400;
  const rotation = upon(R2, 3, {
    ...by("second"),
    signer: fleet.key("root 2"),
    nextRootHash: fleet.keyHash("root 3"),
  });
  const expS = nowS + 10 * 86_400;
  const member = (node: string): string =>
    fleet.grant(node, { ...second, issuedS: nowS, notBeforeS: nowS, expS });
  show(rig, "m", [R1, R2, rotation]);
  expect(hello(rig, "m", member("m"))).toBeUndefined();
  up(rig, "m");
  const revocation = fleet.revocation("x", [], { ...second, issuedS: nowS + 10 });
  const charter = { ...second, revocations: 1, revocationsHash: idsHash(revocation) };
  const heard = [revocation, fleet.charter(rotation, { ...charter, issuedS: nowS + 60 })];
  for (const token of heard) give(rig, "m", token);
  rig.wallMs += 120_000;
  rig.advance(100);
  expect(hello(rig, "x", member("x"))).toBe("revoked");
  const rows = new Map(rig.rows);
  for (const [key, bytes] of rig.rows)
    if (heard.some((token) => Buffer.from(codec.encode(token)).equals(bytes))) rows.delete(key);
  expect(rows.size).toBe(rig.rows.size - heard.length);
  const again = start(undefined, rows, 5);
  expect(["x", "m"].map((node) => hello(again, node, member(node)))).toEqual([
    "authority-stale",
    undefined,
  ]);
});
