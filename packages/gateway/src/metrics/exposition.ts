/**
 * `/metrics`: what the node counts, what it sees, and what the gateway counts, in the Prometheus text format. Everything is
 * built anew for each scrape from numbers that exist anyway, in a registry of its own, so that several nodes can live in one
 * process.
 */
import {
  AUTHOR_IDS_MAX,
  AUTHOR_ROBOTS_MAX,
  type NodeId,
  type RobotView,
  type Status,
} from "@pulsemesh/core";
import type { NodeMetric } from "@pulsemesh/node";
import { Counter, Gauge, Registry } from "prom-client";
import type { GatewayContext } from "../context.ts";
import { regularityMetrics } from "./regularity-metrics.ts";
import { DURATIONS_NAME, durationsText, registerHttp } from "./http-exposition.ts";

const PREFIX = "pulsemesh_";
const STATUSES: readonly Status[] = ["new", "up", "late", "down", "unknown", "paused", "left"];
const [robotsMost, idsMost] = [AUTHOR_ROBOTS_MAX, AUTHOR_IDS_MAX].map((most) =>
  most.toLocaleString("en"),
);
const WRITTEN_HELP = `What this node has written about, by kind: robots (at most ${robotsMost}), and retired ones, whose ids count with them (at most ${idsMost}).`;
const UNGUARDED_HELP =
  "1 where any process of the machine may invite, grant and revoke, as the node issues and asks for no token.";

export interface Exposition {
  readonly contentType: string;
  readonly text: string;
}

export async function exposition(context: GatewayContext): Promise<Exposition> {
  const registry = new Registry();
  const { node, feed } = context;
  const fleet = node.fleetView();
  const peers = fleet.nodes.filter(({ node: id }) => id !== fleet.self.node);
  gauge(registry, "build_info", "Always 1; version and node_version say what runs.", [
    [{ version: context.version, node_version: process.versions.node }, 1],
  ]);
  gauge(registry, "ready", "1 once the node is ready.", [[{}, node.ready() ? 1 : 0]]);
  const robots = node.robots();
  gauge(
    registry,
    "robots",
    "Robots by status, the mesh's verdict.",
    byStatus(robots.map(({ status }) => status)),
  );
  regularity(registry, robots, fleet.self.node);
  gauge(
    registry,
    "peers",
    "Other nodes by status, the mesh's verdict.",
    byStatus(peers.map(({ status }) => status)),
  );
  gauge(registry, "roster_nodes", "Members that count, this node included.", [[{}, fleet.roster]]);
  gauge(registry, "in_sight_nodes", "Members heard lately, this node included.", [
    [{}, fleet.inSight],
  ]);
  const lost = fleet.unreachable.map(({ to }) => [{ region: to }, 1] as const);
  gauge(registry, "region_unreachable", "1 where all of a region is silent, by region.", lost);
  const written = fleet.self.writtenIds ?? { robots: 0, markers: 0 };
  gauge(registry, "written_ids", WRITTEN_HELP, [
    [{ kind: "robot" }, written.robots],
    [{ kind: "retired" }, written.markers],
  ]);
  gauge(registry, "issuer_unguarded", UNGUARDED_HELP, [
    [{}, node.issuer !== undefined && !context.hasToken ? 1 : 0],
  ]);
  gauge(registry, "event_streams", "Open event streams.", [[{}, feed.streams]]);
  processMetrics(registry);
  registerHttp(registry, context.metrics);
  for (const metric of [...node.metrics(), ...context.extraMetrics()]) nodeMetric(registry, metric);
  return {
    contentType: registry.contentType,
    text: `${await registry.metrics()}\n${durationsText(context.metrics)}`,
  };
}

type Sample = readonly [Readonly<Record<string, string>>, number];

function gauge(registry: Registry, name: string, help: string, samples: readonly Sample[]): void {
  const labelNames = Object.keys(samples[0]?.[0] ?? {});
  const metric = new Gauge({ name: PREFIX + name, help, labelNames, registers: [registry] });
  for (const [labels, value] of samples) metric.set(labels, value);
}

/** Of the robots whose home this node is. */
function regularity(registry: Registry, robots: readonly RobotView[], self: NodeId): void {
  const { robots: counts, drifting, jitterRatio, score } = regularityMetrics(robots, self);
  gauge(
    registry,
    "regularity_robots",
    "Robots up or late whose home this node is, by state: learning, or whether their newest beat and silence are usual or unusual for them.",
    Object.entries(counts).map(([state, count]) => [{ state }, count]),
  );
  gauge(
    registry,
    "regularity_drifting_robots",
    "Of these, those whose interval has moved by more than a tenth.",
    [[{}, drifting]],
  );
  gauge(
    registry,
    "regularity_jitter_ratio",
    "Of these, the jitter of the interval to the interval, by stat: median and worst.",
    [
      [{ stat: "median" }, jitterRatio.median],
      [{ stat: "worst" }, jitterRatio.most],
    ],
  );
  gauge(
    registry,
    "regularity_score",
    "Of these, how unusual the newest beat or the silence is, 0 to 10, by stat: median and worst.",
    [
      [{ stat: "median" }, score.median],
      [{ stat: "worst" }, score.most],
    ],
  );
}

function byStatus(statuses: readonly Status[]): readonly Sample[] {
  return STATUSES.map((status) => [
    { status },
    statuses.filter((candidate) => candidate === status).length,
  ]);
}

/** The few process numbers that dashboards expect, under the names that every client library uses. */
function processMetrics(registry: Registry): void {
  const { user, system } = process.cpuUsage();
  const registers = [registry];
  new Counter({
    name: "process_cpu_seconds_total",
    help: "CPU time of the process.",
    registers,
  }).inc((user + system) / 1_000_000);
  new Gauge({
    name: "process_resident_memory_bytes",
    help: "Resident memory of the process.",
    registers,
  }).set(process.memoryUsage.rss());
  new Gauge({
    name: "process_start_time_seconds",
    help: "When the process started, in seconds since 1970.",
    registers,
  }).set(Math.round(performance.timeOrigin / 1_000));
}

/** A metric that the node already keeps. A name that is taken, here or by an earlier one, must not cost the whole scrape. */
function nodeMetric(registry: Registry, { name, help, type, samples }: NodeMetric): void {
  const full = name.startsWith(PREFIX) ? name : PREFIX + name;
  if (full === DURATIONS_NAME || registry.getSingleMetric(full) !== undefined) return;
  const labelNames = [...new Set(samples.flatMap(({ labels }) => Object.keys(labels)))];
  const options = { name: full, help, labelNames, registers: [registry] };
  if (type === "counter") {
    const counter = new Counter(options);
    for (const { labels, value } of samples) counter.inc(labels, value);
  } else {
    const plain = new Gauge(options);
    for (const { labels, value } of samples) plain.set(labels, value);
  }
}
