/**
 * What `npm test` runs: every vitest project in two groups, one after the other, so that tests which measure time between
 * processes never compete with the simulator, which burns CPU for minutes. The whole run has a time limit. The last line printed is
 * `N passed, N failed`.
 *
 * `npm test -- some/filter` passes the filter on; `npm run test:long` adds the files named `*.long.test.ts`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  addTotals,
  countReport,
  failSkipped,
  noTests,
  summaryLine,
  type Totals,
  type VitestReport,
} from "./report.ts";
import { root, toolPath } from "./tool.ts";

interface Group {
  readonly name: string;
  readonly projects: readonly string[];
  readonly workers: number;
}

const groups: readonly Group[] = [
  { name: "simulation", projects: ["sim"], workers: 2 },
  // Processes wait more than they compute, so units fill the gaps.
  {
    name: "everything else",
    projects: ["unit", "tidy", "integration", "e2e", "chaos"],
    workers: 3,
  },
];

const killGraceMs = 5_000;
/** Ten on two quiet cores, twenty on two slow ones. The limit is for what hangs: one that a slow machine meets would hide what failed. */
const shortRunMinutesMax = 45;
const longRunMinutesMax = 600;

const args = process.argv.slice(2);
const long = args.includes("--long");
const filters = args.filter((arg) => arg !== "--long");
const byTitle = filters.some((arg) => arg === "-t" || arg.startsWith("--testNamePattern"));
const minutesMax = Number(
  process.env["PULSEMESH_TEST_MINUTES"] ?? (long ? longRunMinutesMax : shortRunMinutesMax),
);
const deadlineMs = performance.now() + minutesMax * 60_000;
const reports = join(root, ".cache", "test");

let current: ChildProcess | undefined;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    killGroup(current, "SIGKILL");
    process.exit(130);
  });
}

process.exitCode = await main();

async function main(): Promise<number> {
  rmSync(reports, { recursive: true, force: true });
  mkdirSync(reports, { recursive: true });
  let totals = noTests;
  for (const group of groups) {
    totals = addTotals(totals, await runGroup(group));
  }
  if (process.env["CI"] === "true" && !byTitle && totals.skipped.length > 0) {
    console.log(`Skipped, which counts as failed where CI=true:\n  ${totals.skipped.join("\n  ")}`);
    totals = failSkipped(totals);
  }
  if (totals.passed + totals.failed + totals.skipped.length === 0) {
    console.log(`No test matches: ${filters.join(" ")}`);
    totals = { ...totals, failed: 1 };
  }
  console.log(summaryLine(totals));
  return totals.failed === 0 ? 0 : 1;
}

async function runGroup(group: Group): Promise<Totals> {
  const report = join(reports, `${group.name}.json`);
  const child = spawn(
    process.execPath,
    [
      toolPath("vitest"),
      "run",
      ...group.projects.flatMap((name) => ["--project", name]),
      `--maxWorkers=${group.workers}`,
      ...(group.workers === 1 ? ["--no-file-parallelism"] : []),
      "--passWithNoTests",
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${report}`,
      ...filters,
    ],
    {
      cwd: root,
      stdio: ["ignore", "inherit", "inherit"],
      // A process group of its own: on overrun everything that the tests started goes with it.
      detached: process.platform !== "win32",
      env: { ...process.env, ...(long ? { PULSEMESH_LONG: "1" } : {}) },
    },
  );
  current = child;
  const exitCode = await endOf(child, group);
  current = undefined;
  return countReport(readReport(report), exitCode);
}

function endOf(child: ChildProcess, group: Group): Promise<number | null> {
  const { promise, resolve } = Promise.withResolvers<number | null>();
  const overrun = setTimeout(
    () => {
      console.error(
        `The time limit of ${minutesMax} min was reached in the group '${group.name}' ` +
          `(${group.projects.join(", ")}); stopping process group ${child.pid}. Tests without a result above were still ` +
          "running or had not begun. PULSEMESH_TEST_MINUTES=90 npm test allows more.",
      );
      killGroup(child, "SIGTERM");
      setTimeout(() => killGroup(child, "SIGKILL"), killGraceMs).unref();
    },
    Math.max(deadlineMs - performance.now(), 1),
  );
  child.once("exit", (code) => {
    clearTimeout(overrun);
    // Whatever a test left behind in its process group must not disturb the next group.
    killGroup(child, "SIGKILL");
    resolve(code);
  });
  return promise;
}

function killGroup(child: ChildProcess | undefined, signal: "SIGTERM" | "SIGKILL"): void {
  if (child?.pid === undefined) return;
  try {
    process.kill(process.platform === "win32" ? child.pid : -child.pid, signal);
  } catch {
    // It has ended by itself.
  }
}

function readReport(path: string): VitestReport | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as VitestReport;
  } catch {
    return undefined;
  }
}
