import { describe, expect, test } from "vitest";
import { LossWindow } from "./loss-window.ts";

const INTERVAL_MS = 1_000;

/** A window that received these numbers, each at its regular second. */
function received(seqs: readonly number[]): LossWindow {
  const window = new LossWindow();
  for (const seq of seqs) window.onPulse(1, seq, seq * INTERVAL_MS, INTERVAL_MS);
  return window;
}

const COUNT = Array.from({ length: 40 }, (_, index) => index + 1);

describe("LossWindow", () => {
  test("PU7 a stream that misses nothing, or 40%, is not lossy", () => {
    expect(received(COUNT).isLossy()).toBe(false);
    expect(received(COUNT.filter((seq) => seq % 5 < 3)).isLossy()).toBe(false);
  });

  test("PU7 a stream that misses half is lossy, and no longer once it has been whole for the window", () => {
    const half = COUNT.filter((seq) => seq % 2 === 0);
    expect(received(half).isLossy()).toBe(true);
    const healed = Array.from({ length: 30 }, (_, index) => 41 + index);
    expect(received([...half, ...healed]).isLossy()).toBe(false);
  });

  test("PU7 an outage of more than six intervals is no loss", () => {
    const after = Array.from({ length: 5 }, (_, index) => 60 + index);
    expect(received([...COUNT, ...after]).isLossy()).toBe(false);
  });

  test("PU7 a new boot starts a new window", () => {
    const window = received(COUNT.filter((seq) => seq % 2 === 0));
    window.onPulse(2, 1, 41_000, INTERVAL_MS);
    expect(window.isLossy()).toBe(false);
  });
});
