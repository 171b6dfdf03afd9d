/** Preloaded into a node process: SIGUSR2 steps its wall clock by an hour ahead, and back at the next one. The monotonic clock is untouched. */
const HOUR_MS = 3_600_000;
const wallClockMs = Date.now.bind(Date);
let stepMs = 0;
Date.now = (): number => wallClockMs() + stepMs;
process.on("SIGUSR2", () => {
  stepMs = stepMs === 0 ? HOUR_MS : 0;
});
