import { createTestPorts } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import { EPOCH_MAX } from "../chain/limits.ts";
import { coreConfig } from "../config.ts";
import type { Env } from "../env.ts";
import { Outbox } from "../outbox.ts";
import { encodeEnvelope, decodeEnvelope, sealEnvelope } from "../wire/envelope.ts";
import {
  decodeEvidence,
  HEADS_MAX,
  HEARD_MAX,
  PAUSE_MS_MAX,
  PULSE_BYTES_MAX,
  PULSE_HEADER_BYTES_MAX,
  PULSE_INTERVAL_MS_MAX,
  PULSE_INTERVAL_MS_MIN,
  sealPulse,
  type PulseAttachment,
  type PulseHeader,
  SIGHT_MAX,
} from "./pulse-codec.ts";
import { takePulse, type PulseIntake } from "./pulse-intake.ts";

function envOf(self: string): Env {
  const identity = { fleet: "fleet", self, name: self, region: "r", agent: "t" };
  return { identity, config: coreConfig(), ports: createTestPorts(self), out: new Outbox() };
}

const author = envOf("na");
const reader = envOf("nb");

function seal(
  header: Partial<PulseHeader> = {},
  attachment: Partial<PulseAttachment> = {},
): Uint8Array {
  return sealPulse(
    author,
    {
      boot: 7,
      seq: 3,
      upMs: 3_000,
      wallMs: 1_800_000_000_000,
      intervalMs: 1_000,
      lagMs: 1,
      doubt: false,
      pausedForMs: undefined,
      goodbye: false,
      ...header,
    },
    {
      agent: "t",
      heard: [],
      heads: [],
      auditSize: 0,
      auditHash: new Uint8Array(32),
      missing: [],
      beats: [],
      ...attachment,
    },
  );
}

function take(bytes: Uint8Array, newest?: { boot: number; seq: number } | "stranger"): PulseIntake {
  return takePulse(reader, bytes, () => newest);
}

function reasonOf(result: PulseIntake): string {
  return result.ok ? "taken" : `${result.validation} ${result.reason}`;
}

describe("takePulse", () => {
  test("PU1 an honest pulse is taken, with its header as evidence of its own", () => {
    const result = take(seal());
    expect(reasonOf(result)).toBe("taken");
    if (!result.ok) return;
    expect(result.pulse).toMatchObject({ author: "na", header: { boot: 7, seq: 3 } });
    const evidence = decodeEvidence(reader, encodeEnvelope(reader, result.pulse.evidence));
    expect(evidence).toMatchObject({ ok: true, value: { header: { boot: 7, seq: 3 } } });
  });

  test("PU4 SG4 P3 a pulse that is not above every one seen is ignored, whoever relays it", () => {
    expect(reasonOf(take(seal(), { boot: 7, seq: 3 }))).toBe("ignore pulse-replayed");
    expect(reasonOf(take(seal(), { boot: 7, seq: 9 }))).toBe("ignore pulse-replayed");
    expect(reasonOf(take(seal(), { boot: 8, seq: 1 }))).toBe("ignore pulse-replayed");
    expect(reasonOf(take(seal(), { boot: 7, seq: 2 }))).toBe("taken");
    expect(reasonOf(take(seal(), "stranger"))).toBe("ignore pulse-stranger");
  });

  test("SG1 a pulse whose signature is not its author's is rejected, and so is one with another attachment", () => {
    const opened = decodeEnvelope(reader, seal(), PULSE_BYTES_MAX);
    if (!opened.ok) throw new Error(opened.code);
    const forged = { ...opened.envelope, signature: new Uint8Array(64) };
    expect(reasonOf(take(encodeEnvelope(reader, forged)))).toBe("reject signature-bad");
    const other = decodeEnvelope(reader, seal({}, { agent: "other" }), PULSE_BYTES_MAX);
    if (!other.ok) throw new Error(other.code);
    const swapped = { ...opened.envelope, attachment: other.envelope.attachment };
    expect(reasonOf(take(encodeEnvelope(reader, swapped)))).toBe("reject pulse-malformed");
  });

  test("PU1 a pulse of more than PULSE_BYTES_MAX bytes is rejected before it is decoded", () => {
    const empty = seal({}, { beats: new Uint8Array(4_096) }).length - 4_096;
    const largest = seal({}, { beats: new Uint8Array(PULSE_BYTES_MAX - empty) });
    expect([largest.length, reasonOf(take(largest))]).toEqual([PULSE_BYTES_MAX, "taken"]);
    const larger = seal({}, { beats: new Uint8Array(PULSE_BYTES_MAX - empty + 1) });
    expect(reasonOf(take(larger))).toBe("reject envelope-oversized");
  });

  test("PU3 a boot above EPOCH_MAX is malformed, as a pulse and as evidence: nothing could be written under it", () => {
    expect(reasonOf(take(seal({ boot: EPOCH_MAX })))).toBe("taken");
    const beyond = seal({ boot: EPOCH_MAX + 1 });
    expect(reasonOf(take(beyond))).toBe("reject pulse-malformed");
    const opened = decodeEnvelope(reader, beyond, PULSE_BYTES_MAX);
    if (!opened.ok) throw new Error(opened.code);
    const header = { ...opened.envelope, attachment: undefined };
    const evidence = decodeEvidence(reader, encodeEnvelope(reader, header));
    expect(evidence).toEqual({ ok: false, code: "pulse-malformed" });
  });

  test("PU1 a header of more than PULSE_HEADER_BYTES_MAX bytes is malformed, as a pulse and as evidence", () => {
    const opened = decodeEnvelope(reader, seal(), PULSE_BYTES_MAX);
    if (!opened.ok) throw new Error(opened.code);
    const { codec } = reader.ports;
    const header = codec.decode(opened.envelope.body) as object;
    const padded = (length: number): Uint8Array =>
      codec.encode({ ...header, z: new Uint8Array(length) });
    const room = PULSE_HEADER_BYTES_MAX - padded(300).length + 300;
    const attachment = opened.envelope.attachment;
    const sealed = (length: number) => sealEnvelope(author, "pulse", padded(length), attachment);
    expect(padded(room).length).toBe(PULSE_HEADER_BYTES_MAX);
    expect(reasonOf(take(sealed(room)))).toBe("taken");
    expect(reasonOf(take(sealed(room + 1)))).toBe("reject pulse-malformed");
    expect(decodeEvidence(reader, sealEnvelope(author, "pulse", padded(room))).ok).toBe(false);
  });

  test("PU8 a pulse says of SIGHT_MAX subjects at most that its author watches them, and of no more that it sees them", () => {
    const most = { of: SIGHT_MAX, inSight: SIGHT_MAX };
    const result = take(seal({}, { sight: most }));
    expect(result.ok && result.pulse.attachment.sight).toEqual(most);
    for (const sight of [
      { of: SIGHT_MAX + 1, inSight: 1 },
      { of: 3, inSight: 4 },
      { of: 3, inSight: -1 },
    ])
      expect(reasonOf(take(seal({}, { sight })))).toBe("reject pulse-malformed");
  });

  test("PU1 a pulse echoes HEARD_MAX nodes, names HEADS_MAX chains and misses HEARD_MAX nodes at most", () => {
    const heard = (length: number) =>
      Array.from({ length }, (_, i) => ({ shortId: `n${i}`, boot: 1, seq: 1, fresh: true }));
    const heads = (length: number) =>
      Array.from({ length }, () => ({
        document: "reported",
        epoch: 1,
        seq: 0,
        hash8: new Uint8Array(8),
      }));
    const missing = (length: number) => Array.from({ length }, (_, i) => `n${i}`);
    const most = { heard: heard(HEARD_MAX), heads: heads(HEADS_MAX), missing: missing(HEARD_MAX) };
    expect(reasonOf(take(seal({}, most)))).toBe("taken");
    for (const more of [
      { heard: heard(HEARD_MAX + 1) },
      { heads: heads(HEADS_MAX + 1) },
      { missing: missing(HEARD_MAX + 1) },
    ])
      expect(reasonOf(take(seal({}, more)))).toBe("reject pulse-malformed");
  });

  test("PU1 VE9 an interval is PULSE_INTERVAL_MS_MIN to PULSE_INTERVAL_MS_MAX, an announced absence at most PAUSE_MS_MAX", () => {
    for (const intervalMs of [PULSE_INTERVAL_MS_MIN, PULSE_INTERVAL_MS_MAX])
      expect(reasonOf(take(seal({ intervalMs })))).toBe("taken");
    for (const intervalMs of [PULSE_INTERVAL_MS_MIN - 1, PULSE_INTERVAL_MS_MAX + 1])
      expect(reasonOf(take(seal({ intervalMs })))).toBe("reject pulse-interval");
    expect(reasonOf(take(seal({ pausedForMs: PAUSE_MS_MAX })))).toBe("taken");
    expect(reasonOf(take(seal({ pausedForMs: PAUSE_MS_MAX + 1 })))).toBe("reject pulse-malformed");
  });
});

test("SG2 SG4 a pulse topic's message of a kind that a later version knows is ignored", () => {
  const { codec } = reader.ports;
  const bytes = codec.encode({
    a: "na",
    b: new Uint8Array(1),
    k: "future",
    s: new Uint8Array(64),
  });
  expect(takePulse(reader, bytes, () => undefined)).toEqual({
    ok: false,
    validation: "ignore",
    reason: "kind-unknown",
  });
});
