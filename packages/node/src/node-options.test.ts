import { describe, expect, test } from "vitest";
import { LABEL_LENGTH_MAX, resolveNodeOptions } from "./node-options.ts";

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
    ];
    for (const { options, names } of bad) {
      const attempt = () => resolveNodeOptions(options);
      expect(attempt).toThrow(expect.objectContaining({ code: "option-invalid" }));
      expect(attempt).toThrow(names);
    }
  });
});
