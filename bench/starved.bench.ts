/**
 * A fleet on a machine that has no time for it: processes on two cores, busy loops beside them, and one node after the other whose cable
 * is pulled for some seconds. Once this ended in overload that fed itself (ADR 0012): what counts is that nobody but the node whose cable
 * was pulled is called down, and that all is well again soon.
 *
 *   node bench/starved.bench.ts [--nodes 20] [--loops 3] [--rounds 5]
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Cables, namespacesMissing, type Host } from "../test/support/namespaces.ts";
import { ProcessFleet, type NodeProcess } from "../test/support/node-process.ts";
import { EventTap } from "./support/event-tap.ts";
import { figuresOf, progress, report, round as tenth } from "./support/figures.ts";
import { usageOf } from "./support/process-usage.ts";
import { isDown, wrongVerdicts } from "./support/wrong-verdicts.ts";

const { values } = parseArgs({
  options: {
    nodes: { type: "string", default: "20" },
    loops: { type: "string", default: "3" },
    rounds: { type: "string", default: "5" },
  },
});
const size = Number(values.nodes);
const loops = Number(values.loops);
const rounds = Number(values.rounds);
const CUT_MS = 4_500;
const BACK_MS_MAX = 60_000;
const CPU_WINDOW_MS = 10_000;

const sleep = (forMs: number): Promise<void> => new Promise((done) => setTimeout(done, forMs));

/** Percent of one core that a node takes on average while `act` runs. */
async function cpuPercent(
  nodes: readonly NodeProcess[],
  act: () => Promise<unknown>,
): Promise<number> {
  const used = (): number => nodes.reduce((sum, { pid }) => sum + usageOf(pid).cpuSeconds, 0);
  const [before, startedMs] = [used(), performance.now()];
  await act();
  return tenth((100_000 * (used() - before)) / (performance.now() - startedMs) / nodes.length);
}

async function measure(): Promise<object> {
  using cables = new Cables();
  await using fleet = new ProcessFleet();
  const hosts: Host[] = [];
  for (let index = 0; index < size; index += 1) {
    const name = `n${index}`;
    const host = cables.host(index % 2 === 0 ? "left" : "right");
    hosts.push(host);
    const socketPath = join(fleet.dir, `${name}.sock`);
    await fleet.add(
      { name, region: index % 2 === 0 ? "eu" : "us" },
      {
        meshPort: 7421,
        httpPort: 7420,
        namespace: { name: host.namespace, address: host.address, socketPath },
      },
    );
  }
  const names = fleet.nodes.map(({ options }) => options.name);
  await fleet.allSee(names, "up", BACK_MS_MAX);
  const taps = fleet.nodes.map((node) => new EventTap(node));
  const quietPercent = await cpuPercent(fleet.nodes, () => sleep(CPU_WINDOW_MS));
  const busy = Array.from({ length: loops }, () =>
    spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" }),
  );
  const [backMs, busyPercent]: [number[], number[]] = [[], []];
  let [missed, others, again, notUpAgain] = [0, 0, 0, 0];
  try {
    for (let round = 0; round < rounds; round += 1) {
      const victim = (round * 7 + 3) % size;
      const id = String((await fleet.nodes[victim]?.json("/api/v1/peers"))?.["self"]["id"]);
      for (const tap of taps) tap.clear();
      cables.unplug(hosts[victim] as Host);
      await sleep(CUT_MS);
      const seen = taps.filter((_, index) => index !== victim);
      missed += seen.filter(
        (tap) =>
          tap.find(0, (event) => isDown(event) && event.data["node_id"] === id) === undefined,
      ).length;
      cables.plug(hosts[victim] as Host);
      const percent = await cpuPercent(fleet.nodes, async () => {
        await fleet.allSee(names, "up", BACK_MS_MAX).then(
          (tookMs) => backMs.push(tookMs),
          () => (notUpAgain += 1),
        );
        await sleep(CPU_WINDOW_MS);
      });
      busyPercent.push(percent);
      const wrong = wrongVerdicts(
        taps.map((tap) => tap.all(0, isDown)),
        id,
      );
      again += wrong.filter(({ nodeId }) => nodeId === id).length;
      others += wrong.filter(({ nodeId }) => nodeId !== id).length;
      progress(
        `round ${round + 1}/${rounds}: up again after ${backMs.at(-1)} ms, ${wrong.length} wrong, ${percent}% of a core a node`,
      );
    }
  } finally {
    for (const child of busy) child.kill("SIGKILL");
  }
  const recoveredMs = await fleet.allSee(names, "up", BACK_MS_MAX).catch(() => Infinity);
  for (const tap of taps) tap.close();
  return {
    quietCpuPercent: quietPercent,
    busyCpuPercent: figuresOf(busyPercent),
    upAgainMs: figuresOf(backMs),
    missed,
    notUpAgain,
    /** Verdicts about nodes whose cable was never pulled. */
    wrongAboutOthers: others,
    /** Second verdicts about the node that came back. */
    wrongAboutVictim: again,
    recoveredMs,
  };
}

const missing = namespacesMissing();
report("starved", {
  nodes: size,
  loops,
  rounds,
  cutMs: CUT_MS,
  ...(missing === undefined ? await measure() : { missing }),
});
