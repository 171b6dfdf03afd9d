/** Runs tests in a copy of the tree and says which of them failed by an assertion. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { toolPath } from "../tool.ts";
import type { Killer } from "./mutation.ts";

export interface KillerRun {
  readonly passed: readonly string[];
  /** By an assertion. */
  readonly failed: readonly string[];
  /** By anything else: an error in the code under test, a time-out, a file that did not load. */
  readonly broken: readonly string[];
}

/** The part of vitest's JSON report that is read here. */
interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly message: string;
    readonly status: string;
    readonly assertionResults: readonly {
      readonly title: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

const RUN_TIMEOUT_MS = 300_000;

/** Runs all killers of one project and title at once. */
export async function runKillers(dir: string, killers: readonly Killer[]): Promise<KillerRun> {
  const report = join(dir, ".mutation-report.json");
  const [{ project, title } = { project: "unit" }] = killers;
  const files = [...new Set(killers.map(({ file }) => file))];
  const args = ["run", "--project", project, "--reporter=json", `--outputFile=${report}`];
  if (title !== undefined) args.push("-t", literal(title));
  const output = await runVitest(dir, [...args, ...files]);
  if (!existsSync(report)) return { passed: [], failed: [], broken: [`vitest: ${output}`] };
  return readRun(JSON.parse(readFileSync(report, "utf8")) as Report);
}

async function runVitest(dir: string, args: readonly string[]): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<void>();
  // A group of its own, so that a mutation that never ends leaves nothing behind.
  const child = spawn(process.execPath, [toolPath("vitest"), ...args], {
    cwd: dir,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    env: { ...process.env, CI: "", PULSEMESH_LONG: "" },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-2_000);
    });
  const kill = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  };
  const overrun = setTimeout(kill, RUN_TIMEOUT_MS);
  child.once("close", () => resolve());
  await promise;
  clearTimeout(overrun);
  kill();
  return output;
}

function readRun(report: Report): KillerRun {
  const run = { passed: [] as string[], failed: [] as string[], broken: [] as string[] };
  for (const file of report.testResults) {
    if (file.status === "failed" && file.assertionResults.length === 0)
      run.broken.push(`${file.name}: ${file.message}`);
    for (const { title, status, failureMessages } of file.assertionResults) {
      if (status === "passed") run.passed.push(title);
      if (status !== "failed") continue;
      const [message = ""] = failureMessages;
      if (message.startsWith("AssertionError")) run.failed.push(title);
      else run.broken.push(`${title}: ${message.split("\n", 1)[0] ?? ""}`);
    }
  }
  return run;
}

/** vitest reads a title as a regular expression. */
function literal(title: string): string {
  return title.replaceAll(/[$()*+.?[\\\]^{|}]/g, "\\$&");
}
