import { expect, test } from "vitest";
import { WALL_SAMPLES_MAX, WallOffset } from "./wall-offset.ts";

test("AD7 WallOffset tells the middle difference, and nothing before the first pulse", () => {
  const offset = new WallOffset();
  expect(offset.medianMs).toBeUndefined();
  for (const theirs of [5_000, 5_010, 99_000, 5_020, 4_990]) offset.learn(theirs, 0);
  expect(offset.medianMs).toBe(5_010);
  offset.forget();
  expect(offset.medianMs).toBeUndefined();
});

test("AD7 P6 WallOffset keeps WALL_SAMPLES_MAX differences, so a clock that was set is followed soon", () => {
  const offset = new WallOffset();
  for (let index = 0; index < 1_000; index += 1) offset.learn(60_000, 0);
  const half = Math.ceil(WALL_SAMPLES_MAX / 2);
  for (let index = 0; index < half; index += 1) offset.learn(0, 0);
  expect(offset.medianMs).toBe(0);
});
