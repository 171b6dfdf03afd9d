/** What `npm run check` runs: everything but the tests. All steps run, each with its time; the exit code is 1 if one failed. */
import { join } from "node:path";
import { root, runScript, toolPath } from "./tool.ts";

interface Step {
  readonly name: string;
  readonly script: string;
  readonly args: readonly string[];
  /** What to run when it fails. */
  readonly repair: string;
}

const steps: readonly Step[] = [
  { name: "format", script: toolPath("oxfmt"), args: ["--check"], repair: "npm run format" },
  {
    name: "lint",
    script: toolPath("oxlint"),
    args: ["--type-aware", "--deny-warnings"],
    repair: "npm run lint",
  },
  {
    name: "types",
    script: toolPath("typescript", "tsc"),
    args: ["-b", "--pretty", "false"],
    repair: "npm run types",
  },
  {
    name: "unused",
    script: toolPath("knip"),
    args: ["--no-progress", "--no-config-hints"],
    repair: "npx knip",
  },
  {
    name: "generated",
    script: join(root, "test", "generate.ts"),
    args: ["--check"],
    repair: "node test/generate.ts",
  },
];

const failed: string[] = [];
for (const { name, script, args, repair } of steps) {
  const startMs = performance.now();
  const { status, stdout, stderr, error } = runScript(script, args);
  const tookMs = Math.round(performance.now() - startMs);
  console.log(`${status === 0 ? "ok    " : "FAILED"} ${name} ${tookMs} ms`);
  if (status !== 0) {
    failed.push(name);
    process.stdout.write(stdout + stderr);
    console.log(`Try: ${repair}${error === undefined ? "" : ` (${error.message})`}`);
  }
}
console.log(failed.length === 0 ? "check passed" : `check failed: ${failed.join(", ")}`);
process.exitCode = failed.length === 0 ? 0 : 1;
