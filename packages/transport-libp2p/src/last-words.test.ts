import { expect, test } from "vitest";
import { LAST_WORD_MS, LastWords } from "./last-words.ts";

/** The timers that run, and who was hung up on. */
function rig() {
  const timers = new Set<() => void>();
  const over: string[] = [];
  const words = new LastWords({
    after: (delayMs, task) => {
      expect(delayMs).toBe(LAST_WORD_MS);
      timers.add(task);
      return () => void timers.delete(task);
    },
    over: (node) => void over.push(node),
  });
  const ring = (): void => {
    for (const task of timers) {
      timers.delete(task);
      task();
    }
  };
  return { words, over, timers, ring };
}

test("AD11 who is expelled is hung up on after LAST_WORD_MS, once, however often it is expelled meanwhile", () => {
  const { words, over, timers, ring } = rig();
  words.begin("a");
  words.begin("a");
  expect([over, timers.size]).toEqual([[], 1]);
  ring();
  expect(over).toEqual(["a"]);
  words.begin("a");
  ring();
  expect(over).toEqual(["a", "a"]);
});

test("AD11 who is let in again meanwhile, or is gone, is not hung up on, nor is anybody once all is over", () => {
  const { words, over, timers, ring } = rig();
  for (const node of ["a", "b", "c"]) words.begin(node);
  words.cancel("a");
  words.cancel("never expelled");
  ring();
  expect(over).toEqual(["b", "c"]);
  words.begin("d");
  words.stop();
  expect(timers.size).toBe(0);
});
