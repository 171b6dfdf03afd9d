import { describe, expect, test } from "vitest";
import type { PulseName } from "../ids.ts";
import type { Evidence } from "./observation-codec.ts";
import { IN_SIGHT_INTERVALS, JITTER_INTERVALS_MAX, SILENCE_INTERVALS } from "./rules.ts";
import { Subject } from "./subject.ts";

const INTERVAL_MS = 1_000;

/** The signed header of a pulse that announces an absence of 30 s; nobody looks at the envelope here. */
function announcement({ boot, seq }: PulseName): Evidence {
  const header = { boot, seq, upMs: 0, wallMs: 11_000, pausedForMs: 30_000 };
  return { envelope: {}, header } as unknown as Evidence;
}

/** A subject whose first pulse was dated at 10 000 with up-time 0. */
function dated(): Subject {
  const subject = new Subject("na", INTERVAL_MS, { monoMs: 0, wallMs: 0 });
  subject.dating.onPulse({ boot: 1, seq: 1, upMs: 0, intervalMs: INTERVAL_MS }, 10_000, true);
  subject.datedSinceBase = true;
  return subject;
}

describe("Subject", () => {
  test("VE9 an announced absence ends by a later pulse of its boot, or of a newer one that is dated, and by no earlier one", () => {
    const ends = (name: PulseName, isDated: boolean): boolean => {
      const subject = dated();
      subject.learn(announcement({ boot: 5, seq: 7 }), { monoMs: 11_000, wallMs: 11_000 });
      expect(subject.isPaused(12_000)).toBe(true);
      subject.endAbsence(name, isDated, 11_500);
      return !subject.isPaused(12_000);
    };
    expect(ends({ boot: 5, seq: 8 }, false)).toBe(true);
    expect(ends({ boot: 6, seq: 1 }, false)).toBe(false);
    expect(ends({ boot: 6, seq: 1 }, true)).toBe(true);
    expect(ends({ boot: 5, seq: 7 }, true)).toBe(false);
    expect(ends({ boot: 5, seq: 6 }, true)).toBe(false);
  });

  test("VE9 VE3 a newer boot that nobody can date ends an announced absence 2.2 intervals after its first pulse", () => {
    const subject = dated();
    subject.learn(announcement({ boot: 5, seq: 7 }), { monoMs: 11_000, wallMs: 11_000 });
    subject.endAbsence({ boot: 6, seq: 1 }, false, 12_000);
    subject.endAbsence({ boot: 6, seq: 2 }, false, 13_000);
    expect([14_199, 14_200].map((monoMs) => subject.isPaused(monoMs))).toEqual([true, false]);
  });

  test("VE2 a node is in sight for 2.2 intervals, less than the silence that accuses", () => {
    expect(IN_SIGHT_INTERVALS).toBeLessThan(SILENCE_INTERVALS);
    expect([12_200, 12_201].map((monoMs) => dated().isInSight(monoMs))).toEqual([true, false]);
  });

  test("VE3 silence may last 3.2 intervals", () => {
    const subject = dated();
    expect([13_200, 13_201].map((monoMs) => subject.isFresh(monoMs))).toEqual([true, false]);
    expect(subject.deadlineMonoMs).toBe(13_200);
  });

  test("VE3 P6 learned jitter prolongs patience by JITTER_INTERVALS_MAX intervals at most", () => {
    const subject = dated();
    let upMs = 0;
    for (let seq = 2; seq < 100; seq++) {
      upMs += 10 * INTERVAL_MS;
      subject.dating.onPulse({ boot: 1, seq, upMs, intervalMs: INTERVAL_MS }, 10_000 + upMs, false);
    }
    expect(subject.dating.jitterMs).toBeGreaterThan(JITTER_INTERVALS_MAX * INTERVAL_MS);
    expect(subject.patienceMs).toBe((SILENCE_INTERVALS + JITTER_INTERVALS_MAX) * INTERVAL_MS);
  });

  test("PU7 a stream is delayed while its next pulse would come past the deadline; after one slow pulse, silence is silence", () => {
    const delayedAt = (lateMs: number): readonly boolean[] => {
      const subject = dated();
      const pulse = { boot: 1, seq: 2, upMs: INTERVAL_MS, intervalMs: INTERVAL_MS };
      const arrivalMonoMs = 10_000 + INTERVAL_MS + lateMs;
      subject.dating.onPulse(pulse, arrivalMonoMs, false);
      const deadlineMonoMs = subject.deadlineMonoMs;
      return [
        deadlineMonoMs + 1,
        arrivalMonoMs + subject.patienceMs,
        arrivalMonoMs + subject.patienceMs + 1,
      ].map((monoMs) => !subject.isFresh(monoMs) && subject.isDelayed(monoMs));
    };
    expect(delayedAt(1_600)).toEqual([false, false, false]);
    expect(delayedAt(2_500)).toEqual([true, true, false]);
    expect(delayedAt(4_000)).toEqual([true, true, false]);
  });
});
