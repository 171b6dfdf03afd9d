import { expect, test } from "vitest";
import { durationsText } from "./http-exposition.ts";
import { DURATION_BOUNDS_SECONDS, HttpMetrics } from "./http-metrics.ts";

test("HT21 durations are counted in the bucket whose bound they do not exceed, and written cumulatively", () => {
  const metrics = new HttpMetrics();
  for (const durationMs of [0, 1, 1.1, 2.5, 10_000, 10_001, 60_000]) metrics.observe(durationMs);
  const lines = durationsText(metrics).split("\n");
  const name = "pulsemesh_http_request_duration_seconds";
  expect(lines.slice(1, 5)).toEqual([
    `# TYPE ${name} histogram`,
    `${name}_bucket{le="0.001"} 2`,
    `${name}_bucket{le="0.0025"} 4`,
    `${name}_bucket{le="0.005"} 4`,
  ]);
  expect(lines.slice(-6)).toEqual([
    `${name}_bucket{le="2.5"} 4`,
    `${name}_bucket{le="10"} 5`,
    `${name}_bucket{le="+Inf"} 7`,
    expect.stringMatching(/_sum 80\.0056/),
    `${name}_count 7`,
    "",
  ]);
  expect(lines).toHaveLength(DURATION_BOUNDS_SECONDS.length + 6);
});
