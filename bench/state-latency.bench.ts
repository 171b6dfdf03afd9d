/**
 * State change on one node → event on another, over 10 processes (DESIGN §9).
 *
 *   node bench/state-latency.bench.ts [--nodes 10] [--changes 300]
 *
 * Measured from sending the PATCH to the arrival of the event at a reader of another node's stream, the durable write included.
 */
import { parseArgs } from "node:util";
import { ProcessFleet, type NodeProcess } from "../test/support/node-process.ts";
import { EventTap } from "./support/event-tap.ts";
import { figuresOf, progress, report } from "./support/figures.ts";

const { values } = parseArgs({
  options: {
    nodes: { type: "string", default: "10" },
    changes: { type: "string", default: "300" },
  },
});
await using fleet = new ProcessFleet();
for (let index = 0; index < Number(values.nodes); index += 1)
  await fleet.add({ name: `n${index}`, region: "eu" });
const names = fleet.nodes.map(({ options }) => options.name);
await fleet.allSee(names, "up", 60_000);
const writer = fleet.nodes[0] as NodeProcess;
await writer.beat("racer");
await new Promise((resolve) => setTimeout(resolve, 2_000));
const taps = fleet.nodes.slice(1).map((node) => new EventTap(node));
await new Promise((resolve) => setTimeout(resolve, 500));
const latencies: number[] = [];
const answers: number[] = [];
let lost = 0;
for (let change = 0; change < Number(values.changes); change += 1) {
  const sentMs = performance.now();
  await writer.patch("racer", { lap: change });
  answers.push(performance.now() - sentMs);
  await new Promise((resolve) => setTimeout(resolve, 100));
  for (const tap of taps) {
    const event = tap.find(sentMs, ({ type, data }) => {
      const state = data["state"] as { readonly lap?: number } | undefined;
      return type === "robot-state" && state?.lap === change;
    });
    if (event === undefined) lost += 1;
    else latencies.push(event.atMs - sentMs);
    tap.clear();
  }
  if (change % 50 === 0) progress(`change ${change}: ${JSON.stringify(figuresOf(latencies))}`);
}
for (const tap of taps) tap.close();
report("state-latency", {
  nodes: names.length,
  goal: { p50: 15, p99: 60 },
  changeToEventMs: figuresOf(latencies),
  patchAnswerMs: figuresOf(answers),
  laterThan100Ms: lost,
});
