import { expect, test } from "vitest";
import {
  BACKOFF_MS_MAX,
  BACKOFF_MS_MIN,
  FORMING_MEMBERS,
  FORMING_MS_MAX,
  FORMING_QUIET_MS,
  FRESH_MS,
  HEARSAY_DIALS_PER_MINUTE_MAX,
  HEARSAY_FAILURES_MAX,
  LINK_KEPT_MS,
  OWN_DIALS_MAX,
  PARALLEL_DIALS_MAX,
  REFUSED_WAIT_MS,
  STEADY_MS,
  TURNED_AWAY_MS_MAX,
  TURNED_AWAY_MS_MIN,
  WANTED_MEMBERS,
  YIELD_MS,
} from "./dialer.ts";
import { dialerOf, names, settle } from "./dialer.test-support.ts";

test("CH6 a fleet of up to OWN_DIALS_MAX others is dialled whole", () => {
  const dialer = dialerOf();
  for (const node of names(OWN_DIALS_MAX)) dialer.learn(node, true, 0);
  expect(settle(dialer, 0).toSorted()).toEqual(names(OWN_DIALS_MAX));
});

test("CH6 of a larger fleet the wanted members are dialled, and no more", () => {
  const dialer = dialerOf();
  for (const node of names(60)) dialer.learn(node, true, 0);
  expect(settle(dialer, 0)).toEqual(names(WANTED_MEMBERS));
});

test("CH6 dead wanted members are tried for ever, and others stand in for them", () => {
  const dialer = dialerOf();
  for (const node of names(60)) dialer.learn(node, true, 0);
  const dead = new Set(names(4));
  expect(settle(dialer, 0, (node) => !dead.has(node)).filter((node) => !dead.has(node))).toEqual(
    names(WANTED_MEMBERS, 4),
  );
  for (let hour = 1; hour < 50; hour += 1) {
    expect(settle(dialer, hour * 3_600_000, () => false).toSorted()).toEqual(names(4));
  }
});

test("CH6 own dials stay within OWN_DIALS_MAX, and a wanted member pushes out the least wanted", () => {
  const dialer = dialerOf();
  for (const node of names(OWN_DIALS_MAX, 10)) dialer.learn(node, true, 0);
  settle(dialer, 0);
  for (const node of names(10)) dialer.learn(node, true, 10);
  expect(dialer.plan(10)).toMatchObject({ dial: [], close: ["m25"] });
  expect(dialer.plan(11).close).toEqual([]);
  dialer.disconnected("m25", 12);
  expect(dialer.plan(12).dial).toEqual(["m00"]);
});

test("CH6 connections that others opened do not count as own dials, but as enough", () => {
  const dialer = dialerOf();
  for (const node of names(60)) dialer.learn(node, true, 0);
  for (const node of names(30, 20)) dialer.connected(node, "inbound", 0);
  expect(settle(dialer, 0)).toEqual(names(WANTED_MEMBERS));
});

test("CH6 a dial that meets an inbound connection goes on counting until it ends", () => {
  const dialer = dialerOf();
  for (const node of names(OWN_DIALS_MAX)) dialer.learn(node, true, 0);
  const begun: string[] = [];
  for (let nowMs = 0; begun.length < OWN_DIALS_MAX; nowMs += FRESH_MS)
    begun.push(...dialer.plan(nowMs).dial);
  for (const node of begun) dialer.connected(node, "inbound", 10_000);
  dialer.learn("m000", true, 20_000);
  expect(dialer.plan(20_000).dial).toEqual([]);
  dialer.ended("m00", 20_001);
  expect(dialer.plan(20_001).dial).toEqual(["m000"]);
});

test("CH6 waits grow by half from BACKOFF_MS_MIN and never exceed BACKOFF_MS_MAX", () => {
  const dialer = dialerOf("a");
  dialer.learn("m", true, 0);
  const waits: number[] = [];
  let nowMs = 0;
  for (let round = 0; round < 40; round += 1) {
    expect(dialer.plan(nowMs).dial).toEqual(["m"]);
    dialer.failed("m", nowMs);
    const nextAtMs = dialer.plan(nowMs).nextAtMs ?? NaN;
    waits.push(nextAtMs - nowMs);
    expect(dialer.plan(nextAtMs - 1).dial).toEqual([]);
    nowMs = nextAtMs;
  }
  expect(waits.slice(0, 5)).toEqual(
    [0, 1, 2, 3, 4].map((failures) => BACKOFF_MS_MIN * 1.5 ** failures),
  );
  expect(Math.max(...waits)).toBe(BACKOFF_MS_MAX);
});

test("CH6 jitter shortens a wait by up to half, so BACKOFF_MS_MAX holds", () => {
  const dialer = dialerOf("a", 0);
  dialer.learn("m", true, 0);
  for (let round = 0; round < 10; round += 1) {
    dialer.plan(round * BACKOFF_MS_MAX);
    dialer.failed("m", round * BACKOFF_MS_MAX);
  }
  expect(dialer.plan(9 * BACKOFF_MS_MAX).nextAtMs).toBe(9.5 * BACKOFF_MS_MAX);
});

test("CH6 a hello starts the back-off anew", () => {
  const dialer = dialerOf();
  dialer.learn("m", true, 0);
  for (let round = 0; round < 9; round += 1) {
    dialer.plan(round * BACKOFF_MS_MAX);
    dialer.failed("m", round * BACKOFF_MS_MAX);
  }
  settle(dialer, 40_000);
  dialer.disconnected("m", 50_000);
  expect(dialer.plan(50_000).nextAtMs).toBe(50_000 + BACKOFF_MS_MIN);
});

test("CH6 of two that hear of each other the larger id waits, unless the user named the other", () => {
  for (const [self, waitMs] of [
    ["a", 0],
    ["z", YIELD_MS],
  ] as const) {
    const dialer = dialerOf(self);
    dialer.learn("m", false, 0);
    expect(dialer.plan(0).dial).toEqual(waitMs === 0 ? ["m"] : []);
    expect(dialer.plan(waitMs).dial).toEqual(waitMs === 0 ? [] : ["m"]);
  }
  const dialer = dialerOf("z");
  dialer.learn("m", false, 0);
  dialer.learn("m", true, 1);
  expect(dialer.plan(1).dial).toEqual(["m"]);
});

test("P6 at most PARALLEL_DIALS_MAX dials begin within a second, and hanging ones do not block others", () => {
  const dialer = dialerOf();
  for (const node of names(OWN_DIALS_MAX)) dialer.learn(node, true, 0);
  expect(dialer.plan(0)).toMatchObject({ dial: names(PARALLEL_DIALS_MAX), nextAtMs: FRESH_MS });
  expect(dialer.plan(FRESH_MS - 1).dial).toEqual([]);
  expect(dialer.plan(FRESH_MS).dial).toEqual(names(PARALLEL_DIALS_MAX, PARALLEL_DIALS_MAX));
});

test("CH6 while a fleet forms one connection is enough, at most for FORMING_MS_MAX", () => {
  const dialer = dialerOf();
  dialer.learn("boot", true, 0);
  settle(dialer, 0);
  for (const node of names(FORMING_MEMBERS)) dialer.learn(node, false, 0);
  let nowMs = 0;
  let next = FORMING_MEMBERS;
  while (nowMs < FORMING_MS_MAX) {
    expect(settle(dialer, nowMs)).toEqual([]);
    dialer.learn(`m0${next}`, false, nowMs);
    next += 1;
    nowMs += FORMING_QUIET_MS / 2;
  }
  let dialled = 0;
  for (nowMs = FORMING_MS_MAX; nowMs < FORMING_MS_MAX + 5_000; nowMs += FRESH_MS)
    dialled += settle(dialer, nowMs).length;
  expect(dialled).toBe(next);
});

test("CH6 a small fleet forms at once", () => {
  const dialer = dialerOf();
  for (const node of names(FORMING_MEMBERS)) dialer.learn(node, false, 0);
  expect(settle(dialer, 0)).toEqual(names(FORMING_MEMBERS));
});

test("CH6 once no new member is heard of the choice is made, and members known for sure never wait", () => {
  const dialer = dialerOf();
  for (const node of names(10)) dialer.learn(node, false, 0);
  expect(settle(dialer, 0)).toEqual(names(1));
  dialer.learn("sure", true, 1);
  expect(settle(dialer, 1)).toEqual(["sure"]);
  expect(dialer.plan(2).nextAtMs).toBe(FORMING_QUIET_MS);
  expect(settle(dialer, FORMING_QUIET_MS)).toHaveLength(9);
});

test("SG2 a refused node is not dialled again soon", () => {
  const dialer = dialerOf();
  dialer.learn("m", true, 0);
  dialer.plan(0);
  dialer.connected("m", "outbound", 1);
  dialer.refused("m", 2);
  dialer.disconnected("m", 3);
  expect(dialer.plan(REFUSED_WAIT_MS)).toMatchObject({ dial: [], nextAtMs: REFUSED_WAIT_MS + 2 });
  expect(dialer.plan(REFUSED_WAIT_MS + 2).dial).toEqual(["m"]);
});

test("BK2 a member that hangs up sooner than STEADY_MS after its hello is dialled after ever longer waits, else the first wait counts again", () => {
  const dialer = dialerOf();
  dialer.learn("m", true, 0);
  let nowMs = 0;
  const waits = [STEADY_MS - 1, 100, 100, STEADY_MS].map((standsMs) => {
    settle(dialer, nowMs);
    nowMs += standsMs;
    dialer.disconnected("m", nowMs);
    const waitMs = (dialer.plan(nowMs).nextAtMs ?? 0) - nowMs;
    nowMs += waitMs;
    return waitMs;
  });
  expect(waits).toEqual([1, 1.5, 2.25, 1].map((factor) => BACKOFF_MS_MIN * factor));
});

test("BK2 who is turned out soon after its hello gives the other side no head start: that one is not about to dial", () => {
  const dialer = dialerOf("z");
  dialer.learn("m", true, 0);
  settle(dialer, 0);
  dialer.disconnected("m", 100);
  expect(dialer.plan(100).nextAtMs).toBe(100 + BACKOFF_MS_MIN);
});

test("CH6 failures in a row are counted, so that hearsay can be forgotten after HEARSAY_FAILURES_MAX", () => {
  const dialer = dialerOf();
  dialer.learn("m", false, 0);
  let failures = 0;
  for (let round = 0; round < HEARSAY_FAILURES_MAX; round += 1) {
    expect(dialer.plan(round * 10_000).dial).toEqual(["m"]);
    failures = dialer.failed("m", round * 10_000);
  }
  expect(failures).toBe(HEARSAY_FAILURES_MAX);
  dialer.forget("m");
  expect(dialer.plan(1e9)).toEqual({ dial: [], close: [], nextAtMs: undefined });
});

test("CH6 two halves that were cut from each other dial across again, whatever they did meanwhile", () => {
  const dialer = dialerOf();
  for (const node of names(40)) dialer.learn(node, true, 0);
  settle(dialer, 0);
  const far = new Set(names(40).filter((_, index) => index % 2 === 0));
  for (const node of far) dialer.disconnected(node, 1_000);
  for (let nowMs = 1_000; nowMs < 600_000; nowMs += 1_000)
    settle(dialer, nowMs, (node) => !far.has(node));
  const across = settle(dialer, 600_000 + BACKOFF_MS_MAX).filter((node) => far.has(node));
  expect(across).toEqual(names(WANTED_MEMBERS).filter((node) => far.has(node)));
});

test("P6 nodes known by hearsay alone are dialled HEARSAY_DIALS_PER_MINUTE_MAX times a minute, all together, and hold up nobody else", () => {
  const dialer = dialerOf();
  for (let index = 0; index < 1_000; index += 1) dialer.learn(`m${index}`, false, 0);
  let dials = 0;
  const dialFor = (fromMs: number, untilMs: number): void => {
    for (let nowMs = fromMs; nowMs < untilMs; nowMs += 250)
      dials += settle(dialer, nowMs, () => false).length;
  };
  dialFor(10_000, 70_000);
  expect(dials).toBeLessThanOrEqual(2 * HEARSAY_DIALS_PER_MINUTE_MAX);
  expect(dials).toBeGreaterThan(HEARSAY_DIALS_PER_MINUTE_MAX);
  dials = 0;
  dialFor(70_000, 130_000);
  expect(Math.abs(dials - HEARSAY_DIALS_PER_MINUTE_MAX)).toBeLessThanOrEqual(1);
  dialer.learn("sure", true, 130_000);
  expect(settle(dialer, 130_000)).toContain("sure");
});

test("P6 CH6 a small fleet stays fully meshed, however many nodes are known by hearsay", () => {
  const dialer = dialerOf();
  for (let index = 0; index < 1_000; index += 1) dialer.learn(`a${index}`, false, 0);
  for (const node of names(10)) dialer.learn(node, true, 0);
  expect(settle(dialer, 0).filter((node) => node.startsWith("m"))).toEqual(names(10));
});

test("P6 whoever is forgotten while it is connected goes on counting until it is forgotten again", () => {
  const dialer = dialerOf();
  dialer.learn("m", true, 0);
  settle(dialer, 0);
  dialer.forget("m");
  dialer.disconnected("m", 1);
  dialer.forget("m");
  expect(dialer.plan(1e9)).toEqual({ dial: [], close: [], nextAtMs: undefined });
});

test("ME3 AD11 who is not let in is asked again after waits that double from TURNED_AWAY_MS_MIN to TURNED_AWAY_MS_MAX, and begin anew once it was", () => {
  const dialer = dialerOf();
  dialer.learn("m00", true, 0);
  let nowMs = 0;
  const turnAway = (): void => {
    dialer.turnedAway("m00", nowMs);
    // The connection ends a moment later: that shortens no wait.
    dialer.disconnected("m00", nowMs + 500);
  };
  expect(dialer.plan(0).dial).toEqual(["m00"]);
  dialer.connected("m00", "outbound", 0);
  const waits = [1, 2, 3, 4, 5, 6, 7, 8].map(() => {
    turnAway();
    const { nextAtMs = NaN, dial } = dialer.plan(nowMs);
    expect(dial).toEqual([]);
    const waited = nextAtMs - nowMs;
    nowMs = nextAtMs;
    expect(dialer.plan(nowMs).dial).toEqual(["m00"]);
    dialer.connected("m00", "outbound", nowMs);
    return waited;
  });
  expect(waits).toEqual(
    [1, 2, 4, 8, 16, 32, 60, 60].map((times) =>
      Math.min(times * TURNED_AWAY_MS_MIN, TURNED_AWAY_MS_MAX),
    ),
  );
  dialer.greeted("m00", nowMs);
  turnAway();
  expect(dialer.plan(nowMs).nextAtMs).toBe(nowMs + TURNED_AWAY_MS_MIN);
});

test("ME3 AD11 who did not let this node in is asked again at once when it has a new grant to show", () => {
  const dialer = dialerOf();
  dialer.learn("m00", true, 0);
  expect(dialer.plan(0).dial).toEqual(["m00"]);
  expect(dialer.retryTurnedAway(0)).toBe(false);
  for (let times = 0; times < 5; times += 1) dialer.turnedAway("m00", 0);
  expect(dialer.plan(1_000).dial).toEqual([]);
  expect(dialer.retryTurnedAway(1_000)).toBe(true);
  expect(dialer.plan(1_000).dial).toEqual(["m00"]);
});

test("PU8 members to be linked to are dialled before all others, and in place of the ranking's", () => {
  const dialer = dialerOf();
  for (const node of names(60)) dialer.learn(node, true, 0);
  const linked = names(8, 40);
  dialer.link(linked, 0);
  expect(settle(dialer, 0).toSorted()).toEqual(linked);
  expect(dialer.plan(0).nextAtMs).toBeUndefined();
});

test("PU8 a link that is named later pushes out a connection of the node's own choice; with none named the ranking decides again", () => {
  const dialer = dialerOf();
  for (const node of names(OWN_DIALS_MAX)) dialer.learn(node, true, 0);
  settle(dialer, 0);
  for (const node of names(44, OWN_DIALS_MAX)) dialer.learn(node, true, 0);
  dialer.link(["m50"], 10_000);
  const { close } = dialer.plan(10_000);
  expect(close).toHaveLength(1);
  for (const node of close) dialer.disconnected(node, 10_000);
  expect(settle(dialer, 10_000)).toEqual(["m50"]);
  dialer.link([], 10_000);
  for (const node of names(60)) dialer.disconnected(node, 20_000);
  expect(settle(dialer, 60_000)).toEqual(names(WANTED_MEMBERS));
});

/** A node with standing links to eight members, which has asked eight others, one after another. */
function asker(): ReturnType<typeof dialerOf> {
  const dialer = dialerOf();
  for (const node of names(60)) dialer.learn(node, true, 0);
  dialer.link(names(8, 40), 0);
  settle(dialer, 0);
  for (const node of names(8, 20)) {
    dialer.link([node, ...names(8, 40)], 1_000);
    expect(settle(dialer, 1_000)).toEqual([node]);
  }
  dialer.link(names(8, 40), 2_000);
  return dialer;
}

test("PU9 what was dialled to ask somebody makes room at once for whoever is asked next, one for each, and standing links stay", () => {
  const dialer = asker();
  for (const [asked, closed] of [
    ["m10", "m27"],
    ["m11", "m26"],
    ["m12", "m25"],
  ] as const) {
    dialer.link([asked, ...names(8, 40)], 2_000);
    expect(dialer.plan(2_000)).toMatchObject({ dial: [], close: [closed] });
    expect(dialer.plan(2_020)).toMatchObject({ dial: [], close: [] });
    dialer.disconnected(closed, 2_030);
    expect(settle(dialer, 2_030)).toEqual([asked]);
  }
  dialer.link([...names(3, 13), ...names(8, 40)], 3_000);
  expect(dialer.plan(3_000).close).toEqual(["m24", "m23", "m22"]);
});

test("PU9 what was dialled to ask somebody is given back LINK_KEPT_MS later, unless it is asked again or too few connections are left", () => {
  const dialer = asker();
  dialer.link(["m20", ...names(8, 40)], 3_000);
  expect(dialer.plan(3_000)).toMatchObject({ dial: [], close: [], nextAtMs: 1_000 + LINK_KEPT_MS });
  const { close } = dialer.plan(2_000 + LINK_KEPT_MS);
  expect(close.toSorted()).toEqual(names(7, 21));
  for (const node of close) dialer.disconnected(node, 40_000);
  expect(settle(dialer, 50_000)).toEqual([]);
  const lonely = dialerOf();
  for (const node of names(60)) lonely.learn(node, true, 0);
  lonely.link(names(4), 0);
  const asked = ["m31", "m32", "m33"];
  const accept = (node: string): boolean => [...names(4), ...asked].includes(node);
  settle(lonely, 0, accept);
  for (const node of asked) {
    lonely.link([node, ...names(4)], 0);
    settle(lonely, 0, accept);
  }
  lonely.link(names(4), 0);
  expect(lonely.plan(LINK_KEPT_MS).close).toEqual(["m33"]);
});
