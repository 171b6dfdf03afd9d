/** A fleet of real transports spread over a few processes, all started at one time and joining by one address. */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { HostAnswer, HostCommand, HostReport } from "./host-fleet-worker.ts";

/** Gossipsub offers again what was lost once a second, which takes several times that when every process waits for its turn. */
const ARRIVALS_QUIET_MS = 5_000;

export interface FleetSpec {
  readonly hosts: number;
  readonly processes: number;
  readonly floodPublish?: boolean | undefined;
}

export interface FleetSettled {
  /** From the start of the first host until every host knew every other; undefined when it did not happen in time. */
  readonly allKnowAllMs: number | undefined;
  readonly reports: readonly HostReport[];
}

export class HostFleet {
  readonly #workers: readonly ChildProcess[];
  readonly #spec: FleetSpec;
  #beganAtMs = 0;

  constructor(spec: FleetSpec) {
    this.#spec = spec;
    const script = join(import.meta.dirname, "host-fleet-worker.ts");
    this.#workers = Array.from({ length: spec.processes }, () =>
      fork(script, { stdio: ["ignore", "inherit", "inherit", "ipc"] }),
    );
  }

  /** Starts the first host alone, then all others at once, all joining by it. Answers how long its start took. */
  async start(): Promise<number> {
    const { hosts, processes, floodPublish } = this.#spec;
    // The workers load their modules before the clock starts.
    await this.#askAll({ type: "report" });
    this.#beganAtMs = performance.now();
    const first = await this.#ask(0, { type: "start", names: ["host-0"], join: [], floodPublish });
    if (first.type !== "started") throw new Error(`unexpected answer ${first.type}`);
    const names = Array.from({ length: processes }, (_, worker) =>
      Array.from({ length: hosts }, (__, host) => host).filter(
        (host) => host > 0 && host % processes === worker,
      ),
    );
    await Promise.all(
      names.map((ours, worker) =>
        this.#ask(worker, {
          type: "start",
          names: ours.map((host) => `host-${host}`),
          join: first.addresses,
          floodPublish,
        }),
      ),
    );
    return first.startMs;
  }

  /** Waits until every host knows every other. */
  async settle(limitMs: number): Promise<FleetSettled> {
    for (;;) {
      const reports = await this.reports();
      const elapsedMs = performance.now() - this.#beganAtMs;
      const all = reports.every(
        (report) => report.known === this.#spec.hosts - 1 && report.peers > 0,
      );
      if (all) return { allKnowAllMs: elapsedMs, reports };
      if (elapsedMs > limitMs) return { allKnowAllMs: undefined, reports };
      await sleep(100);
    }
  }

  async reports(): Promise<readonly HostReport[]> {
    const answers = await this.#askAll({ type: "report" });
    return answers.flatMap((answer) => (answer.type === "report" ? answer.hosts : []));
  }

  /** Resident memory and CPU time of each process. */
  async costs(): Promise<readonly { readonly rssBytes: number; readonly cpuMs: number }[]> {
    const answers = await this.#askAll({ type: "report" });
    return answers.flatMap((answer) => (answer.type === "report" ? [answer] : []));
  }

  /** Lets the processes publish in turn; answers the time from sending to each receiver's handler, in milliseconds. */
  async gossipLatenciesMs(
    rounds: number,
    bytes: number,
    everyMs: number,
  ): Promise<readonly number[]> {
    await this.#askAll({ type: "latencies" });
    for (let round = 0; round < rounds; round += 1) {
      await this.#ask(round % this.#workers.length, { type: "publish", bytes });
      await sleep(everyMs);
    }
    return this.#arrivals(rounds * (this.#spec.hosts - 1));
  }

  /** Latencies until all `expected` are there, or nothing more has come for a while: what a busy machine is late with is not lost. */
  async #arrivals(expected: number): Promise<readonly number[]> {
    const latenciesMs: number[] = [];
    let newestAtMs = performance.now();
    while (latenciesMs.length < expected && performance.now() - newestAtMs < ARRIVALS_QUIET_MS) {
      await sleep(100);
      const answers = await this.#askAll({ type: "latencies" });
      const came = answers.flatMap((answer) =>
        answer.type === "latencies" ? answer.latenciesMs : [],
      );
      if (came.length > 0) newestAtMs = performance.now();
      latenciesMs.push(...came);
    }
    return latenciesMs;
  }

  async stop(): Promise<void> {
    await this.#askAll({ type: "stop" });
    for (const worker of this.#workers) worker.disconnect();
  }

  #askAll(command: HostCommand): Promise<readonly HostAnswer[]> {
    return Promise.all(this.#workers.map((_, index) => this.#ask(index, command)));
  }

  /** One question at a time per worker, so that the next message is its answer. */
  #ask(index: number, command: HostCommand): Promise<HostAnswer> {
    const worker = this.#workers[index];
    if (worker === undefined) throw new Error(`no worker ${index}`);
    const { promise, resolve, reject } = Promise.withResolvers<HostAnswer>();
    const onExit = (): void => reject(new Error(`worker ${index} ended`));
    worker.once("exit", onExit);
    worker.once("message", (answer: HostAnswer) => {
      worker.off("exit", onExit);
      resolve(answer);
    });
    worker.send(command);
    return promise;
  }
}
