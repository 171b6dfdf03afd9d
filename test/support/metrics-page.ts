/** docs/metrics.md: every metric that a node answers with, read off a running one, so that the page cannot promise what is not there. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ProcessFleet } from "./node-process.ts";

export interface MetricLine {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  /** As far as samples show them. */
  readonly labels: readonly string[];
}

const HEADING = `# Metrics

\`GET /metrics\` in the Prometheus text format. This page is read off a running node; renew it with \`node test/support/metrics-page-main.ts\`. What to watch and what to do then is in
[operating.md](operating.md#what-to-watch). With a certificate there is \`pulsemesh_http_certificate_expiry_timestamp_seconds\` as well, the \`pulsemesh_config_…\` are those of a node with a config file.

| name | type | what it says, by which labels |
| --- | --- | --- |
`;

/** Reads the Prometheus text format. */
export function metricLines(exposition: string): readonly MetricLine[] {
  const help = new Map<string, string>();
  const types = new Map<string, string>();
  const labels = new Map<string, Set<string>>();
  for (const line of exposition.split("\n")) {
    const [, word, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (word === "HELP") help.set(name, rest);
    if (word === "TYPE") types.set(name, rest);
    const [, sample = "", inside = ""] = /^([a-z_]+)\{(.*)\} \S+$/.exec(line) ?? [];
    if (sample === "") continue;
    const base = types.has(sample) ? sample : sample.replace(/_(bucket|sum|count)$/, "");
    const known = labels.get(base) ?? new Set();
    for (const [, label = ""] of inside.matchAll(/([a-z_]+)="/g)) known.add(label);
    labels.set(base, known);
  }
  return [...types.keys()].toSorted().map((name) => ({
    name,
    type: types.get(name) ?? "",
    help: help.get(name) ?? "",
    labels: [...(labels.get(name) ?? [])].filter((label) => label !== "le").toSorted(),
  }));
}

export function metricsPage(lines: readonly MetricLine[]): string {
  const rows = lines.map(({ name, type, help }) => `| \`${name}\` | ${type} | ${help} |\n`);
  return HEADING + rows.join("");
}

/** What a node answers with that has done a little of everything. */
export async function scrapeMetrics(): Promise<readonly MetricLine[]> {
  await using fleet = new ProcessFleet();
  const config = join(fleet.dir, "config.yaml");
  writeFileSync(config, "robots:\n");
  await fleet.add({ name: "alpha", region: "eu" }, { args: ["--config", config] });
  await fleet.add({ name: "beta", region: "us" });
  await fleet.allSee(["alpha", "beta"], "up", 20_000);
  const node = fleet.node("alpha");
  await node.beat("robot");
  await node.patch("robot", { status: "idle" });
  await node.get("/status/nobody");
  return metricLines((await node.get("/metrics")).text);
}
