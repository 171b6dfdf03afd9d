/**
 * Death of a node → verdict on the live nodes: real processes, 1 s pulses, three ways to die (DESIGN §9, rule VE3).
 *
 *   node bench/detection.bench.ts [--nodes 20] [--rounds 20] [--ways kill,stop,drop] [--peer-rounds 10]
 *
 * The peer in the same run is Serf with its LAN profile, where the plug of no host is pulled; `--peer-rounds 0` leaves it out.
 *
 * `kill` is SIGKILL, `stop` SIGSTOP (and SIGCONT afterwards), `drop` pulls the plug of the node's network namespace.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Cables, namespacesMissing, type Host } from "../test/support/namespaces.ts";
import { ProcessFleet, waitFor, type NodeProcess } from "../test/support/node-process.ts";
import { EventTap } from "./support/event-tap.ts";
import { figuresOf, progress, report, round as tenth, type Figures } from "./support/figures.ts";
import { measureSerf, type SerfResult } from "./support/serf-detection.ts";
import { isDown, wrongVerdicts } from "./support/wrong-verdicts.ts";

const { values } = parseArgs({
  options: {
    nodes: { type: "string", default: "20" },
    rounds: { type: "string", default: "20" },
    ways: { type: "string", default: "kill,stop,drop" },
    "peer-rounds": { type: "string", default: "10" },
  },
});
const size = Number(values.nodes);
const rounds = Number(values.rounds);
/** Between two rounds, so that each victim dies at another moment of its interval. */
const PAUSE_MS = 2_000;

type Way = "kill" | "stop" | "drop";

/** How many times as long the peer takes. */
interface Ratio {
  readonly p50: number;
  readonly p99: number;
}

interface Result {
  /** Milliseconds until 99% of the live nodes said `down`, one sample a round. */
  readonly fleet: Figures;
  /** Milliseconds of every live node. */
  readonly nodes: Figures;
  /** From the blow until all are up again: who wakes up must be right about the others too. */
  readonly falseVerdicts: number;
  readonly missed: number;
  /** Rounds after which somebody was not seen up by all within 90 s. */
  readonly notUpAgain: number;
}

async function measure(way: Way): Promise<Result> {
  using cables = way === "drop" ? new Cables() : undefined;
  await using fleet = new ProcessFleet();
  const hosts = new Map<string, Host>();
  for (let index = 0; index < size; index += 1) {
    const name = `n${index}`;
    const host = cables?.host(index % 2 === 0 ? "left" : "right");
    if (host !== undefined) hosts.set(name, host);
    const where = host === undefined ? {} : inNamespace(host, join(fleet.dir, `${name}.sock`));
    await fleet.add({ name, region: index % 2 === 0 ? "eu" : "us" }, where);
  }
  const names = fleet.nodes.map(({ options }) => options.name);
  await fleet.allSee(names, "up", 60_000);
  const ids = new Map<string, string>();
  for (const node of fleet.nodes)
    ids.set(node.options.name, String((await node.json("/api/v1/peers"))["self"]?.["id"]));
  const taps = new Map(fleet.nodes.map((node) => [node.options.name, new EventTap(node)]));
  const perFleet: number[] = [];
  const perNode: number[] = [];
  let [falseVerdicts, missed, notUpAgain] = [0, 0, 0];
  for (let round = 0; round < rounds; round += 1) {
    const victim = fleet.nodes[(round * 7 + 3) % size] as NodeProcess;
    const victimId = ids.get(victim.options.name);
    for (const tap of taps.values()) tap.clear();
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 1_000));
    const diedMs = performance.now();
    await strike(way, victim, cables, hosts.get(victim.options.name));
    const live = names.filter((name) => name !== victim.options.name);
    await waitFor("verdicts", 15_000, async () =>
      live.every((name) =>
        taps
          .get(name)
          ?.find(diedMs, (event) => isDown(event) && event.data["node_id"] === victimId),
      ),
    ).catch(() => undefined);
    const samples: number[] = [];
    for (const name of live) {
      const verdicts = taps.get(name)?.all(diedMs, isDown) ?? [];
      const right = verdicts.find((event) => event.data["node_id"] === victimId);
      if (right === undefined) missed += 1;
      else samples.push(right.atMs - diedMs);
    }
    perNode.push(...samples);
    perFleet.push(figuresOf(samples).p99);
    progress(`${way} round ${round + 1}/${rounds}: ${JSON.stringify(figuresOf(samples))}`);
    await revive(way, victim, cables, hosts.get(victim.options.name));
    if (way === "kill") taps.set(victim.options.name, new EventTap(victim));
    await fleet.allSee(names, "up", 90_000).catch((error: unknown) => {
      notUpAgain += 1;
      progress(String(error));
    });
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    const seen = [...taps.values()].map((tap) => tap.all(diedMs, isDown));
    const wrong = wrongVerdicts(seen, victimId);
    falseVerdicts += wrong.length;
    for (const { by, nodeId, atMs } of wrong)
      progress(
        `wrong: ${[...taps.keys()][by]} says ${nodeId === victimId ? "the victim" : String(nodeId)} down after ${tenth(atMs - diedMs)} ms`,
      );
  }
  for (const tap of taps.values()) tap.close();
  return {
    fleet: figuresOf(perFleet),
    nodes: figuresOf(perNode),
    falseVerdicts,
    missed,
    notUpAgain,
  };
}

function inNamespace(host: Host, socketPath: string): object {
  return {
    meshPort: 7421,
    httpPort: 7420,
    namespace: { name: host.namespace, address: host.address, socketPath },
  };
}

async function strike(
  way: Way,
  victim: NodeProcess,
  cables: Cables | undefined,
  host: Host | undefined,
): Promise<void> {
  if (way === "kill") await victim.end("SIGKILL");
  else if (way === "stop") victim.signal("SIGSTOP");
  else if (host !== undefined) cables?.unplug(host);
}

async function revive(
  way: Way,
  victim: NodeProcess,
  cables: Cables | undefined,
  host: Host | undefined,
): Promise<void> {
  if (way === "kill") await victim.start();
  else if (way === "stop") victim.signal("SIGCONT");
  else if (host !== undefined) cables?.plug(host);
}

const results: Record<string, Result | string> = {};
const serf: Record<string, (SerfResult & { readonly timesOurs: Ratio }) | string> = {};
const peerRounds = Number(values["peer-rounds"]);
for (const way of values.ways.split(",") as readonly Way[]) {
  const missing = way === "drop" ? namespacesMissing() : undefined;
  const result = missing ?? (await measure(way));
  results[way] = result;
  if (way === "drop" || typeof result === "string" || peerRounds === 0) continue;
  const peer = await measureSerf(way, { size, rounds: peerRounds });
  const timesOurs = {
    p50: tenth(peer.fleet.p50 / result.fleet.p50),
    p99: tenth(peer.fleet.p99 / result.fleet.p99),
  };
  progress(`Serf takes ${timesOurs.p50} times as long at the median, ${timesOurs.p99} at p99`);
  serf[way] = { ...peer, timesOurs };
}
report("detection", { nodes: size, rounds, goal: { p50: 3_500, p99: 4_000 }, results, serf });
