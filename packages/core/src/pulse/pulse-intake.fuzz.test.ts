import { createTestPorts, damage, fuzz, FUZZ_REACHES, FUZZ_TIMEOUT_MS } from "@pulsemesh/testkit";
import { assert, expect, test } from "vitest";
import { coreConfig } from "../config.ts";
import type { Env } from "../env.ts";
import { Outbox } from "../outbox.ts";
import { sealEnvelope } from "../wire/envelope.ts";
import { HEADS_MAX, HEARD_MAX, PAUSE_MS_MAX, sealPulse } from "./pulse-codec.ts";
import { takePulse } from "./pulse-intake.ts";

function envOf(self: string): Env {
  const identity = { fleet: "fleet", self, name: self, region: "r", agent: "t" };
  return { identity, config: coreConfig(), ports: createTestPorts(self), out: new Outbox() };
}

const author = envOf("na");
const reader = envOf("nb");

function honestPulse(seq: number): Uint8Array {
  const heard = [{ shortId: "nb", boot: 5, seq: 1, fresh: true }];
  const heads = [{ document: "reported", epoch: 7, seq: 2, hash8: new Uint8Array(8) }];
  return sealPulse(
    author,
    {
      boot: 7,
      seq,
      upMs: seq * 1_000,
      wallMs: 1_800_000_000_000,
      intervalMs: 1_000,
      lagMs: 1,
      doubt: seq % 2 === 0,
      pausedForMs: seq === 3 ? 60_000 : undefined,
      goodbye: seq === 4,
    },
    {
      agent: "t",
      heard,
      heads,
      auditSize: 4,
      auditHash: new Uint8Array(32),
      missing: ["nc"],
      beats: [{ r: "bot", n: 1 }],
    },
  );
}

test(
  "PU1 SG1 P6 fuzz: whatever comes as a pulse, intake never throws, and what it takes is whole, within bounds and signed",
  { timeout: FUZZ_TIMEOUT_MS },
  () => {
    const honest = [1, 2, 3, 4, 5].map(honestPulse);
    const bodies = honest.map(
      (bytes) => reader.ports.codec.decode(bytes) as { b: Uint8Array; x: Uint8Array },
    );
    const known = new Set(bodies.map(({ b }) => String(b)));
    let taken = 0;
    let signedOddly = 0;
    fuzz("pulse", (random, run) => {
      // Every third one is signed by a hostile member, so that the checks behind the signature are reached.
      const { b, x } = random.pick(bodies);
      const hostile = run % 3 === 0;
      const attached = hostile && random.chance(0.5) ? damage(random, x, [x, b]) : x;
      const bytes = hostile
        ? sealEnvelope(author, "pulse", resealed(random, b, attached), attached)
        : damage(random, random.pick(honest), honest);
      const result = takePulse(reader, bytes, () => undefined);
      if (!result.ok) {
        if (result.validation === "accept") assert.fail("refused, and accepted");
        return;
      }
      taken += 1;
      const { header, attachment, evidence } = result.pulse;
      if (hostile) signedOddly += 1;
      else expect(known).toContain(String(evidence.body));
      const isWhole =
        Number.isSafeInteger(header.boot) &&
        header.boot > 0 &&
        header.seq > 0 &&
        (header.pausedForMs ?? 0) <= PAUSE_MS_MAX &&
        attachment.heard.length <= HEARD_MAX &&
        attachment.heads.length <= HEADS_MAX;
      if (!isWhole) assert.fail(`taken: ${JSON.stringify(header)}`);
    });
    if (FUZZ_REACHES) expect(signedOddly).toBeGreaterThan(100);
    expect(taken).toBeGreaterThanOrEqual(signedOddly);
    expect(reader.out.drain()).toEqual([]);
  },
);

/** A body that a hostile author signs: damaged, or with fields of its liking and the right hash of the attachment. */
function resealed(
  random: Parameters<typeof damage>[0],
  body: Uint8Array,
  attachment: Uint8Array,
): Uint8Array {
  if (random.chance(0.3)) return damage(random, body);
  const values = [
    0,
    1,
    -1,
    2 ** 53,
    1.5,
    60_001,
    "1",
    null,
    new Uint8Array(3),
    [1],
    199,
    3_600_001,
  ];
  const map = reader.ports.codec.decode(body) as Record<string, unknown>;
  const hash = reader.ports.hash.sha256(attachment);
  const changed: Record<string, unknown> = { ...map, h: hash };
  if (random.chance(0.6))
    changed[random.pick("b d g h i l p q u w z".split(" "))] = random.pick(values);
  try {
    return reader.ports.codec.encode(changed);
  } catch {
    return body;
  }
}
