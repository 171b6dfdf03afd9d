import { beforeEach, describe, expect, test } from "vitest";
import {
  BUDGET_PEERS_MAX,
  DIRECT_FRAMES_AT_ONCE_MAX,
  DIRECT_FRAMES_PER_SECOND_MAX,
  HELLOS_AT_ONCE_MAX,
  HELLOS_PER_SECOND_MAX,
  PeerBudget,
} from "./peer-budget.ts";

let budget: PeerBudget;

function taken(node: string, times: number, nowMs: number): number {
  let count = 0;
  for (let index = 0; index < times; index += 1) if (budget.take(node, nowMs)) count += 1;
  return count;
}

describe("what one peer may ask for", () => {
  beforeEach(() => {
    budget = new PeerBudget({
      atOnceMax: HELLOS_AT_ONCE_MAX,
      perSecondMax: HELLOS_PER_SECOND_MAX,
    });
  });

  test("P6 HELLOS_AT_ONCE_MAX at once and HELLOS_PER_SECOND_MAX a second afterwards, whatever the peer does in between", () => {
    expect(taken("a", 100, 0)).toBe(HELLOS_AT_ONCE_MAX);
    expect(taken("a", 100, 10)).toBe(0);
    expect(taken("a", 100, 10_010)).toBe(10 * HELLOS_PER_SECOND_MAX);
    expect(taken("a", 1_000, 1_000_000)).toBe(HELLOS_AT_ONCE_MAX);
  });

  test("P6 a peer that asks all the time gets what it earns meanwhile", () => {
    let count = 0;
    for (let atMs = 0; atMs <= 60_000; atMs += 20) count += taken("a", 1, atMs);
    expect(count).toBe(HELLOS_AT_ONCE_MAX + 60 * HELLOS_PER_SECOND_MAX);
  });

  test("CH6 a member whose connection breaks all the time reconnects at the cap of the back-off for as long as it likes", () => {
    for (let atMs = 0; atMs < 600_000; atMs += 2_000)
      expect([atMs, taken("a", 2, atMs)]).toEqual([atMs, 2]);
  });

  test("P6 peers do not use up each other's", () => {
    taken("a", 100, 0);
    expect(taken("b", 1, 0)).toBe(1);
  });

  test("P6 BUDGET_PEERS_MAX peers are remembered, and who was quiet for longest is forgotten first", () => {
    taken("busy", 100, 0);
    taken("quiet", 100, 0);
    for (let index = 0; index < BUDGET_PEERS_MAX - 1; index += 1) {
      budget.take(`p${index}`, 0);
      expect(budget.take("busy", 0)).toBe(false);
    }
    expect(budget.take("busy", 0)).toBe(false);
    expect(budget.take("quiet", 0)).toBe(true);
  });
});

test("P6 direct frames: DIRECT_FRAMES_AT_ONCE_MAX and DIRECT_FRAMES_PER_SECOND_MAX", () => {
  budget = new PeerBudget({
    atOnceMax: DIRECT_FRAMES_AT_ONCE_MAX,
    perSecondMax: DIRECT_FRAMES_PER_SECOND_MAX,
  });
  expect(taken("a", 1_000, 0)).toBe(DIRECT_FRAMES_AT_ONCE_MAX);
  expect(taken("a", 1_000, 1_000)).toBe(DIRECT_FRAMES_PER_SECOND_MAX);
});
