import { describe, expect, test } from "vitest";
import { Dating } from "./dating.ts";

const INTERVAL_MS = 1_000;

function pulse(
  boot: number,
  seq: number,
  upMs: number,
): { boot: number; seq: number; upMs: number; intervalMs: number } {
  return { boot, seq, upMs, intervalMs: INTERVAL_MS };
}

/** A boot that was dated at 10 000 with up-time 1 000. */
function dated(): Dating {
  const dating = new Dating();
  dating.onPulse(pulse(1, 1, 1_000), 10_000, true);
  return dating;
}

describe("Dating", () => {
  test("PU4 a boot is undated until one of its pulses echoes something recent", () => {
    const dating = new Dating();
    expect(dating.onPulse(pulse(1, 1, 1_000), 10_000, false)).toEqual({ type: "undated" });
    expect(dating.newestDate).toBeUndefined();
    expect(dating.onPulse(pulse(1, 2, 2_000), 11_000, true)).toEqual({
      type: "dated",
      dateMonoMs: 11_000,
      firstOfBoot: true,
    });
  });

  test("PU4 a dated boot stays dated without further echoes", () => {
    expect(dated().onPulse(pulse(1, 2, 2_000), 11_000, false)).toMatchObject({
      type: "dated",
      dateMonoMs: 11_000,
    });
  });

  test("PU4, P3 a pulse that was held back is dated when it was sent, not when it came", () => {
    const result = dated().onPulse(pulse(1, 2, 2_000), 41_000, false);
    expect(result).toMatchObject({ type: "dated" });
    expect(result.type === "dated" ? result.dateMonoMs : 0).toBeLessThanOrEqual(11_000 + 31);
  });

  test("PU4, P3 a stream that is delayed more and more drags its dates by 1,000 ppm of the elapsed time and no more", () => {
    const dating = dated();
    let arrivalMs = 10_000;
    for (let seq = 2; seq <= 101; seq += 1) {
      arrivalMs += 2 * INTERVAL_MS;
      dating.onPulse(pulse(1, seq, seq * INTERVAL_MS), arrivalMs, true);
    }
    const trueDateMs = 10_000 + 100 * INTERVAL_MS;
    const elapsedMs = arrivalMs - 10_000;
    expect(dating.newestDate?.dateMonoMs).toBeLessThanOrEqual(trueDateMs + elapsedMs / 1_000 + 1);
  });

  test("PU4, P3 over a silence of any length an offset rises by one interval at most", () => {
    const dating = dated();
    const yearMs = 365 * 86_400_000;
    dating.onPulse(pulse(1, 2, 2_000), 10_000 + yearMs, false);
    expect(dating.newestDate?.dateMonoMs).toBeLessThanOrEqual(11_000 + INTERVAL_MS);
  });

  test("PU4 a shorter way lowers the offset at once, and dates follow it", () => {
    const dating = dated();
    dating.onPulse(pulse(1, 2, 2_000), 10_900, false);
    expect(dating.newestDate?.dateMonoMs).toBe(10_900);
    dating.onPulse(pulse(1, 3, 3_000), 12_000, false);
    expect(dating.newestDate?.dateMonoMs).toBeLessThanOrEqual(11_902);
  });

  test("PU4 only a (boot, seq) above every one seen counts", () => {
    const dating = dated();
    dating.onPulse(pulse(2, 1, 0), 12_000, true);
    for (const old of [pulse(2, 1, 5_000), pulse(1, 99, 90_000)]) {
      expect(dating.onPulse(old, 13_000, true)).toEqual({ type: "replayed" });
    }
    expect(dating.newest).toEqual({ boot: 2, seq: 1 });
  });

  test("PU4 a date is never later than the arrival", () => {
    const dating = dated();
    dating.onPulse(pulse(1, 2, 900_000), 11_000, false);
    expect(dating.newestDate?.dateMonoMs).toBe(11_000);
  });

  test("PU5 evidence is dated by what first-hand pulses taught, moves no offset, and dates no other boot", () => {
    const dating = dated();
    expect(dating.dateEvidence(pulse(1, 5, 5_000), 30_000)).toBe(14_000);
    expect(dating.dateEvidence(pulse(2, 1, 100), 30_000)).toBeUndefined();
    expect(dating.newest).toEqual({ boot: 1, seq: 1 });
    expect(dating.onPulse(pulse(1, 6, 6_000), 15_000, false)).toMatchObject({
      type: "dated",
      dateMonoMs: 15_000,
    });
  });

  test("PU6 after its own stall a receiver dates nothing until the boot echoes it again", () => {
    const dating = dated();
    dating.forgetOffset();
    expect(dating.onPulse(pulse(1, 2, 2_000), 60_000, false)).toEqual({ type: "undated" });
    expect(dating.onPulse(pulse(1, 3, 52_000), 61_000, true)).toMatchObject({
      type: "dated",
      dateMonoMs: 61_000,
    });
  });
});
