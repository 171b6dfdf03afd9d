/**
 * Runs scenarios and suites from the command line (`npm run sim --`). The first line that a run prints repeats it.
 *
 *     npm run sim -- --scenario region-loss --nodes 100 --seed 7
 *     npm run sim -- --scenario story --seed 1-50
 *     npm run sim -- --suite full --part 1/4 --out full.jsonl --summary full.json
 *     npm run sim -- --suite short --baseline packages/sim/baseline/short.json
 *     npm run sim -- --compare base.json --with new.json
 *     npm run sim -- --list
 *
 * With `--sure` no node learns that it stood still itself, for comparison (rule PU6).
 *
 * Exit 0: nothing wrong; 1: violations, or worse than the base line; 2: usage.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { createCore } from "@pulsemesh/core";
import { withoutSelfDoubt } from "./fleet/sure-core.ts";
import { kpiTable } from "./kpi/kpi-table.ts";
import { plans } from "./plans/plans.ts";
import { replayCommand, runScenario } from "./run-scenario.ts";
import { findScenario, scenarioNames } from "./scenarios/find-scenario.ts";
import { problemsOf } from "./suite/compare.ts";
import { FinishedRuns } from "./suite/finished-run.ts";
import { runSuite } from "./suite/run-suite.ts";
import { summaryOf, type Summary } from "./suite/summary.ts";
import { cellsOf, nameOf, partOf } from "./suite/suites.ts";

const OPTIONS = {
  seed: { type: "string", default: "1" },
  scenario: { type: "string", default: "story" },
  nodes: { type: "string" },
  minutes: { type: "string" },
  sure: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  list: { type: "boolean", default: false },
  suite: { type: "string" },
  part: { type: "string", default: "1/1" },
  out: { type: "string" },
  summary: { type: "string" },
  baseline: { type: "string" },
  compare: { type: "string" },
  with: { type: "string" },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>["values"];

process.exitCode = main();

function main(): number {
  let values: Values;
  try {
    values = parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    return usage(error instanceof Error ? error.message : String(error));
  }
  if (values.list) {
    const about = new Map(plans.map((plan) => [plan.name, plan.about]));
    const lines = scenarioNames().map((name) =>
      about.has(name) ? `${name.padEnd(20)}${about.get(name)}` : name,
    );
    console.log(lines.join("\n"));
    return 0;
  }
  if (values.compare !== undefined) return compare(values.compare, values.with);
  return values.suite === undefined ? runOne(values) : suite(values.suite, values);
}

function runOne(values: Values): number {
  const range = /^(\d+)(?:-(\d+))?$/.exec(values.seed);
  if (range === null)
    return usage(`--seed takes a number or a range such as 1-50, not '${values.seed}'`);
  const first = Number(range[1]);
  const last = Number(range[2] ?? range[1]);
  const nodes = values.nodes === undefined ? undefined : Number(values.nodes);
  const minutes = values.minutes === undefined ? undefined : Number(values.minutes);
  if (nodes !== undefined && !(Number.isInteger(nodes) && nodes >= 1))
    return usage(`--nodes takes a number from 1 on, not '${values.nodes}'`);
  if (minutes !== undefined && !(minutes > 0))
    return usage(`--minutes takes a number above 0, not '${values.minutes}'`);
  let isWell = true;
  for (let seed = first; seed <= last; seed++) {
    const scenario = findScenario(values.scenario, { seed, nodes, minutes });
    if (scenario === undefined)
      return usage(`there is no scenario '${values.scenario}'; --list names them`);
    console.log(replayCommand(scenario, seed));
    const factory = values.sure ? withoutSelfDoubt(createCore) : createCore;
    const report = runScenario(scenario, { seed, createCore: factory });
    isWell &&= report.violations.length === 0;
    console.log(values.json ? JSON.stringify(report) : kpiTable(report));
  }
  return isWell ? 0 : 1;
}

function suite(name: string, values: Values): number {
  if (name !== "short" && name !== "full")
    return usage(`--suite takes short or full, not '${name}'`);
  const [part = 0, of = 0] = /^\d+\/\d+$/.test(values.part)
    ? values.part.split("/").map(Number)
    : [];
  if (part < 1 || part > of) return usage(`--part takes such as 1/4, not '${values.part}'`);
  const commit = commitNow();
  const cells = partOf(cellsOf(name), part, of);
  const runs = runSuite(cells, {
    commit,
    createCore,
    finished: values.out === undefined ? undefined : new FinishedRuns(values.out),
    done: ({ cell, violations, hash }) =>
      console.log(`${violations.length === 0 ? "ok   " : "WRONG"} ${hash} ${nameOf(cell)}`),
  });
  const summary = summaryOf(name, commit, runs);
  if (values.summary !== undefined) write(values.summary, summary);
  if (values.json) console.log(JSON.stringify(summary));
  const isWell = summary.rows.every(({ violations }) => violations === 0);
  if (values.baseline === undefined) return isWell ? 0 : 1;
  return report(problemsOf(read(values.baseline), summary));
}

function compare(base: string, next: string | undefined): number {
  if (next === undefined) return usage("--compare BASE takes --with NEW, two summaries of a suite");
  return report(problemsOf(read(base), read(next)));
}

function report(problems: readonly string[]): number {
  for (const problem of problems) console.error(problem);
  console.error(problems.length === 0 ? "no worse than the base line" : "worse than the base line");
  return problems.length === 0 ? 0 : 1;
}

function read(path: string): Summary {
  return JSON.parse(readFileSync(path, "utf8")) as Summary;
}

function write(path: string, summary: Summary): void {
  mkdirSync(dirname(path), { recursive: true });
  const text = JSON.stringify(summary, undefined, 2);
  // Seeds on one line, as the formatter wants them.
  const lists = text.replaceAll(
    /\[\s+([\d,\s]+?)\s+\]/g,
    (_, list: string) => `[${list.replaceAll(/,\s+/g, ", ")}]`,
  );
  writeFileSync(path, `${lists}\n`);
}

/** What was run: a commit, and whether anything was changed since. */
function commitNow(): string {
  const git = (...args: readonly string[]): string =>
    execFileSync("git", args, { encoding: "utf8" }).trim();
  const isClean = git("status", "--porcelain", "--", "packages") === "";
  return `${git("rev-parse", "HEAD")}${isClean ? "" : "-changed"}`;
}

function usage(text: string): number {
  console.error(text);
  return 2;
}
