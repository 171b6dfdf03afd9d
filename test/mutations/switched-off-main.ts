/**
 * Switches one rule off after the other and runs the scenario that must fail; writes docs/switched-off.md.
 *
 * `node test/mutations/switched-off-main.ts` tries every row; with rules, only those, and nothing is written. Exit 1 when a scenario passes without its
 * rule, or fails with it. It takes a quarter of an hour.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../tool.ts";
import { mutate } from "./mutation.ts";
import { mutations } from "./mutations.ts";
import { PAGE_PATH, pageOf, type Failed } from "./switched-off-page.ts";
import { commandOf, switchedOff, type SwitchedOff } from "./switched-off.ts";
import { copyTree } from "./tree-copy.ts";

const RUN_TIMEOUT_MS = 600_000;

/** What the simulator says of a scenario: undefined where nothing is wrong, else the first thing that is. */
function wrongIn(dir: string, row: SwitchedOff): string | undefined {
  const args = ["--max-semi-space-size=64", "packages/sim/src/main.ts", ...commandOf(row)];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: dir,
    encoding: "utf8",
    timeout: RUN_TIMEOUT_MS,
  });
  if (status === 0) return undefined;
  const line = stdout.split("\n").find((each) => / at \d+ ms: /.test(each));
  // Broken code that does not run shows nothing of the rule.
  if (status !== 1 || line === undefined) throw new Error(`${row.rule}: ${stderr.slice(-500)}`);
  return line.trim();
}

function withoutRule(row: SwitchedOff): string | undefined {
  const mutation = mutations.find(({ id }) => id === row.mutation);
  if (mutation === undefined) throw new Error(`There is no mutation '${row.mutation}'.`);
  const copy = copyTree(root);
  try {
    const path = join(copy.dir, mutation.file);
    writeFileSync(path, mutate(mutation, readFileSync(path, "utf8")));
    return wrongIn(copy.dir, row);
  } finally {
    copy.remove();
  }
}

const wanted = process.argv.slice(2);
const failed: Failed[] = [];
let isWell = true;
for (const row of switchedOff) {
  if (wanted.length > 0 && !wanted.includes(row.rule)) continue;
  const before = wrongIn(root, row);
  const said = before === undefined ? withoutRule(row) : undefined;
  if (said === undefined) isWell = false;
  else failed.push({ row, said });
  const problem = before === undefined ? "passes without it" : `fails with it: ${before}`;
  console.log(`${row.rule} ${row.mutation}: ${said ?? problem}`);
}
if (!isWell) process.exitCode = 1;
else if (wanted.length === 0) writeFileSync(join(root, PAGE_PATH), pageOf(failed));
