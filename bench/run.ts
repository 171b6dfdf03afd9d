/**
 * Runs benches one after the other, each in a process of its own, and keeps their results for `bench/report.ts`.
 *
 *   npm run bench                      all but soak, which takes a day; detection takes most of an hour
 *   npm run bench -- beats records     only these
 *   npm run bench -- detection --nodes 10 --rounds 5     one, with its own options
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { BENCHES, type Bench } from "./support/bench-table.ts";
import { progress } from "./support/figures.ts";
import { storeResult } from "./support/results.ts";

const args = process.argv.slice(2);
const firstOption = args.findIndex((arg) => arg.startsWith("-"));
const names = firstOption < 0 ? args : args.slice(0, firstOption);
const options = firstOption < 0 ? [] : args.slice(firstOption);
const chosen =
  names.length === 0
    ? BENCHES.filter(({ isLong }) => isLong !== true)
    : BENCHES.filter((bench) => names.includes(bench.name));
const unknown = names.filter((name) => !BENCHES.some((bench) => bench.name === name));

if (unknown.length > 0 || (options.length > 0 && chosen.length !== 1)) {
  const all = BENCHES.map(({ name }) => name).join(", ");
  progress(
    unknown.length > 0
      ? `There is no bench ${unknown.join(", ")}. There are: ${all}`
      : `Options belong to one bench. Name it: ${all}`,
  );
  process.exitCode = 2;
} else {
  for (const bench of chosen) if (!(await run(bench))) process.exitCode = 1;
}

/** False when the bench failed. */
async function run(bench: Bench): Promise<boolean> {
  progress(`\n=== ${bench.name}`);
  const main = fileURLToPath(new URL(bench.file, import.meta.url));
  const child = spawn(
    process.execPath,
    [...process.execArgv, main, ...(bench.options ?? []), ...options],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  let text = "";
  for await (const chunk of child.stdout) text += String(chunk);
  const code = await ended;
  if (code !== 0) {
    progress(`${bench.name} failed: exit code ${code}`);
    return false;
  }
  const result: unknown = JSON.parse(text);
  storeResult(bench.name, result);
  for (const { what, goal, measured, baseLine } of bench.rows(result)) {
    process.stdout.write(`${what}\n    goal ${goal}\n    measured ${measured}\n`);
    if (baseLine !== "") process.stdout.write(`    base line ${baseLine}\n`);
  }
  return true;
}
