import { describe, expect, test } from "vitest";
import { AGE_MS_MAX, decodeSummaries } from "./beat-summary.ts";
import { VirtualHome } from "./virtual-home.test-support.ts";

const SAID = { r: "r", n: 5, c: 5, a: 100, t: 9_000 };

describe("beat summaries", () => {
  test("PU2 P6 ages of more than AGE_MS_MAX are malformed, as negative ones are", () => {
    expect(decodeSummaries([{ ...SAID, a: AGE_MS_MAX, t: AGE_MS_MAX }])).toHaveLength(1);
    for (const age of [AGE_MS_MAX + 1, Number.MAX_SAFE_INTEGER, -1, 0.5]) {
      expect(decodeSummaries([{ ...SAID, a: age }])).toBeUndefined();
      expect(decodeSummaries([{ ...SAID, t: age }])).toBeUndefined();
    }
  });

  test("PU2 a home whose clock was wrong by centuries says an age that others take", () => {
    const home = new VirtualHome();
    home.wallMs = -10 * AGE_MS_MAX;
    home.beat("r");
    home.restart(0, 11 * AGE_MS_MAX);
    const said = home.robots.beatsForPulse(8_000, home.now);
    expect(decodeSummaries(said)).toMatchObject([{ robot: "r", ageMs: AGE_MS_MAX }]);
  });
});
