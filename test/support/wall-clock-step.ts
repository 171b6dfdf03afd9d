/**
 * Preloaded into a node process: SIGUSR2 steps its wall clock by an hour ahead, and back at the next one; TEST_WALL_AHEAD_MS sets it ahead from
 * the start. The monotonic clock is untouched.
 */
const HOUR_MS = 3_600_000;
const wallClockMs = Date.now.bind(Date);
const aheadMs = Number(process.env["TEST_WALL_AHEAD_MS"] ?? "0");
let stepMs = 0;
Date.now = (): number => wallClockMs() + aheadMs + stepMs;
process.on("SIGUSR2", () => {
  stepMs = stepMs === 0 ? HOUR_MS : 0;
});
