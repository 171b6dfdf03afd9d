import { CoreRig, createTestPorts, RIG_FLEET, RIG_WALL_MS } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import { BOOT_ROW } from "./boot/boots.ts";
import type { BeatCommand } from "./command.ts";
import { coreConfig } from "./config.ts";
import { NODE_FLIPS_AUDITED_PER_SECOND_MAX } from "./node-reports.ts";
import type { Effect } from "./effect.ts";
import type { Env } from "./env.ts";
import type { Input } from "./input.ts";
import { STRANGERS_MAX } from "./liveness/followed.ts";
import { REPEATS_MS } from "./liveness/rules.ts";
import { Outbox } from "./outbox.ts";
import {
  decodePulseHeader,
  PULSE_BYTES_MAX,
  sealPulse,
  type PulseHeader,
} from "./pulse/pulse-codec.ts";
import { decodeEnvelope } from "./wire/envelope.ts";

const BEAT: BeatCommand = { type: "beat", robot: "bot", kind: "beat", create: "heartbeat" };
const SEED_BOOT = RIG_WALL_MS - 1_577_836_800_000;

function envOf(self: string): Env {
  const identity = { fleet: RIG_FLEET, self, name: self, region: "r", agent: "t" };
  return { identity, config: coreConfig(), ports: createTestPorts(self), out: new Outbox() };
}

/** A pulse as `env` would send it. */
function pulseOf(env: Env, over: Partial<PulseHeader> = {}): Uint8Array {
  const header = {
    boot: 7,
    seq: 1,
    upMs: 0,
    wallMs: RIG_WALL_MS,
    intervalMs: 1_000,
    lagMs: 0,
    doubt: false,
    pausedForMs: undefined,
    goodbye: false,
    ...over,
  };
  const auditHash = new Uint8Array(32);
  const nothing = { heard: [], heads: [], auditSize: 0, auditHash, missing: [], beats: [] };
  return sealPulse(env, header, { agent: "t", ...nothing });
}

function gossip(bytes: Uint8Array, topic: "pulse" | "verdict" | "state" = "pulse"): Input {
  return { type: "gossip", topic, from: "relay", bytes };
}

function ofType<T extends Effect["type"]>(
  effects: readonly Effect[],
  type: T,
): readonly Extract<Effect, { readonly type: T }>[] {
  return effects.filter(
    (effect): effect is Extract<Effect, { readonly type: T }> => effect.type === type,
  );
}

function pulsesIn(effects: readonly Effect[]): readonly PulseHeader[] {
  const env = envOf("reader");
  return ofType(effects, "publish").flatMap(({ topic, bytes }) => {
    const opened = topic === "pulse" ? decodeEnvelope(env, bytes, PULSE_BYTES_MAX) : undefined;
    const header = opened?.ok === true ? decodePulseHeader(env, opened.envelope) : undefined;
    return header?.ok === true ? [header.value] : [];
  });
}

function verdictsIn(effects: readonly Effect[]): readonly Extract<Effect, { type: "publish" }>[] {
  return ofType(effects, "publish").filter(({ topic }) => topic === "verdict");
}

function isObservation({ bytes }: { readonly bytes: Uint8Array }): boolean {
  const opened = decodeEnvelope(envOf("reader"), bytes, PULSE_BYTES_MAX);
  return opened.ok && opened.envelope.kind === "observation";
}

function rejects(effects: readonly Effect[]): readonly string[] {
  return ofType(effects, "emit").flatMap(({ event }) =>
    event.type === "rejected" ? [event.reason] : [],
  );
}

test.each([
  BEAT,
  { ...BEAT, kind: "success", create: "ping" },
  { type: "patch-state", robot: "bot", patch: {} },
  {
    type: "register",
    robot: "bot",
    schedule: { type: "every", everyMs: 1_000, graceMs: 1_000, missed: 1, startupMs: 1_000 },
    labels: {},
  },
] as const)(
  "HT4 an observer refuses what nobody else would learn of: $type $kind is answered `observer`, not acknowledged",
  (command) => {
    const rig = new CoreRig("a", { config: { observer: true } });
    rig.start();
    const effects = rig.input({ type: "command", id: 1, command });
    expect(ofType(effects, "reply")).toMatchObject([{ result: { ok: false, code: "observer" } }]);
    expect(ofType(effects, "persist")).toEqual([]);
    expect(rig.core.robots(rig.now)).toEqual([]);
  },
);

describe("core", () => {
  test("PU3 nothing is pulsed, signed or written under a boot that is not durable yet", () => {
    const rig = new CoreRig("na");
    const before = rig.restore();
    expect(ofType(before, "persist").flatMap(({ ops }) => ops.map(({ key }) => key))).toContain(
      BOOT_ROW,
    );
    const waiting = [...before, ...rig.input({ type: "lag", lagMs: 1 })];
    expect([...ofType(waiting, "publish"), ...ofType(waiting, "send")]).toEqual([]);
    const after = rig.settle();
    expect(pulsesIn(after).map(({ boot, seq }) => [boot, seq])).toEqual([[SEED_BOOT, 1]]);
  });

  test("PU3 P5 no boot is ever used twice, however often a node starts in one second", () => {
    const rows = new Map<string, Uint8Array>();
    const boots = [1, 2, 3].flatMap(() => {
      const rig = new CoreRig("na", { rows });
      return pulsesIn(rig.start()).map(({ boot }) => boot);
    });
    expect(boots).toEqual([SEED_BOOT, SEED_BOOT + 1, SEED_BOOT + 2]);
  });

  test("SG4 what comes by gossip before its rows are read is not heard: it is no news that is old", () => {
    const rig = new CoreRig("na");
    const effects = rig.input(gossip(pulseOf(envOf("nb"), { boot: SEED_BOOT, seq: 1 })));
    expect(ofType(effects, "validate")).toEqual([{ type: "validate", result: "unheard" }]);
  });

  test("PU3 SG1 a node that is shown a higher own boot starts one above it, pulsing nothing meanwhile", () => {
    const rig = new CoreRig("na");
    rig.start();
    const boot = SEED_BOOT + 1_000_000;
    const effects = rig.input(gossip(pulseOf(envOf("na"), { boot, seq: 9 })));
    expect(ofType(effects, "validate")).toEqual([{ type: "validate", result: "ignore" }]);
    rig.monoMs += 1_000;
    rig.wallMs += 1_000;
    expect(pulsesIn(rig.input({ type: "lag", lagMs: 0 }))).toEqual([]);
    expect(pulsesIn(rig.settle()).map((pulse) => pulse.boot)).toEqual([boot + 1]);
  });

  test("PU6 clocks that part by more than one interval begin a new boot, a stall alone does not", () => {
    const stalled = new CoreRig("na");
    stalled.start();
    stalled.monoMs += 10_000;
    stalled.wallMs += 10_000;
    stalled.input({ type: "lag", lagMs: 0 });
    expect(
      pulsesIn([...stalled.settle(), ...stalled.advance(2_000)]).map(({ boot }) => boot),
    ).toEqual(expect.arrayContaining([SEED_BOOT]));
    const stepped = new CoreRig("na");
    stepped.start();
    stepped.wallMs -= 3_600_000;
    stepped.input({ type: "lag", lagMs: 0 });
    const boots = pulsesIn([...stepped.settle(), ...stepped.advance(2_000)]).map(
      ({ boot }) => boot,
    );
    expect(new Set(boots)).toEqual(new Set([SEED_BOOT + 1]));
  });

  test("DU2 P5 the answer to a beat names the commit that holds its row, its chain entry and its audit entry", () => {
    const rig = new CoreRig("na");
    rig.start();
    const effects = rig.input({ type: "command", id: 1, command: BEAT });
    const [persist] = ofType(effects, "persist");
    const keys = persist?.ops.map(({ key }) => key.split("/")[0]);
    expect(keys).toEqual(expect.arrayContaining(["robot", "chain", "audit", "audit-head"]));
    expect(ofType(effects, "reply")).toMatchObject([{ id: 1, after: persist?.commit }]);
  });

  test("DU2 P5 the answer to a patch, and the entry that is gossiped, wait for the commit that holds them", () => {
    const rig = new CoreRig("na");
    rig.start();
    rig.input({ type: "command", id: 1, command: BEAT });
    rig.settle();
    const effects = rig.input({
      type: "command",
      id: 2,
      command: { type: "patch-state", robot: "bot", patch: { n: 1 } },
    });
    const [persist] = ofType(effects, "persist");
    expect(persist?.commit).toBeGreaterThan(0);
    expect(ofType(effects, "reply")).toMatchObject([{ id: 2, after: persist?.commit }]);
    const entries = ofType(effects, "publish").filter(({ topic }) => topic === "state");
    expect(entries.map(({ after }) => after)).toEqual([persist?.commit]);
  });

  test("SG4 PU3 P3 a pulse is accepted once; a replay and an older one are ignored, a forged one rejected", () => {
    const rig = new CoreRig("na");
    rig.start();
    rig.input({ type: "peer-up", peer: { node: "nb", agent: "t", addresses: [] } });
    const answers = [
      pulseOf(envOf("nb"), { seq: 2 }),
      pulseOf(envOf("nb"), { seq: 2 }),
      pulseOf(envOf("nb"), { seq: 1 }),
      pulseOf({ ...envOf("nb"), ports: createTestPorts("nx") }, { seq: 3 }),
    ].map((bytes) => ofType(rig.input(gossip(bytes)), "validate").map(({ result }) => result));
    expect(answers).toEqual([["accept"], ["ignore"], ["ignore"], ["reject"]]);
  });

  test("PU5 P3 a pulse that comes straight from somebody else than its author is no sign of life", () => {
    const rig = new CoreRig("na");
    rig.start();
    rig.input({ type: "peer-up", peer: { node: "nb", agent: "t", addresses: [] } });
    const [older, newer] = [1, 2].map((seq) => pulseOf(envOf("nb"), { seq }));
    rig.input({ type: "message", channel: "direct", from: "nc", bytes: newer ?? new Uint8Array() });
    // Had the newer one counted, this one were an old number.
    for (const bytes of [older, newer])
      expect(ofType(rig.input(gossip(bytes ?? new Uint8Array())), "validate")).toMatchObject([
        { result: "accept" },
      ]);
  });

  /** What an accusing node sends while its disk takes nothing for `stallMs`: first, repeated, restated, and as a greeting. */
  function accuseOnStalledDisk(stallMs: number): {
    readonly rig: CoreRig;
    readonly commit: number;
    readonly stalled: readonly Effect[];
  } {
    const rig = new CoreRig("na");
    const peer = new CoreRig("nb");
    const entries = ofType(peer.start(), "publish").filter(({ topic }) => topic === "state");
    rig.start();
    for (const { bytes } of entries) rig.input(gossip(bytes, "state"));
    rig.settle();
    let first: readonly Effect[] = [];
    for (let step = 0; step < 400 && verdictsIn(first).length === 0; step++) {
      rig.settle();
      first = rig.stall(50);
    }
    const rest = rig.stall(stallMs);
    const joined = { node: "nc", agent: "t", addresses: [] };
    const stalled = [...first, ...rest, ...rig.input({ type: "peer-up", peer: joined })];
    const commit = ofType(stalled, "persist").find(({ ops }) =>
      ops.some(({ key }) => key.startsWith("audit/")),
    )?.commit;
    return { rig, commit: commit ?? 0, stalled };
  }

  test("DU2 P5 an accusation waits for the commit that holds its audit entry, and is not repeated before", () => {
    const { rig, commit, stalled } = accuseOnStalledDisk(3_000);
    expect(commit).toBeGreaterThan(0);
    expect(verdictsIn(stalled).map(({ after }) => after)).toEqual([commit]);
    expect(verdictsIn(rig.settle())).toEqual([]);
    const repeated = verdictsIn(rig.advance(3_000));
    expect(repeated.map(({ after }) => after)).toEqual(REPEATS_MS.map(() => undefined));
  });

  test("DU2 P5 who is told of an accusation, and the accused, hear of it no sooner than everybody", () => {
    const { rig, commit, stalled } = accuseOnStalledDisk(200);
    const told = ofType(stalled, "send").filter(isObservation);
    expect(told.map(({ to, after }) => [to, after])).toEqual([
      ["nb", commit],
      ["nc", commit],
    ]);
    rig.settle();
    const joined = { node: "nd", agent: "t", addresses: [] };
    const later = ofType(rig.input({ type: "peer-up", peer: joined }), "send");
    expect(later.filter(isObservation).map(({ to, after }) => [to, after])).toEqual([
      ["nd", undefined],
    ]);
  });

  test("P6 PU4 STRANGERS_MAX nodes that are no members are followed, and no pulse of a further one", () => {
    const rig = new CoreRig("na", { config: { observer: true } });
    rig.start();
    const answers = Array.from({ length: STRANGERS_MAX + 3 }, (_, i) => {
      const node = `stranger-${i}`;
      rig.input({ type: "peer-up", peer: { node, agent: "t", addresses: [] } });
      return rejects(rig.input(gossip(pulseOf(envOf(node)))));
    });
    expect(answers.slice(0, STRANGERS_MAX).flat()).toEqual([]);
    expect(answers.slice(STRANGERS_MAX)).toEqual([1, 2, 3].map(() => ["pulse-stranger"]));
  });

  test("P6 PU4 of STRANGERS_MAX followed strangers the longest silent gives way to a new one, and who still pulses does not", () => {
    const rig = new CoreRig("na", { config: { observer: true } });
    rig.start();
    const pulse = (node: string, seq: number): readonly string[] => {
      rig.input({ type: "peer-up", peer: { node, agent: "t", addresses: [] } });
      return rejects(rig.input(gossip(pulseOf(envOf(node), { seq, upMs: seq * 1_000 }))));
    };
    for (let i = 0; i < STRANGERS_MAX; i++) pulse(`stranger-${i}`, 1);
    rig.advance(3_000);
    expect(pulse("early", 1)).toEqual(["pulse-stranger"]);
    for (let i = 0; i < STRANGERS_MAX; i++) if (i !== 7) pulse(`stranger-${i}`, 2);
    rig.advance(3_000);
    expect(pulse("late", 1)).toEqual([]);
    expect(pulse("stranger-8", 3)).toEqual([]);
    expect(pulse("stranger-7", 2)).toEqual(["pulse-stranger"]);
  });

  test("P6 VE9 a member that flips on purpose writes NODE_FLIPS_AUDITED_PER_SECOND_MAX audit entries a second at most", () => {
    const rig = new CoreRig("na");
    const peer = new CoreRig("nb");
    const entries = ofType(peer.start(), "publish").filter(({ topic }) => topic === "state");
    rig.start();
    for (const { bytes } of entries) rig.input(gossip(bytes, "state"));
    rig.settle();
    let [flips, audited] = [0, 0];
    for (let seq = 1; seq <= 80; seq++) {
      const paused = { boot: SEED_BOOT + 1, seq, pausedForMs: seq % 2 === 0 ? undefined : 60_000 };
      const effects = rig.input(gossip(pulseOf(envOf("nb"), { ...paused, wallMs: rig.wallMs })));
      flips += ofType(effects, "emit").filter(({ event }) => event.type === "node-status").length;
      const ops = ofType(effects, "persist").flatMap((persist) => persist.ops);
      audited += ops.filter(({ key }) => key.startsWith("audit/")).length;
      rig.monoMs += 10;
      rig.wallMs += 10;
    }
    expect(flips).toBeGreaterThan(40);
    expect(audited).toBeLessThanOrEqual(NODE_FLIPS_AUDITED_PER_SECOND_MAX);
  });

  test("VE1 VE8 pulses alone make nobody a member", () => {
    const rig = new CoreRig("na");
    rig.start();
    rig.input({ type: "peer-up", peer: { node: "nb", agent: "t", addresses: [] } });
    rig.input(gossip(pulseOf(envOf("nb"))));
    expect(rig.core.fleet(rig.now).roster).toBe(1);
  });
});
