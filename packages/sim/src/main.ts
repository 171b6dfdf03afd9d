/**
 * Runs scenarios from the command line. The first line that it prints repeats the run.
 *
 *     node packages/sim/src/main.ts --seed 7 --scenario story --nodes 30 --minutes 10
 *     node packages/sim/src/main.ts --seed 1-50 --scenario story
 *     node packages/sim/src/main.ts --list
 *
 * Exit 0: nothing wrong; 1: violations; 2: usage.
 */
import { parseArgs } from "node:util";
import { createCore } from "@pulsemesh/core";
import { replayCommand, runScenario, type RunReport } from "./run-scenario.ts";
import { findScenario, scenarioNames } from "./scenarios/find-scenario.ts";

process.exitCode = main();

function main(): number {
  const { values } = parseArgs({
    options: {
      seed: { type: "string", default: "1" },
      scenario: { type: "string", default: "story" },
      nodes: { type: "string" },
      minutes: { type: "string" },
      json: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
    },
  });
  if (values.list) {
    console.log(scenarioNames().join("\n"));
    return 0;
  }
  const range = /^(\d+)(?:-(\d+))?$/.exec(values.seed);
  if (range === null)
    return usage(`--seed takes a number or a range such as 1-50, not '${values.seed}'`);
  const first = Number(range[1]);
  const last = Number(range[2] ?? range[1]);
  const nodes = values.nodes === undefined ? undefined : Number(values.nodes);
  const minutes = values.minutes === undefined ? undefined : Number(values.minutes);
  let isWell = true;
  for (let seed = first; seed <= last; seed++) {
    const scenario = findScenario(values.scenario, { seed, nodes, minutes });
    if (scenario === undefined)
      return usage(`there is no scenario '${values.scenario}'; --list names them`);
    console.log(replayCommand(scenario, seed));
    const report = runScenario(scenario, { seed, createCore });
    isWell &&= report.violations.length === 0;
    console.log(values.json ? JSON.stringify(report) : summaryOf(report));
  }
  return isWell ? 0 : 1;
}

function usage(text: string): number {
  console.error(text);
  return 2;
}

function summaryOf(report: RunReport): string {
  const { kpi, violations } = report;
  const detection = `p50 ${kpi.detectionP50Ms?.toFixed(0) ?? "-"} ms, p99 ${kpi.detectionP99Ms?.toFixed(0) ?? "-"} ms`;
  const lines = violations.map(({ rule, atMs, text }) => `  ${rule} at ${atMs} ms: ${text}`);
  return [
    `${violations.length === 0 ? "ok" : "WRONG"} ${report.hash}: ${kpi.deaths} deaths found, ${detection}, ${kpi.falseVerdicts} false verdicts`,
    ...lines,
  ].join("\n");
}
