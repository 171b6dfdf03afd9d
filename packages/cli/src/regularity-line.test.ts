import type { RobotJson } from "@pulsemesh/client";
import { expect, test } from "vitest";
import { regularityLine as lineOf } from "./regularity-line.ts";

const AS_OF_WALL_MS = Date.UTC(2026, 0, 1);

function regularityLine(regularity: RobotJson["regularity"], ageMs = 0): string {
  return lineOf(regularity, AS_OF_WALL_MS + ageMs);
}

const steady: NonNullable<RobotJson["regularity"]> = {
  measures: "interval",
  samples: 60,
  usual_ms: 10_003,
  newest_ms: 10_040,
  jitter_ms: 20,
  jitter_ratio: 0.002,
  drift_ms: 0,
  drift_ratio: 0,
  early: 0,
  late: 2,
  late_allowance_ms: 400,
  newest_score: 0.4,
  silence_score: 0,
  as_of: "2026-01-01T00:00:00.000Z",
};

test("RG8 regularity is one line: what is usual, how much it varies, moves and misses, and whether now is unusual", () => {
  expect(regularityLine(steady)).toBe(
    "usually every 10s, half within 20ms (0.2%); no drift; 0 early, 2 late of 60; usual",
  );
  expect(regularityLine({ ...steady, drift_ms: -1_200, drift_ratio: -0.12 })).toContain(
    "; drift -1.2s (-12%); ",
  );
  expect(regularityLine({ ...steady, newest_score: 3.2 })).toMatch(
    /; unusual newest beat \(3\.2 of 10\)$/,
  );
  expect(regularityLine({ ...steady, silence_score: 10 })).toMatch(
    /; unusual silence \(10 of 10\)$/,
  );
});

test("RG8 a cron robot is measured by its due time, and what is not known is left out", () => {
  const nightly = {
    ...steady,
    measures: "lateness",
    jitter_ratio: null,
    drift_ratio: null,
  } as const;
  expect(regularityLine({ ...nightly, usual_ms: 65_000, jitter_ms: 5_000, drift_ms: 40 })).toBe(
    "usually 1m 05s after it is due, half within 5.0s; drift +40ms; 0 early, 2 late of 60; usual",
  );
  expect(regularityLine({ ...nightly, usual_ms: -500 })).toContain(
    "usually 500ms before it is due",
  );
  const few = { ...steady, samples: 3, drift_ms: null, newest_score: null, silence_score: null };
  expect(regularityLine(few)).toBe(
    "usually every 10s, half within 20ms (0.2%); 0 early, 2 late of 3; too few to say what is unusual",
  );
  expect(regularityLine({ ...few, samples: 0, usual_ms: null })).toBe("no two beats yet");
  expect(regularityLine(null)).toBe("not known here yet");
});

test("RG8 what another node's home said some time ago is told with its age", () => {
  expect(regularityLine(steady, 3_000)).toMatch(/; usual$/);
  expect(regularityLine(steady, 42_000)).toMatch(/; usual; as its home said 42s ago$/);
});
