/** Whom the dialer looks for at leisure: former members (rule CH6). */
import { expect, test } from "vitest";
import {
  BACKOFF_MS_MAX,
  FORMER_DIALS_PER_MINUTE_MAX,
  FORMER_WAIT_MS_MAX,
  OWN_DIALS_MAX,
  WANTED_MEMBERS,
} from "./dialer.ts";
import { dialerOf, names, settle } from "./dialer.test-support.ts";

test("P6, CH6 former members are dialled one at a time, FORMER_DIALS_PER_MINUTE_MAX a minute, all of them in turn, and hold up nobody else", () => {
  const dialer = dialerOf();
  const former = Array.from({ length: 100 }, (_, index) => `f${index}`);
  for (const node of former) {
    dialer.learn(node, true, 0);
    dialer.trust(node, "former", 0);
  }
  const dials = new Map<string, number>();
  for (let nowMs = 60_000; nowMs < 60_000 + 50 * 60_000; nowMs += 250) {
    const { dial } = dialer.plan(nowMs);
    expect(dial.length).toBeLessThanOrEqual(1);
    for (const node of dial) {
      dials.set(node, (dials.get(node) ?? 0) + 1);
      dialer.failed(node, nowMs);
    }
  }
  const counts = [...dials.values()];
  const sum = counts.reduce((before, count) => before + count, 0);
  expect(Math.abs(sum - 51 * FORMER_DIALS_PER_MINUTE_MAX)).toBeLessThanOrEqual(1);
  expect([counts.length, Math.min(...counts) >= 2]).toEqual([100, true]);
  for (const node of names(20)) dialer.learn(node, true, 1e7);
  const begun = settle(dialer, 1e7).filter((node) => node.startsWith("m"));
  expect(begun).toEqual(names(WANTED_MEMBERS));
  // Of these no fewer are dialled, as each of those is dialled beside them, at once too while there is no member.
  for (const node of former) dialer.trust(node, "sought", 2e7);
  for (const node of begun) dialer.disconnected(node, 2e7);
  expect(settle(dialer, 2e7 + BACKOFF_MS_MAX)).toEqual(names(WANTED_MEMBERS));
});

test("CH6, ME2 a former member is never given up: its waits double to FORMER_WAIT_MS_MAX, and one that is sought again is dialled at once", () => {
  for (const end of ["failed", "turnedAway"] as const) {
    const dialer = dialerOf();
    dialer.learn("m", true, 0);
    dialer.trust("m", "former", 0);
    let nowMs = 0;
    const waits: number[] = [];
    for (let times = 0; times < 14; times += 1) {
      expect(dialer.plan(nowMs).dial).toEqual(["m"]);
      dialer[end]("m", nowMs);
      const { nextAtMs = NaN } = dialer.plan(nowMs);
      waits.push(nextAtMs - nowMs);
      nowMs = nextAtMs;
    }
    expect(waits.slice(1)).toEqual(
      waits.slice(1).map((_, index) => Math.min(2 ** (index + 1) * 1_000, FORMER_WAIT_MS_MAX)),
    );
    dialer.plan(nowMs);
    dialer[end]("m", nowMs);
    expect(dialer.plan(nowMs + 1_000).dial).toEqual([]);
    dialer.trust("m", "sought", nowMs + 1_000);
    expect(dialer.plan(nowMs + 1_000).dial).toEqual(["m"]);
  }
});

test("CH6 members come before who is sought as there is none that was met", () => {
  const dialer = dialerOf();
  for (const node of names(60)) {
    dialer.learn(node, true, 0);
    if (node !== "m50") dialer.trust(node, "sought", 0);
  }
  expect(dialer.plan(0).dial[0]).toBe("m50");
});

test("CH6, ME2 a former member is dialled also where OWN_DIALS_MAX connections stand, and takes no place while it is", () => {
  const dialer = dialerOf();
  for (const node of names(OWN_DIALS_MAX)) dialer.learn(node, true, 0);
  expect(settle(dialer, 0)).toHaveLength(OWN_DIALS_MAX);
  dialer.learn("f", true, 0);
  dialer.trust("f", "former", 0);
  expect(dialer.plan(120_000)).toMatchObject({ dial: ["f"], close: [] });
  dialer.disconnected("m00", 120_000);
  expect(dialer.plan(120_000 + BACKOFF_MS_MAX).dial).toEqual(["m00"]);
});

test("PU8, CH6 a former member that is to be linked to takes a place while it is dialled, and keeps no other one from being dialled", () => {
  const dialer = dialerOf();
  for (const node of ["f", "g"]) {
    dialer.learn(node, true, 0);
    dialer.trust(node, "former", 0);
  }
  dialer.link(["f"], 60_000);
  expect(dialer.plan(60_000).dial).toEqual(["f", "g"]);
  // With those of others it fills the places, so that one is left over.
  const others = names(OWN_DIALS_MAX);
  for (const node of others) dialer.learn(node, true, 70_000);
  dialer.link(["f", ...others], 70_000);
  expect(settle(dialer, 70_000)).toEqual(others.slice(0, -1));
});

test("P6, CH6 who leaves while it is dialled goes on taking its place, and keeps no former member from being dialled", () => {
  const dialer = dialerOf();
  dialer.learn("f", true, 0);
  dialer.trust("f", "former", 0);
  const begunMs = new Map<string, number>();
  let former = 0;
  for (let nowMs = 60_000; nowMs < 60_000 + 3_600_000; nowMs += 250) {
    // Nodes of a member that come by the dozen, answer nothing for ten seconds, and are gone as soon as they are dialled.
    const fresh = `x${nowMs}`;
    dialer.learn(fresh, true, nowMs);
    for (const [node, sinceMs] of begunMs) {
      if (nowMs - sinceMs < 10_000) continue;
      begunMs.delete(node);
      dialer.failed(node, nowMs);
      if (node !== "f") dialer.forget(node);
    }
    for (const node of dialer.plan(nowMs).dial) {
      begunMs.set(node, nowMs);
      if (node === "f") former += 1;
      else dialer.trust(node, "former", nowMs);
    }
    expect([...begunMs.keys()].filter((node) => node !== "f").length).toBeLessThanOrEqual(
      OWN_DIALS_MAX + 1,
    );
    if (!begunMs.has(fresh)) dialer.forget(fresh);
  }
  expect(former).toBeGreaterThanOrEqual(6);
});
