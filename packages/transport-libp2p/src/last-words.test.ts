import { VirtualClock } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { LAST_WORD_MS, LAST_WORD_WAIT_MS_MAX, LastWords } from "./last-words.ts";
import { RECENT_WORD_MS } from "./recent-words.ts";

/** Virtual time, who was hung up on when, and who was told what. */
function rig() {
  const clock = new VirtualClock();
  const over: string[] = [];
  const told: string[] = [];
  const words = new LastWords({
    after: (delayMs, task) => {
      let isOff = false;
      clock.call(clock.nowMs + delayMs, () => isOff || task());
      return () => {
        isOff = true;
      };
    },
    over: (node) => void over.push(`${node} at ${clock.nowMs}`),
    tell: (node, bytes) => void told.push(`${node}: ${Buffer.from(bytes).toString()}`),
    nowMs: () => clock.nowMs,
  });
  return { words, over, told, clock };
}

test("AD11 who is expelled is hung up on LAST_WORD_MS after it was told why, once, however often it is expelled and told meanwhile", () => {
  const { words, over, clock } = rig();
  words.begin("a", 1);
  clock.runUntil(3_000);
  words.said("a", 1);
  clock.runUntil(3_500);
  words.begin("a", 1);
  words.said("a", 1);
  clock.runUntil(60_000);
  expect(over).toEqual([`a at ${3_000 + LAST_WORD_MS}`]);
  words.begin("a", 1);
  words.said("a", 1);
  clock.runUntil(120_000);
  expect(over.slice(1)).toEqual([`a at ${60_000 + LAST_WORD_MS}`]);
});

test("AD11 P6 where the disk never answers who is expelled is hung up on after LAST_WORD_WAIT_MS_MAX", () => {
  const { words, over, clock } = rig();
  words.begin("a", 1);
  clock.runUntil(60_000);
  expect(over).toEqual([`a at ${LAST_WORD_WAIT_MS_MAX}`]);
  words.said("a", 1);
  clock.runUntil(120_000);
  expect(over).toHaveLength(1);
});

test("AD11 who is let in again meanwhile, or is gone, is not hung up on, nor is anybody once all is over", () => {
  const { words, over, clock } = rig();
  for (const node of ["a", "b", "c"]) words.begin(node, 1);
  words.cancel("a");
  words.said("a", 1);
  words.said("b", 1);
  words.cancel("never expelled");
  clock.runUntil(60_000);
  expect(over).toEqual([`b at ${LAST_WORD_MS}`, `c at ${LAST_WORD_WAIT_MS_MAX}`]);
  words.begin("d", 1);
  words.begin("e", 1);
  words.said("e", 1);
  words.stop();
  clock.runUntil(120_000);
  expect(over).toHaveLength(2);
});

test("AD11 the last word by which a node was expelled, which comes after it was let in and expelled once more, is not that of the later expulsion", () => {
  const { words, over, clock } = rig();
  words.begin("a", 5);
  clock.runUntil(1_000);
  words.cancel("a");
  words.begin("a", 7);
  words.said("a", 5);
  clock.runUntil(5_000);
  expect(over).toEqual([]);
  words.said("a", 7);
  clock.runUntil(60_000);
  expect(over).toEqual([`a at ${5_000 + LAST_WORD_MS}`]);
  words.begin("b", 8);
  words.begin("b", 9);
  words.said("b", 8);
  words.said("b", 9);
  clock.runUntil(120_000);
  expect(over.slice(1)).toEqual([`b at ${60_000 + LAST_WORD_MS}`]);
});

test("AD11 ME2 who is expelled is told what is said of authority from then on, until it is hung up on or let in again, and first what was said shortly before", () => {
  const { words, told, clock } = rig();
  const word = (text: string): void => words.word(Buffer.from(text));
  word("long ago");
  clock.runUntil(RECENT_WORD_MS);
  word("before");
  expect(told).toEqual([]);
  words.begin("a", 1);
  words.begin("b", 1);
  words.begin("b", 2);
  word("why");
  expect(told.splice(0)).toEqual(["a: before", "b: before", "a: why", "b: why"]);
  words.cancel("a");
  words.said("b", 2);
  word("more");
  clock.runUntil(RECENT_WORD_MS + LAST_WORD_MS);
  word("at last");
  expect(told).toEqual(["b: more"]);
});
