/**
 * What it costs a home to know how regularly its robots beat (rules RG1, RG6): CPU a beat, memory a robot, and CPU for whoever asks.
 *
 *   node bench/regularity.bench.ts [--robots 10000] [--rounds 180]
 *
 * The robots beat every 10 s of a virtual clock, each a little irregular. The base line in the same run is what core does for such a beat
 * anyway and no more than this: takes it into the robot, and encodes the robot's row.
 */
import { setFlagsFromString } from "node:v8";
import { parseArgs } from "node:util";
import { runInNewContext } from "node:vm";
import { coreConfig, type Now } from "@pulsemesh/core";
import { createTestPorts } from "@pulsemesh/testkit";
import { Outbox } from "../packages/core/src/outbox.ts";
import { applyBeat, dateBeat } from "../packages/core/src/robots/apply-beat.ts";
import { encodeRobot, newRobot, type LocalRobot } from "../packages/core/src/robots/local-robot.ts";
import { Regularities } from "../packages/core/src/robots/regularities.ts";
import { figuresOf, progress, report, round } from "./support/figures.ts";

const { values } = parseArgs({
  options: {
    robots: { type: "string", default: "10000" },
    rounds: { type: "string", default: "180" },
  },
});
const robotCount = Number(values.robots);
const rounds = Number(values.rounds);
const EVERY_MS = 10_000;
/** Until every ring is full, and has left a median. */
const WARM_UP_ROUNDS = 70;
/** Readings of all robots. */
const VIEWS = 30;
const COMMAND = { type: "beat", robot: "r", kind: "beat", create: "heartbeat" } as const;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const ports = createTestPorts("home");
const out = new Outbox();
const identity = { fleet: "fleet", self: "home", name: "home", region: "here", agent: "bench" };
const schedule = {
  type: "every",
  everyMs: 10_500,
  graceMs: 0,
  missed: 3,
  startupMs: 60_000,
} as const;

/** Bytes of everything that lives. */
function liveBytes(): number {
  for (let collection = 0; collection < 3; collection += 1) collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** CPU time of this thread, which others on the machine do not lengthen as they do the clock's. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

interface Round {
  /** Of one beat, in nanoseconds: what is done for it anyway, and what regularity adds. */
  readonly baseNs: number;
  readonly addedNs: number;
}

/** Robots that beat all at once, and what is known of them. */
class Population {
  readonly regularities = new Regularities({ identity, config: coreConfig(), ports, out });
  readonly robots: readonly LocalRobot[];
  rowBytes = 0;
  sink = 0;
  #rounds = 0;

  constructor(count: number) {
    this.robots = Array.from({ length: count }, (_, index) => {
      const robot = newRobot(`robot-${index}`, schedule, { monoMs: 0.5, wallMs: 0.5 });
      robot.status = "up";
      applyBeat(robot, dateBeat(COMMAND, { monoMs: 0.5, wallMs: 0.5 }));
      return robot;
    });
  }

  get now(): Now {
    const monoMs = 1_000 + this.#rounds * EVERY_MS;
    return { monoMs, wallMs: 1_800_000_000_000 + monoMs };
  }

  /** Every robot beats; both parts are timed over all of them. */
  beatAll(): Round {
    const { monoMs, wallMs } = this.now;
    const arrivals = this.robots.map((robot, index) => {
      const offMs = (index * 7 + this.#rounds * 13) % 101;
      const now = { monoMs: monoMs + offMs, wallMs: wallMs + offMs };
      const { status, due, run, allowanceMs } = robot;
      return {
        robot,
        now,
        beat: dateBeat(COMMAND, now),
        before: { status, due, run, allowanceMs },
      };
    });
    this.#rounds += 1;
    const startedMs = cpuMs();
    for (const { robot, beat } of arrivals) {
      applyBeat(robot, beat);
      this.sink += encodeRobot(ports.codec, robot).length;
    }
    const appliedMs = cpuMs();
    for (const { robot, beat, before, now } of arrivals)
      this.regularities.onContact(robot, beat, before, true, now);
    const takenMs = cpuMs();
    for (const effect of out.drain()) {
      if (effect.type !== "persist") continue;
      for (const op of effect.ops) if (op.type === "put") this.rowBytes = op.value.length;
    }
    const nsPerMs = 1_000_000 / this.robots.length;
    return { baseNs: (appliedMs - startedMs) * nsPerMs, addedNs: (takenMs - appliedMs) * nsPerMs };
  }

  beatOften(count: number): readonly Round[] {
    return Array.from({ length: count }, () => this.beatAll());
  }

  /** Milliseconds that it takes to say what is known of all. */
  viewAll(): number {
    const { now } = this;
    const startedMs = cpuMs();
    for (const robot of this.robots) this.sink += this.regularities.view(robot, now).samples;
    return cpuMs() - startedMs;
  }
}

function mean(samples: readonly number[]): number {
  return round(samples.reduce((sum, sample) => sum + sample, 0) / samples.length);
}

// Until the code is compiled, which is no robot's memory.
const warmUp = new Population(Math.min(robotCount, 1_000));
warmUp.beatOften(WARM_UP_ROUNDS);
for (let reading = 0; reading < VIEWS; reading += 1) warmUp.viewAll();

const population = new Population(robotCount);
const robotsBytes = liveBytes();
population.beatOften(WARM_UP_ROUNDS);
const fullBytes = liveBytes();
const measured = population.beatOften(rounds);
const added = measured.map(({ addedNs }) => addedNs);
const base = measured.map(({ baseNs }) => baseNs);
const viewMs = Array.from({ length: VIEWS }, () => population.viewAll());
progress(`${warmUp.sink + population.sink} bytes and samples`);

report("regularity", {
  robots: robotCount,
  rounds,
  goal: { nsPerBeat: 1_000, bytesPerRobot: 300 },
  addedNs: { mean: mean(added), ...figuresOf(added) },
  baseNs: { mean: mean(base), ...figuresOf(base) },
  bytesPerRobot: round((fullBytes - robotsBytes) / robotCount),
  rowBytes: population.rowBytes,
  viewAllMs: figuresOf(viewMs),
});
