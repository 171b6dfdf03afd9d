import { createTestPorts, damage, fuzz, FUZZ_REACHES, FUZZ_TIMEOUT_MS } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { coreConfig } from "../config.ts";
import type { Env } from "../env.ts";
import { Outbox } from "../outbox.ts";
import { decodeEnvelope, sealEnvelope, verifyEnvelope, type Envelope } from "./envelope.ts";

const BYTES_MAX = 512;

const env: Env = {
  identity: { fleet: "fleet", self: "na", name: "na", region: "r", agent: "t" },
  config: coreConfig(),
  ports: createTestPorts("na"),
  out: new Outbox(),
};

/** What a signature stands for. */
function signed({ author, kind, body, signature }: Envelope): string {
  return JSON.stringify([author, kind, [...body], [...signature]]);
}

test(
  "SG1 P6 fuzz: random and damaged envelopes never throw, and none verifies that says anything else than what was signed",
  { timeout: FUZZ_TIMEOUT_MS },
  () => {
    const kinds = ["pulse", "observation", "entry", "hello", "audit-head"] as const;
    const honest = kinds.map((kind, i) =>
      sealEnvelope(
        env,
        kind,
        env.ports.random.bytes(20 * i),
        i % 2 === 0 ? undefined : env.ports.random.bytes(30),
      ),
    );
    const known = new Set(
      honest.map((bytes) => {
        const result = decodeEnvelope(env, bytes, BYTES_MAX);
        return result.ok ? signed(result.envelope) : "";
      }),
    );
    let decoded = 0;
    fuzz("envelope", (random, run) => {
      const bytes =
        run % 4 === 0
          ? random.bytes(random.integer(BYTES_MAX + 100))
          : damage(random, random.pick(honest), honest);
      const result = decodeEnvelope(env, bytes, BYTES_MAX);
      if (bytes.length > BYTES_MAX) expect(result.ok).toBe(false);
      if (!result.ok) return;
      decoded += 1;
      if (verifyEnvelope(env, result.envelope)) expect(known).toContain(signed(result.envelope));
    });
    // Otherwise the fuzzer would only ever have seen the first check.
    if (FUZZ_REACHES) expect(decoded).toBeGreaterThan(100);
    expect(env.out.drain()).toEqual([]);
  },
);
