/**
 * How long one input holds up the event loop when a whole generation changes hands (rule CH2): an author of many robots opens one, a
 * reader that has everything before it follows, and a newcomer adopts it. Real documents, hashes and encodings; no disk and no network.
 *
 *   node bench/generations.bench.ts [--robots 10000] [--rounds 3]
 *
 * Prints one JSON object; the base line is the same generation written and taken in one piece.
 */
import { parseArgs } from "node:util";
import type { Core, Effect, GenerationRef, Input, Json, Now } from "@pulsemesh/core";
import { createYjsDocuments } from "@pulsemesh/doc-yjs";
import { CoreRig } from "../packages/testkit/src/core-rig.ts";
import { createTestPorts } from "../packages/testkit/src/test-ports.ts";
import { progress, report, round } from "./support/figures.ts";

const { values } = parseArgs({
  options: {
    robots: { type: "string", default: "10000" },
    rounds: { type: "string", default: "3" },
  },
});
const robots = Number(values.robots);
const rounds = Number(values.rounds);
const PART_BYTES = 256 * 1024;
const STEP_MS = 1;
const STEPS_MAX = 20_000;
/** Makes a record, with pointers and stamps, of about 200 bytes. */
const TEXT = "x".repeat(100);

interface Longest {
  ms: number;
  /** CPU time of this thread, which says the same on a machine that others use. */
  cpuMs: number;
  what: string;
  /** Inputs that took more than 5 ms, and all of them together. */
  long: number;
  sumMs: number;
}

/** A core with real documents whose inputs are timed. */
class TimedRig {
  readonly rig: CoreRig;
  longest: Longest = { ms: 0, cpuMs: 0, what: "", long: 0, sumMs: 0 };

  constructor(node: string) {
    this.rig = new CoreRig(node, {
      ports: { ...createTestPorts(node), documents: createYjsDocuments() },
    });
    const core: { handle: Core["handle"] } = this.rig.core;
    const handle = core.handle.bind(core);
    core.handle = (input: Input, now: Now): readonly Effect[] => {
      const startedMs = performance.now();
      const startedCpu = process.threadCpuUsage();
      const effects = handle(input, now);
      const { user, system } = process.threadCpuUsage(startedCpu);
      const ms = performance.now() - startedMs;
      this.longest.cpuMs = Math.max(this.longest.cpuMs, (user + system) / 1_000);
      if (ms > 5) {
        this.longest.long += 1;
        this.longest.sumMs += ms;
      }
      if (ms > this.longest.ms)
        Object.assign(this.longest, { ms, what: input.type === "timer" ? input.id : input.type });
      return effects;
    };
  }

  reset(): void {
    this.longest = { ms: 0, cpuMs: 0, what: "", long: 0, sumMs: 0 };
  }
}

/** Two cores and what they send each other, delivered at once and in order. */
class Pair {
  readonly a: TimedRig;
  readonly b: TimedRig;

  constructor(a: TimedRig, b: TimedRig) {
    this.a = a;
    this.b = b;
  }

  connect(): void {
    this.deliver(this.b, this.a, this.a.rig.input(up(this.b)));
    this.deliver(this.a, this.b, this.b.rig.input(up(this.a)));
  }

  /** `effects` are those of `from`. */
  deliver(to: TimedRig, from: TimedRig, effects: readonly Effect[]): void {
    let queue = [{ to, from, effects: [...effects, ...from.rig.settle()] }];
    for (let step = 0; queue.length > 0 && step < STEPS_MAX; step++) {
      const next: typeof queue = [];
      for (const each of queue) {
        for (const effect of each.effects) {
          const input = inputOf(effect, each.from.rig.node);
          if (input === undefined) continue;
          const answers = [...each.to.rig.input(input), ...each.to.rig.settle()];
          next.push({ to: each.from, from: each.to, effects: answers });
        }
      }
      queue = next;
    }
  }

  /** Lets a second pass. */
  advance(ms: number): void {
    for (let at = 0; at < ms; at += STEP_MS) {
      this.deliver(this.b, this.a, this.a.rig.advance(STEP_MS, STEP_MS));
      this.deliver(this.a, this.b, this.b.rig.advance(STEP_MS, STEP_MS));
    }
  }
}

function up({ rig }: TimedRig): Input {
  return { type: "peer-up", peer: { node: rig.node, agent: "bench/1", addresses: [] } };
}

function inputOf(effect: Effect, from: string): Input | undefined {
  if (effect.type === "send")
    return { type: "message", channel: effect.channel, from, bytes: effect.bytes };
  if (effect.type === "publish")
    return { type: "gossip", topic: effect.topic, from, bytes: effect.bytes };
  return undefined;
}

function patch(rig: CoreRig, index: number, lap: number): readonly Effect[] {
  return rig.input({
    type: "command",
    id: index,
    command: { type: "patch-state", robot: `robot-${index}`, patch: { lap, text: TEXT } },
  });
}

/** An author with all its robots written. */
function author(): TimedRig {
  const timed = new TimedRig("na");
  const { rig } = timed;
  rig.start();
  for (let index = 0; index < robots; index++) {
    rig.input({
      type: "command",
      id: index,
      command: { type: "beat", robot: `robot-${index}`, kind: "beat", create: "heartbeat" },
    });
    patch(rig, index, 0);
    if (index % 8 === 7) rig.settle();
  }
  rig.settle();
  rig.advance(2_000, STEP_MS);
  return timed;
}

/** Writes until the author has opened one more generation, and that is over. */
function openGeneration(pair: Pair, lap: number): void {
  const before = snapshots(pair.a.rig);
  for (let index = 0; snapshots(pair.a.rig) === before && index < STEPS_MAX; index++) {
    pair.deliver(pair.b, pair.a, patch(pair.a.rig, index % robots, lap + index));
    if (index % 16 === 0) pair.advance(STEP_MS);
  }
  pair.advance(2_000);
}

/** Seq of the newest snapshot on disk, by the key of the second row of the newest epoch. */
function snapshots({ rows }: CoreRig): string {
  const keys = [...rows.keys()].filter((key) => key.startsWith("chain/reported/na/")).toSorted();
  return keys[1] ?? "";
}

function figures({ longest }: TimedRig): object {
  const { ms, cpuMs, what, long, sumMs } = longest;
  return {
    longestMs: round(ms),
    longestCpuMs: round(cpuMs),
    in: what,
    over5Ms: long,
    over5MsTogether: round(sumMs),
  };
}

function oneRound(number: number): object {
  const a = author();
  const follower = new TimedRig("nb");
  follower.rig.start();
  const pair = new Pair(a, follower);
  pair.connect();
  pair.advance(5_000);
  a.reset();
  follower.reset();
  openGeneration(pair, number * STEPS_MAX);
  const own = figures(a);
  const follow = figures(follower);
  const newcomer = new TimedRig("nc");
  newcomer.rig.start();
  newcomer.reset();
  const meeting = new Pair(a, newcomer);
  meeting.connect();
  meeting.advance(5_000);
  const adopt = figures(newcomer);
  const documents = [a, follower, newcomer].map(({ rig }) =>
    Buffer.from(rig.core.exportDocument()).toString("base64"),
  );
  if (documents[0] !== documents[1] || documents[0] !== documents[2])
    throw new Error("the nodes do not show the same document");
  progress(`round ${number}: ${JSON.stringify({ own, follow, adopt })}`);
  return { own, follow, adopt };
}

/** The documents alone, in one piece. */
function onePiece(): object {
  const documents = createYjsDocuments();
  const generation: GenerationRef = { document: "reported", author: "na", epoch: 1 };
  const client = 2 ** 32 + 1;
  documents.open(generation, client);
  const records = Array.from({ length: robots }, (_, index) => ({
    robot: `robot-${index}`,
    value: { f: { "/state/lap": [1, index], "/state/text": [1, TEXT] }, t: {} } as Json,
  }));
  let startedMs = performance.now();
  const parts = documents.snapshot(generation, client + 1, records, PART_BYTES);
  const writeMs = performance.now() - startedMs;
  startedMs = performance.now();
  documents.adopt(generation, client + 1, parts);
  return {
    parts: parts.length,
    bytes: parts.reduce((sum, part) => sum + part.length, 0),
    writeMs: round(writeMs),
    adoptMs: round(performance.now() - startedMs),
  };
}

const results = Array.from({ length: rounds }, (_, number) => oneRound(number));
report("generations", { robots, rounds: results, onePiece: onePiece(), goal: { longestMs: 100 } });
