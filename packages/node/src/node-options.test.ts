import { describe, expect, test } from "vitest";
import { LABEL_LENGTH_MAX, resolveNodeOptions, RESTART_WITHIN_MS_MAX } from "./node-options.ts";

const dataDir = "/tmp/x";

describe("resolveNodeOptions", () => {
  test("completes what is missing", () => {
    const resolved = resolveNodeOptions({ dataDir });
    expect(resolved).toMatchObject({
      region: "default",
      listen: ["/ip4/127.0.0.1/tcp/7421"],
      join: [],
      mdns: false,
    });
    expect(resolved.config.pulseEveryMs).toBe(1_000);
    expect(resolved.name.length).toBeGreaterThan(0);
  });

  test("UP1 a planned absence is 60 s where nothing is said, and 1 s to RESTART_WITHIN_MS_MAX", () => {
    expect(resolveNodeOptions({ dataDir }).restartWithinMs).toBe(60_000);
    for (const restartWithinMs of [1_000, RESTART_WITHIN_MS_MAX])
      expect(resolveNodeOptions({ dataDir, restartWithinMs })).toMatchObject({ restartWithinMs });
    for (const restartWithinMs of [0, 999, RESTART_WITHIN_MS_MAX + 1, 1_000.5, Number.NaN])
      expect(() => resolveNodeOptions({ dataDir, restartWithinMs })).toThrow("restartWithinMs");
  });

  test("profile, overrides and observer make the configuration", () => {
    const resolved = resolveNodeOptions({
      dataDir,
      profile: "wan",
      core: { settleMs: 700 },
      observer: true,
    });
    expect(resolved.config).toMatchObject({ pulseEveryMs: 2_000, settleMs: 700, observer: true });
    expect(resolveNodeOptions({ dataDir, core: { observer: true } }).config.observer).toBe(true);
  });

  test("P6 a bad option is named, LABEL_LENGTH_MAX included", () => {
    const bad = [
      { options: { dataDir: "" }, names: "dataDir" },
      { options: { dataDir, name: "" }, names: "'name'" },
      { options: { dataDir, region: "x".repeat(LABEL_LENGTH_MAX + 1) }, names: "'region'" },
      { options: { dataDir, core: { pulsesEvery: 1 } }, names: "pulsesEvery" },
      { options: { dataDir, core: { settleMs: "long" } }, names: "core.settleMs" },
      { options: { dataDir, core: { settleMs: 1 } }, names: "settleMs" },
      { options: { dataDir, fleet: "mine" }, names: "'fleet'" },
    ];
    for (const { options, names } of bad) {
      const attempt = () => resolveNodeOptions(options);
      expect(attempt).toThrow(expect.objectContaining({ code: "option-invalid" }));
      expect(attempt).toThrow(names);
    }
  });
});
