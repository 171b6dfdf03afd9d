/**
 * Whether the simulator's bytes and delays are those of libp2p: one fleet with the same pace and work, in real nodes and simulated, in one run (DESIGN §9).
 *
 *   node bench/calibration.bench.ts [--nodes 50] [--processes 3] [--pulse 10000] [--change 20000] [--seconds 60]
 *   node bench/calibration.bench.ts --simulated --nodes 200 --pulse 1000 --change 60000     the simulated half alone, of any size
 *
 * Fifty nodes at a pulse a second are more than two cores have; bytes of pulses grow with their number, in both.
 */
import { type ChildProcess, fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createFleetAuthority, createNode, type PulsemeshNode } from "@pulsemesh/node";
import type {
  Looked,
  Work,
  WorkerAnswer,
  WorkerCommand,
} from "./support/calibration-worker-main.ts";
import { figuresOf, progress, report, round } from "./support/figures.ts";
import { simulateTwin } from "./support/simulated-twin.ts";

const { values } = parseArgs({
  options: {
    nodes: { type: "string", default: "50" },
    processes: { type: "string", default: "3" },
    pulse: { type: "string", default: "10000" },
    change: { type: "string", default: "20000" },
    simulated: { type: "boolean", default: false },
    seconds: { type: "string", default: "60" },
  },
});
const nodes = Number(values.nodes);
const processes = Number(values.processes);
const work: Work = {
  pulseEveryMs: Number(values.pulse),
  beatEveryMs: 20_000,
  patchEveryMs: 20_000,
};
const windowMs = Number(values.seconds) * 1_000;

const UP_MS_MAX = 600_000;
const LOOK_EVERY_MS = 5_000;
/** What a start leaves behind is over by then. */
const SETTLE_MS = 60_000;
/** For a while a fleet that has just grown beyond 32 goes on gossiping every pulse (rule PU8), and whoever came is told more for two minutes. */
const GROWN_MS = 180_000;

interface RealSeen {
  /** Of one node a second. */
  readonly bytesOut: number;
  readonly bytesIn: number;
  readonly connections: number;
  /** Of one core, in hundredths. */
  readonly cpuPercent: number;
  readonly delaysMs: readonly number[];
  /** Times that somebody was called down. */
  readonly wrong: number;
}

/** Nodes of one fleet in a few processes, enrolled by one more, which is not measured. */
class RealFleet {
  readonly #dir: string = mkdtempSync(join(tmpdir(), "pulsemesh-bench-"));
  readonly #workers: readonly ChildProcess[];
  #issuer: PulsemeshNode | undefined;

  constructor() {
    const script = join(import.meta.dirname, "support", "calibration-worker-main.ts");
    this.#workers = Array.from({ length: processes }, () =>
      fork(script, { stdio: ["ignore", "inherit", "inherit", "ipc"] }),
    );
  }

  async start(): Promise<void> {
    const dir = join(this.#dir, "issuer");
    const nowS = Date.now() / 1_000;
    await createFleetAuthority({ dir, rootDir: join(this.#dir, "root"), region: "eu", nowS });
    this.#issuer = await createNode({
      dataDir: dir,
      name: "issuer",
      listen: ["/ip4/127.0.0.1/tcp/0"],
      profile: "wan",
      core: { pulseEveryMs: work.pulseEveryMs },
    });
    const terms = { roles: ["robot"], robots: ["*"], ttlMs: 3_600_000, uses: 100 } as const;
    const invite = (await this.#issuer.issuer?.invite(terms)) ?? "";
    const share = Math.ceil((nodes - 1) / processes);
    await Promise.all(
      this.#workers.map((worker, at) => {
        const count = Math.min(share, nodes - 1 - at * share);
        const names = Array.from({ length: count }, (_, i) => `n${at * share + i}`);
        return ask(worker, { type: "start", dir: this.#dir, names, invite, work });
      }),
    );
  }

  /** Waits until every node shows all others up. */
  async allUp(): Promise<void> {
    const endMs = performance.now() + UP_MS_MAX;
    for (;;) {
      const rosters = await this.#askAll({ type: "smallest-roster" });
      const smallest = Math.min(
        ...rosters.map((answer) => (answer.type === "roster" ? answer.smallest : 0)),
      );
      progress(`everybody shows ${smallest} others up, at least`);
      if (smallest >= nodes - 1) return;
      if (performance.now() > endMs) throw new Error(`Waited ${UP_MS_MAX} ms in vain for all.`);
      await sleep(LOOK_EVERY_MS);
    }
  }

  async measure(): Promise<RealSeen> {
    await this.#askAll({ type: "look" });
    await sleep(windowMs);
    const looks = (await this.#askAll({ type: "look" })) as readonly Looked[];
    const sum = (of: (looked: Looked) => number): number =>
      looks.reduce((total, each) => total + of(each), 0);
    const aSecond = (of: (looked: Looked) => number): number =>
      sum(of) / (nodes - 1) / (windowMs / 1_000);
    return {
      bytesOut: round(
        aSecond(({ traffic }) => traffic.bytesOut),
        0,
      ),
      bytesIn: round(
        aSecond(({ traffic }) => traffic.bytesIn),
        0,
      ),
      connections: round(sum(({ traffic }) => traffic.sockets) / (nodes - 1)),
      cpuPercent: round(aSecond(({ cpuMs }) => cpuMs) / 10),
      delaysMs: looks.flatMap(({ delaysMs }) => delaysMs),
      wrong: sum(({ wrong }) => wrong),
    };
  }

  async stop(): Promise<void> {
    for (const worker of this.#workers) worker.kill("SIGKILL");
    await this.#issuer?.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #askAll(command: WorkerCommand): Promise<readonly WorkerAnswer[]> {
    return Promise.all(this.#workers.map((worker) => ask(worker, command)));
  }
}

function ask(worker: ChildProcess, command: WorkerCommand): Promise<WorkerAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<WorkerAnswer>();
  const onExit = (): void => reject(new Error("a worker has ended"));
  worker.once("exit", onExit);
  worker.once("message", (answer) => {
    worker.off("exit", onExit);
    resolve(answer as WorkerAnswer);
  });
  worker.send(command);
  return promise;
}

async function realFleet(): Promise<RealSeen> {
  const fleet = new RealFleet();
  try {
    await fleet.start();
    await fleet.allUp();
    await sleep(SETTLE_MS);
    return await fleet.measure();
  } finally {
    await fleet.stop();
  }
}

const real = values.simulated ? undefined : await realFleet();
const settleMs = 30 * work.pulseEveryMs + GROWN_MS;
const twin = simulateTwin({ nodes, work, settleMs, windowMs });
const simulated = { ...twin, delaysMs: figuresOf(twin.delaysMs) };
if (real === undefined) report("calibration", { nodes, work, simulated });
else
  report("calibration", {
    nodes,
    processes,
    work,
    real: { ...real, delaysMs: figuresOf(real.delaysMs) },
    simulated,
    // What is simulated for each that is real.
    ratio: {
      bytesOut: round(twin.bytesOut / real.bytesOut, 2),
      bytesIn: round(twin.bytesIn / real.bytesIn, 2),
      delayP50: round(simulated.delaysMs.p50 / figuresOf(real.delaysMs).p50, 2),
    },
  });
process.exit(0);
