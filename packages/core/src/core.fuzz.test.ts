/**
 * A whole core under fire: gossip, direct and sync frames that two honest nodes really exchanged, replayed, damaged, cut, sent on the
 * wrong channel or by the wrong neighbour, and noise. Time goes on meanwhile, so that timers, echoes and stand-downs are met too.
 */
import {
  CoreRig,
  damage,
  fuzz,
  FUZZ_REACHES,
  FUZZ_TIMEOUT_MS,
  type SeededRandom,
} from "@pulsemesh/testkit";
import { assert, expect, test } from "vitest";
import type { Channel, Topic } from "./driver/transport.ts";
import type { Effect } from "./effect.ts";
import type { Input } from "./input.ts";
import { STRANGERS_MAX } from "./liveness/followed.ts";

interface Frame {
  readonly via: Topic | Channel;
  readonly bytes: Uint8Array;
}

const TOPICS: readonly Topic[] = ["pulse", "verdict", "state"];
const CHANNELS: readonly Channel[] = ["direct", "sync"];
/** Effects that one hostile frame may have at most: an answer, its commit, a few events and timers. */
const EFFECTS_LIMIT = 64;
const EVERY_RUNS_ADVANCE = 50;

const beat: Input = {
  type: "command",
  id: 1,
  command: { type: "beat", robot: "bot", kind: "beat", create: "heartbeat" },
};

/** Two running nodes, linked. What `peer` says is taken down. */
function talk(): { readonly victim: CoreRig; readonly frames: readonly Frame[] } {
  const victim = new CoreRig("na");
  const peer = new CoreRig("nb");
  const frames: Frame[] = [];
  const queue: { readonly to: CoreRig; readonly input: Input }[] = [];
  const post = (from: CoreRig, effects: readonly Effect[]): void => {
    const to = from === victim ? peer : victim;
    for (const effect of effects) {
      if (effect.type !== "publish" && effect.type !== "send") continue;
      const { bytes } = effect;
      const via = effect.type === "publish" ? effect.topic : effect.channel;
      if (from === peer) frames.push({ via, bytes });
      // State that gossip loses is fetched: that is how wants and answers come about.
      if (via !== "state" || frames.filter((frame) => frame.via === "state").length < 3)
        queue.push({ to, input: inputOf(via, bytes, from.node) });
    }
  };
  const run = (rig: CoreRig, input: Input): void =>
    post(rig, [...rig.input(input), ...rig.settle()]);
  for (const rig of [victim, peer]) post(rig, rig.start());
  for (const [rig, node] of [
    [victim, "nb"],
    [peer, "na"],
  ] as const)
    run(rig, { type: "peer-up", peer: { node, agent: "t", addresses: [] } });
  run(peer, beat);
  for (let step = 0; step < 120; step++) {
    for (let next = queue.shift(); next !== undefined; next = queue.shift())
      run(next.to, next.input);
    for (const rig of [victim, peer]) post(rig, rig.advance(50));
    if (step % 20 === 0)
      run(peer, {
        type: "command",
        id: step + 2,
        command: { type: "patch-state", robot: "bot", patch: { step } },
      });
  }
  // The peer misses the victim for a while, so that there are accusations and objections to play with.
  post(peer, peer.advance(20_000));
  run(peer, {
    type: "command",
    id: 999,
    command: { type: "stop", mode: "pause", restartWithinMs: 5_000 },
  });
  return { victim, frames };
}

function inputOf(via: Topic | Channel, bytes: Uint8Array, from: string): Input {
  return via === "direct" || via === "sync"
    ? { type: "message", channel: via, from, bytes }
    : { type: "gossip", topic: via, from, bytes };
}

function pickInput(random: SeededRandom, frames: readonly Frame[]): Input {
  const frame = random.pick(frames);
  const others = frames.map(({ bytes }) => bytes);
  const kind = random.unit();
  const via = random.chance(0.9) ? frame.via : random.pick([...TOPICS, ...CHANNELS]);
  const from = random.chance(0.8) ? "nb" : random.pick(["na", "nc", "", "x".repeat(200)]);
  if (kind < 0.2) return inputOf(via, frame.bytes, from);
  if (kind < 0.3) return inputOf(via, random.bytes(random.integer(600)), from);
  return inputOf(via, damage(random, frame.bytes, others), from);
}

/** What a refused frame may do: be counted, be written into the audit log, move a timer. */
function isHarmless(effect: Effect): boolean {
  switch (effect.type) {
    case "validate":
    case "set-timer":
      return true;
    case "emit":
      return effect.event.type === "rejected";
    case "persist":
      return effect.ops.every(({ key }) => key.startsWith("audit"));
    default:
      return false;
  }
}

test(
  "P6 P4 SG4 fuzz: no frame makes core throw, grow or change for what it refuses, and gossip is answered first and exactly once",
  { timeout: FUZZ_TIMEOUT_MS },
  () => {
    const { victim, frames } = talk();
    const { core } = victim;
    for (const via of [...TOPICS, ...CHANNELS])
      expect([via, frames.filter((frame) => frame.via === via).length > 2]).toEqual([via, true]);
    const before = core.fleet(victim.now);
    const hashBefore = before.documentHash;
    const rowsBefore = [...victim.rows.keys()].filter((key) => !key.startsWith("audit"));
    let refused = 0;
    let counted = 0;
    fuzz("core", (random, run) => {
      const input = pickInput(random, frames);
      const effects = victim.input(input);
      const answers = effects.filter(({ type }) => type === "validate").length;
      if (answers !== (input.type === "gossip" ? 1 : 0)) assert.fail(`${answers} answers`);
      if (answers === 1 && effects[0]?.type !== "validate") assert.fail("answered too late");
      if (effects.length > EFFECTS_LIMIT) assert.fail(`${effects.length} effects`);
      const [validation] = effects;
      if (validation?.type === "validate" && validation.result !== "accept") {
        refused += 1;
        const harm = effects.find((effect) => !isHarmless(effect));
        if (harm !== undefined) assert.fail(`a refused frame had the effect ${harm.type}`);
      }
      counted += effects.filter(
        (effect) => effect.type === "emit" && effect.event.type === "rejected",
      ).length;
      victim.settle();
      if (run % EVERY_RUNS_ADVANCE === 0) victim.advance(100);
    });
    const fleet = core.fleet(victim.now);
    const rows = [...victim.rows.keys()].filter((key) => !key.startsWith("audit"));
    if (FUZZ_REACHES) expect(Math.min(refused, counted)).toBeGreaterThan(1_000);
    expect(fleet.documentHash).toBe(hashBefore);
    expect([fleet.roster, fleet.self.boot]).toEqual([before.roster, before.self.boot]);
    expect(fleet.nodes.length).toBeLessThanOrEqual(before.roster + STRANGERS_MAX);
    expect(rows.filter((key) => !rowsBefore.includes(key))).toEqual([]);
    // It still works: a beat is answered, and a pulse goes out.
    expect(victim.input(beat).some(({ type }) => type === "reply")).toBe(true);
    expect(
      victim.advance(2_000).some((effect) => effect.type === "publish" && effect.topic === "pulse"),
    ).toBe(true);
  },
);
