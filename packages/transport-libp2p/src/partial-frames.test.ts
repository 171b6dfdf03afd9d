import { expect, test } from "vitest";
import {
  MEMBER_PARTIAL_BYTES_MAX,
  PartialFrames,
  STRANGER_PARTIAL_BYTES_MAX,
} from "./partial-frames.ts";

const FRAME_BYTES = 1024 * 1024;

test.each([
  {
    title: "P6 unfinished frames of strangers hold STRANGER_PARTIAL_BYTES_MAX at most",
    isMember: false,
    max: STRANGER_PARTIAL_BYTES_MAX,
  },
  {
    title: "P6 unfinished frames of members hold MEMBER_PARTIAL_BYTES_MAX at most",
    isMember: true,
    max: MEMBER_PARTIAL_BYTES_MAX,
  },
])("$title, the oldest makes room, and the others have their own share", ({ isMember, max }) => {
  const frames = new PartialFrames();
  const given: number[] = [];
  const holders = Array.from({ length: max / FRAME_BYTES + 3 }, (_, index) => ({
    giveUp: () => void given.push(index),
  }));
  frames.hold({ giveUp: () => void given.push(-1) }, FRAME_BYTES, !isMember);
  for (const holder of holders.slice(0, -3)) frames.hold(holder, FRAME_BYTES, isMember);
  expect(given).toEqual([]);
  const [first, second, third] = holders;
  if (first === undefined || second === undefined || third === undefined) throw new Error("few");
  // One that goes on keeps its place, one that has ended and begun anew is the latest.
  frames.hold(first, FRAME_BYTES, isMember);
  frames.hold(second, 0, isMember);
  frames.hold(second, FRAME_BYTES, isMember);
  for (const holder of holders.slice(-3)) frames.hold(holder, FRAME_BYTES, isMember);
  expect(given).toEqual([0, 2, 3]);
  expect((isMember ? frames.members : frames.strangers).bytes).toBe(max);
  for (const holder of holders) frames.hold(holder, 0, isMember);
  expect((isMember ? frames.members : frames.strangers).bytes).toBe(0);
});

test("P6 whoever becomes a member takes its frame along to the members' share", () => {
  const frames = new PartialFrames();
  const holder = { giveUp: () => undefined };
  frames.hold(holder, FRAME_BYTES, false);
  frames.hold(holder, FRAME_BYTES, true);
  expect([frames.strangers.bytes, frames.members.bytes]).toEqual([0, FRAME_BYTES]);
});
