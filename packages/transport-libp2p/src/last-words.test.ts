import { VirtualClock } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { LAST_WORD_MS, LAST_WORD_WAIT_MS_MAX, LastWords } from "./last-words.ts";

/** Virtual time, and who was hung up on when. */
function rig() {
  const clock = new VirtualClock();
  const over: string[] = [];
  const words = new LastWords({
    after: (delayMs, task) => {
      let isOff = false;
      clock.call(clock.nowMs + delayMs, () => isOff || task());
      return () => {
        isOff = true;
      };
    },
    over: (node) => void over.push(`${node} at ${clock.nowMs}`),
  });
  return { words, over, clock };
}

test("AD11 who is expelled is hung up on LAST_WORD_MS after it was told why, once, however often it is expelled and told meanwhile", () => {
  const { words, over, clock } = rig();
  words.begin("a");
  clock.runUntil(3_000);
  words.said("a");
  clock.runUntil(3_500);
  words.begin("a");
  words.said("a");
  clock.runUntil(60_000);
  expect(over).toEqual([`a at ${3_000 + LAST_WORD_MS}`]);
  words.begin("a");
  words.said("a");
  clock.runUntil(120_000);
  expect(over.slice(1)).toEqual([`a at ${60_000 + LAST_WORD_MS}`]);
});

test("AD11 P6 where the disk never answers who is expelled is hung up on after LAST_WORD_WAIT_MS_MAX", () => {
  const { words, over, clock } = rig();
  words.begin("a");
  clock.runUntil(60_000);
  expect(over).toEqual([`a at ${LAST_WORD_WAIT_MS_MAX}`]);
  words.said("a");
  clock.runUntil(120_000);
  expect(over).toHaveLength(1);
});

test("AD11 who is let in again meanwhile, or is gone, is not hung up on, nor is anybody once all is over", () => {
  const { words, over, clock } = rig();
  for (const node of ["a", "b", "c"]) words.begin(node);
  words.cancel("a");
  words.said("a");
  words.said("b");
  words.cancel("never expelled");
  clock.runUntil(60_000);
  expect(over).toEqual([`b at ${LAST_WORD_MS}`, `c at ${LAST_WORD_WAIT_MS_MAX}`]);
  words.begin("d");
  words.begin("e");
  words.said("e");
  words.stop();
  clock.runUntil(120_000);
  expect(over).toHaveLength(2);
});
