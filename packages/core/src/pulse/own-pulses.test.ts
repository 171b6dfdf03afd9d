import { createTestPorts } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import { coreConfig } from "../config.ts";
import type { Env } from "../env.ts";
import { Outbox } from "../outbox.ts";
import { COALESCE_MS, OwnPulses, SENT_MAX } from "./own-pulses.ts";
import { decodePulseHeader, PULSE_BYTES_MAX, type PulseHeader } from "./pulse-codec.ts";
import { decodeEnvelope } from "../wire/envelope.ts";

const WALL_MS = 1_800_000_000_000;
const at = (monoMs: number) => ({ monoMs, wallMs: WALL_MS + monoMs });

function own(): { env: Env; pulses: OwnPulses } {
  const env: Env = {
    identity: { fleet: "fleet", self: "na", name: "na", region: "r", agent: "t" },
    config: coreConfig(),
    ports: createTestPorts("na"),
    out: new Outbox(),
  };
  const attachment = {
    agent: "t",
    heard: [],
    heads: [],
    auditSize: 0,
    auditHash: new Uint8Array(32),
    missing: [],
    beats: [],
  };
  return {
    env,
    pulses: new OwnPulses(env, {
      reach: () => "everybody",
      attachment: () => attachment,
      deliver: (bytes) => env.out.publish("pulse", bytes),
    }),
  };
}

function sentBy(env: Env): readonly PulseHeader[] {
  return env.out.drain().flatMap((effect) => {
    if (effect.type !== "publish") return [];
    const opened = decodeEnvelope(env, effect.bytes, PULSE_BYTES_MAX);
    const header = opened.ok ? decodePulseHeader(env, opened.envelope) : undefined;
    return header?.ok === true ? [header.value] : [];
  });
}

describe("OwnPulses", () => {
  test("PU3 without a boot nothing is pulsed, and each boot counts from one with its own up-time", () => {
    const { env, pulses } = own();
    pulses.request(at(1_000));
    pulses.onTimer(at(1_000));
    expect(sentBy(env)).toEqual([]);
    pulses.start(5, at(2_000));
    pulses.onTimer(at(3_000));
    pulses.suspend();
    pulses.onTimer(at(4_000));
    pulses.start(9, at(5_000));
    expect(sentBy(env).map(({ boot, seq, upMs }) => [boot, seq, upMs])).toEqual([
      [5, 1, 0],
      [5, 2, 1_000],
      [9, 1, 0],
    ]);
  });

  test("PU4 an echo counts for two intervals, for the newest SENT_MAX pulses, for this boot and for no pulse before a stall", () => {
    const { pulses } = own();
    pulses.start(5, at(0));
    for (let seq = 2; seq <= SENT_MAX + 1; seq++) pulses.publish(at(seq));
    const nowMs = SENT_MAX + 1;
    expect(pulses.isRecent({ boot: 5, seq: 1 }, at(nowMs))).toBe(false);
    expect(pulses.isRecent({ boot: 5, seq: 2 }, at(nowMs))).toBe(true);
    expect(pulses.isRecent({ boot: 4, seq: 2 }, at(nowMs))).toBe(false);
    expect(pulses.isRecent({ boot: 5, seq: 2 }, at(2_002))).toBe(true);
    expect(pulses.isRecent({ boot: 5, seq: 2 }, at(2_003))).toBe(false);
    pulses.doubt();
    expect(pulses.isRecent({ boot: 5, seq: SENT_MAX + 1 }, at(nowMs))).toBe(false);
  });

  test("PU6 three pulses after a stall say so, and the next does not", () => {
    const { env, pulses } = own();
    pulses.start(5, at(0));
    pulses.doubt();
    for (const ms of [1_000, 2_000, 3_000, 4_000]) pulses.onTimer(at(ms));
    expect(sentBy(env).map(({ doubt }) => doubt)).toEqual([false, true, true, true, false]);
  });

  test("PU1 pulses out of turn are at most one in COALESCE_MS, and an announced stop is the last", () => {
    const { env, pulses } = own();
    pulses.start(5, at(0));
    for (let ms = 1; ms <= 200; ms++) {
      pulses.request(at(ms));
      pulses.onTimer(at(ms));
    }
    expect(sentBy(env).length).toBe(1 + 200 / COALESCE_MS);
    pulses.announceStop({ pausedForMs: 5_000, goodbye: false }, at(300));
    pulses.onTimer(at(10_000));
    expect(sentBy(env).map(({ pausedForMs }) => pausedForMs)).toEqual([5_000]);
  });
});
