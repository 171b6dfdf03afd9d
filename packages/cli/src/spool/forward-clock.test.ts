import { expect, test } from "vitest";
import { forwardClock } from "./forward-clock.ts";

test("CLI31 a run that is kept never ends before it starts, though the clock is set back meanwhile", () => {
  const times = [5_000, 1_000, 4_999, 6_000];
  const clock = forwardClock(() => times.shift() ?? 0);
  expect([clock(), clock(), clock(), clock()]).toEqual([5_000, 5_000, 5_000, 6_000]);
});
