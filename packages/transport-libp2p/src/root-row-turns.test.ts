import { expect, test } from "vitest";
import { BOOK_MEMBERS_MAX } from "./address-book.ts";
import { FORMER_MEMBERS_MAX } from "./former-members.ts";
import {
  ROOT_ROW_AGAIN_MS,
  ROOT_ROW_PAUSE_MS,
  ROOT_ROW_TURN_MS_MAX,
  ROOT_ROWS_ASKED_MAX,
  ROOT_ROWS_WAITING_MAX,
  RootRowTurns,
  WHY_AGAIN_FACTOR,
  WHY_AGAIN_MS_MAX,
} from "./root-row-turns.ts";
import type { RootRowTurnsDeps } from "./root-row-turns.ts";

class Rig {
  nowMs = 0;
  /** Who was given a turn, and who was told that it has none, in order. */
  readonly said: string[] = [];
  readonly turns: RootRowTurns;
  readonly #deps: RootRowTurnsDeps = {
    now: () => this.nowMs,
    after: (delayMs, task) => {
      const timer = { atMs: this.nowMs + delayMs, task };
      this.#timers.add(timer);
      return () => void this.#timers.delete(timer);
    },
  };
  readonly #timers = new Set<{ readonly atMs: number; readonly task: () => void }>();

  constructor(againFactor?: number) {
    this.turns = new RootRowTurns(this.#deps, againFactor);
  }

  async take(...nodes: readonly string[]): Promise<readonly string[]> {
    for (const node of nodes)
      void this.turns.take(node).then((isTurn) => this.said.push(isTurn ? node : `no ${node}`));
    return this.news();
  }

  async pass(durationMs: number): Promise<readonly string[]> {
    this.nowMs += durationMs;
    for (const timer of this.#timers) {
      if (timer.atMs > this.nowMs) continue;
      this.#timers.delete(timer);
      timer.task();
    }
    return this.news();
  }

  async news(): Promise<readonly string[]> {
    await new Promise((resolve) => setImmediate(resolve));
    return this.said.splice(0);
  }
}

test("ME2, P6 ROOT_ROWS_ASKED_MAX nodes are asked at once, and the others wait their turn in the order in which they came", async () => {
  const rig = new Rig();
  expect(ROOT_ROWS_ASKED_MAX).toBe(2);
  expect(await rig.take("a", "b", "c", "d")).toEqual(["a", "b"]);
  rig.turns.give("b", "useless");
  expect(await rig.take("e")).toEqual(["c"]);
  rig.turns.give("a", "nothing");
  expect(await rig.news()).toEqual(["d"]);
  rig.turns.give("c", "helped");
  expect(await rig.news()).toEqual(["e"]);
});

test("ME2, P6 nobody waits for longer than ROOT_ROW_TURN_MS_MAX, nor beside ROOT_ROWS_WAITING_MAX others", async () => {
  const rig = new Rig();
  await rig.take("a", "b");
  const others = Array.from({ length: ROOT_ROWS_WAITING_MAX }, (_, index) => `n${index}`);
  expect(await rig.take(...others, "z")).toEqual(["no z"]);
  expect(await rig.pass(ROOT_ROW_TURN_MS_MAX - 1)).toEqual([]);
  expect(await rig.pass(1)).toEqual(others.map((node) => `no ${node}`));
  expect(await rig.take("z")).toEqual([]);
  rig.turns.give("a", "nothing");
  expect(await rig.news()).toEqual(["z"]);
});

test("ME2 who took its time and said nothing, or had nothing that helped, is not asked again for ROOT_ROW_AGAIN_MS", async () => {
  for (const [came, isInVain] of [
    ["nothing", false],
    ["helped", false],
    ["useless", true],
    ["costly", true],
  ] as const) {
    const rig = new Rig();
    await rig.take("a");
    rig.turns.give("a", came);
    await rig.pass(ROOT_ROW_AGAIN_MS - 1);
    expect(await rig.take("a")).toEqual([isInVain ? "no a" : "a"]);
    await rig.pass(1);
    expect(await rig.take("a")).toEqual(["a"]);
  }
});

test("ME2, P6 after a row that was looked at in vain nobody is asked for ROOT_ROW_PAUSE_MS, and of ASKED_IN_VAIN_MAX nodes it is remembered", async () => {
  const rig = new Rig();
  await rig.take("a", "b", "c", "d");
  rig.turns.give("a", "costly");
  rig.turns.give("b", "costly");
  expect(await rig.news()).toEqual([]);
  expect(await rig.pass(ROOT_ROW_PAUSE_MS)).toEqual([]);
  expect(await rig.pass(ROOT_ROW_PAUSE_MS)).toEqual(["c", "d"]);
  rig.turns.give("c", "helped");
  rig.turns.give("d", "helped");
  for (let index = 0; index < BOOK_MEMBERS_MAX + FORMER_MEMBERS_MAX; index += 1) {
    await rig.take(`n${index}`);
    rig.turns.give(`n${index}`, "useless");
  }
  expect([rig.turns.isInVain("b"), rig.turns.isInVain("n0")]).toEqual([false, true]);
});

test("ME2, P6 who was asked why and helped nothing is not asked again for WHY_AGAIN_FACTOR times as long as it took, quick or not, but WHY_AGAIN_MS_MAX at most, nor for ROOT_ROW_AGAIN_MS where that is longer; who helped is", async () => {
  for (const [came, tookMs, againMs] of [
    ["nothing", 0, 0],
    ["nothing", 900, 90_000],
    ["useless", 2_000, 200_000],
    ["useless", 8_000, WHY_AGAIN_MS_MAX],
    ["costly", 6_000, WHY_AGAIN_MS_MAX],
    ["useless", 5, ROOT_ROW_AGAIN_MS],
    ["helped", 8_000, 0],
  ] as const) {
    const rig = new Rig(WHY_AGAIN_FACTOR);
    await rig.take("a");
    rig.turns.give("a", came, tookMs);
    if (againMs > 0) {
      await rig.pass(againMs - 1);
      expect(await rig.take("a")).toEqual(["no a"]);
      await rig.pass(1);
    }
    expect(await rig.take("a")).toEqual(["a"]);
  }
});
