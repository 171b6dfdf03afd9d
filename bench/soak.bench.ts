/**
 * A node that runs for a day while everything around it changes: does its heap grow? Four real nodes, two on each side of a cable; the
 * measured one is never stopped. Others restart (planned, and by `kill -9`), robots beat, come, go silent and are retired, states change,
 * and the cable is cut now and then, with writes on both sides.
 *
 *   node bench/soak.bench.ts [--hours 24] [--warm-up-minutes 15]
 *
 * The heap is read after a forced collection, by a signal to a module that only this bench loads. Needs root (network namespaces).
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Cables, namespacesMissing } from "../test/support/namespaces.ts";
import { type NodeProcess, ProcessFleet } from "../test/support/node-process.ts";
import { progress, report, round } from "./support/figures.ts";
import { usageOf } from "./support/process-usage.ts";
import { slopeOf } from "./support/slope.ts";

const { values } = parseArgs({
  options: {
    hours: { type: "string", default: "24" },
    "warm-up-minutes": { type: "string", default: "15" },
  },
});
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * HOUR_MS;
const lengthMs = Number(values.hours) * HOUR_MS;
const warmUpMs = Number(values["warm-up-minutes"]) * MINUTE_MS;
const SAMPLE_EVERY_MS = 30_000;
const BEAT_EVERY_MS = 100;
const CHANGE_EVERY_MS = 500;
const RESTART_EVERY_MS = 100_000;
const CUT_EVERY_MS = 5 * MINUTE_MS;
const CUT_MS = 20_000;
const GUEST_EVERY_MS = 45_000;
const ROBOTS = 40;
/** Robots that come, beat for a while and go; the names come again, as the fleet's memory of a retired one is meant to stay. */
const GUESTS = 20;
const PROBE = fileURLToPath(new URL("support/heap-probe-main.ts", import.meta.url));

interface Sample {
  readonly atMs: number;
  readonly rss: number;
  readonly heapUsed: number;
  readonly objects: number;
}

/** What was done to the fleet. */
const done = { beats: 0, changes: 0, restarts: 0, kills: 0, cuts: 0, retired: 0, refused: 0 };
const sleep = (forMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, forMs));

class Soak {
  readonly #fleet: ProcessFleet;
  readonly #cables: Cables;
  readonly #endMs = performance.now() + lengthMs;

  constructor(fleet: ProcessFleet, cables: Cables) {
    this.#fleet = fleet;
    this.#cables = cables;
  }

  async run(): Promise<void> {
    await Promise.all([
      this.#every(BEAT_EVERY_MS, (count) => this.#beat(count)),
      this.#every(CHANGE_EVERY_MS, (count) => this.#change(count)),
      this.#every(GUEST_EVERY_MS, (count) => this.#guest(count)),
      this.#every(RESTART_EVERY_MS, (count) => this.#restart(count)),
      this.#every(CUT_EVERY_MS, () => this.#cut()),
      this.#every(SAMPLE_EVERY_MS, () => this.#sample()),
    ]);
  }

  async #every(everyMs: number, act: (count: number) => Promise<void>): Promise<void> {
    for (let count = 0; performance.now() < this.#endMs; count += 1) {
      await sleep(Math.min(everyMs, Math.max(0, this.#endMs - performance.now())));
      // A node that is away, or cut off, refuses; that is part of it.
      await act(count).catch(() => (done.refused += 1));
    }
  }

  #node(index: number): NodeProcess {
    return this.#fleet.nodes[index % this.#fleet.nodes.length] as NodeProcess;
  }

  async #beat(count: number): Promise<void> {
    const node = this.#node(count % ROBOTS);
    if (!node.isRunning) return;
    await node.beat(`robot-${count % ROBOTS}`);
    done.beats += 1;
  }

  async #change(count: number): Promise<void> {
    const node = this.#node(count);
    if (!node.isRunning) return;
    const gone = count % 3 === 0 ? null : count;
    await node.patch(`robot-${(count * 7) % ROBOTS}`, { lap: count, [`key-${count % 5}`]: gone });
    done.changes += 1;
  }

  /** One comes, and the one before the last is retired where nodes can do that; otherwise it is silent, which is `down`. */
  async #guest(count: number): Promise<void> {
    const name = (index: number): string => `guest-${index % GUESTS}`;
    const home = (index: number): NodeProcess => this.#node(index);
    if (!home(count).isRunning) return;
    await home(count).beat(name(count));
    await home(count).patch(name(count), { since: count });
    if (count < 2) return;
    const { status } = await home(count - 2).ask("DELETE", `/api/v1/robots/${name(count - 2)}`);
    if (status < 300) done.retired += 1;
  }

  /** Every node but the measured one, in turn; each fifth time without a word. */
  async #restart(count: number): Promise<void> {
    const [, ...others] = this.#fleet.nodes;
    const node = others[count % others.length] as NodeProcess;
    const isKill = count % 5 === 4;
    await node.end(isKill ? "SIGKILL" : "SIGTERM");
    if (isKill) done.kills += 1;
    else done.restarts += 1;
    await sleep(isKill ? 8_000 : 1_000);
    await node.start();
  }

  async #cut(): Promise<void> {
    this.#cables.cut();
    await sleep(CUT_MS);
    this.#cables.heal();
    done.cuts += 1;
  }

  async #sample(): Promise<void> {
    this.#fleet.nodes[0]?.signal("SIGUSR2");
    await sleep(500);
    const last = samplesOf(this.#fleet).at(-1);
    progress(`${Math.round((last?.atMs ?? 0) / 1_000)} s ${JSON.stringify({ ...last, ...done })}`);
  }
}

function heapFile(fleet: ProcessFleet): string {
  return join(fleet.dir, "heap.jsonl");
}

function samplesOf(fleet: ProcessFleet): readonly Sample[] {
  const lines = readFileSync(heapFile(fleet), "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line) as Sample);
}

/** Megabytes a day of one figure, behind the warm-up. */
function growth(samples: readonly Sample[], figure: "objects" | "heapUsed" | "rss"): object {
  const counted = samples
    .filter(({ atMs }) => atMs >= warmUpMs)
    .map((sample) => ({ atMs: sample.atMs, value: sample[figure] / 2 ** 20 }));
  const slope = slopeOf(counted);
  return {
    firstMb: round(counted[0]?.value ?? Number.NaN),
    lastMb: round(counted.at(-1)?.value ?? Number.NaN),
    mbPerDay: round((slope?.perMs ?? Number.NaN) * DAY_MS),
    errorMbPerDay: round((slope?.errorPerMs ?? Number.NaN) * DAY_MS),
  };
}

async function measure(): Promise<object> {
  using cables = new Cables();
  await using fleet = new ProcessFleet();
  for (const [index, side] of (["left", "left", "right", "right"] as const).entries()) {
    const host = cables.host(side);
    const name = `n${index}`;
    await fleet.add(
      { name, region: side === "left" ? "eu" : "us" },
      {
        meshPort: 7421,
        httpPort: 7420,
        namespace: {
          name: host.namespace,
          address: host.address,
          socketPath: join(fleet.dir, `${name}.sock`),
        },
        args: ["--log-level", "error", "--every", "1m", "--grace", "1m"],
        ...(index > 0
          ? {}
          : {
              execArgv: ["--expose-gc", "--import", PROBE],
              env: { PULSEMESH_BENCH_HEAP: heapFile(fleet) },
            }),
      },
    );
  }
  await fleet.allSee(
    fleet.nodes.map(({ options }) => options.name),
    "up",
    30_000,
  );
  const [measured] = fleet.nodes;
  const before = usageOf(measured?.pid ?? 0).cpuSeconds;
  await new Soak(fleet, cables).run();
  const cpuSeconds = usageOf(measured?.pid ?? 0).cpuSeconds - before;
  const samples = samplesOf(fleet);
  return {
    hours: Number(values.hours),
    warmUpMinutes: Number(values["warm-up-minutes"]),
    samples: samples.filter(({ atMs }) => atMs >= warmUpMs).length,
    objects: growth(samples, "objects"),
    heap: growth(samples, "heapUsed"),
    rss: growth(samples, "rss"),
    cpuPercent: round((cpuSeconds * 100_000) / lengthMs),
    done,
    goal: { heapMbPerDay: 1 },
  };
}

const missing = namespacesMissing();
if (missing !== undefined) throw new Error(missing);
report("soak", await measure());
