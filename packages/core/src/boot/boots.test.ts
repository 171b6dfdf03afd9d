import { createTestPorts } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import { EPOCH_MAX } from "../chain/limits.ts";
import { coreConfig } from "../config.ts";
import type { Env } from "../env.ts";
import { Outbox } from "../outbox.ts";
import { BOOT_ROW, Boots } from "./boots.ts";

const SINCE_2020_MS = 1_577_836_800_000;
const at = (sinceMs: number) => ({ monoMs: 0, wallMs: SINCE_2020_MS + sinceMs });

function bootsWith(stored: number | undefined): { boots: Boots; env: Env } {
  const env: Env = {
    identity: { fleet: "fleet", self: "na", name: "na", region: "r", agent: "t" },
    config: coreConfig(),
    ports: createTestPorts("na"),
    out: new Outbox(),
  };
  const boots = new Boots(env);
  if (stored !== undefined) boots.restore({ key: BOOT_ROW, value: env.ports.codec.encode(stored) });
  return { boots, env };
}

describe("Boots", () => {
  test("PU3 a boot is above the stored one, above what others hold, and at least the milliseconds since 2020", () => {
    expect(bootsWith(undefined).boots.open(at(500))).toBe(500);
    expect(bootsWith(700).boots.open(at(500))).toBe(701);
    expect(bootsWith(700).boots.open(at(500), 900)).toBe(901);
    expect(bootsWith(700).boots.open(at(800), 0)).toBe(800);
  });

  test("PU3 boots grow with every start, also when the wall clock stands still or goes back", () => {
    const { boots } = bootsWith(undefined);
    expect([500, 500, 400, 0].map((sinceMs) => boots.open(at(sinceMs)))).toEqual([
      500, 501, 502, 503,
    ]);
  });

  test("PU3 a clock beyond CLOCK_BOOT_MAX, decades ahead, or a row above EPOCH_MAX uses up no boots", () => {
    const far = at(79 * 365 * 86_400_000);
    expect(bootsWith(700).boots.open(far)).toBe(701);
    expect(bootsWith(EPOCH_MAX + 1).boots.open(at(500))).toBe(500);
    expect(bootsWith(undefined).boots.open(at(EPOCH_MAX))).toBe(1);
    const { boots } = bootsWith(undefined);
    const last = boots.open(at(EPOCH_MAX - 1_000_000_000));
    expect([last, boots.open(at(500))]).toEqual([EPOCH_MAX - 1e9, EPOCH_MAX - 1e9 + 1]);
  });

  test("PU3 a boot may be used once its commit is durable, and only once", () => {
    const { boots, env } = bootsWith(undefined);
    boots.open(at(500));
    const [persist] = env.out.drain();
    expect(persist).toMatchObject({ type: "persist", ops: [{ type: "put", key: BOOT_ROW }] });
    const commit = persist?.type === "persist" ? persist.commit : -1;
    expect(boots.committed(commit - 1)).toBeUndefined();
    expect(boots.committed(commit)).toBe(500);
    expect(boots.committed(commit)).toBeUndefined();
  });

  test("PU3 a damaged row is as good as none", () => {
    const { boots } = bootsWith(undefined);
    boots.restore({ key: BOOT_ROW, value: new Uint8Array([255]) });
    boots.restore({ key: BOOT_ROW, value: createTestPorts("na").codec.encode("many") });
    expect(boots.open(at(500))).toBe(500);
  });
});
