/**
 * What it takes a third party to check a verdict (rule VE10): a bundle of four real nodes, three of them accusers, with real keys, in a process that
 * does nothing else. Each round knows nothing of the one before, as a command that is run once; how long that command takes is another figure.
 *
 *   node bench/verdict.bench.ts [--rounds 500] [--commands 5]
 */
import { verifyVerdict } from "@pulsemesh/core";
import { createVerifierPorts } from "@pulsemesh/node";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runCli } from "../test/support/cli-process.ts";
import { figuresOf, progress, report, round } from "./support/figures.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "500" },
    commands: { type: "string", default: "5" },
  },
});
const FILE = fileURLToPath(new URL("../test/golden/verdict-1.json", import.meta.url));

/** Rounds until the code is compiled. */
const WARM_UP = 100;

const text = readFileSync(FILE, "utf8");
const { statements, ...rest } = JSON.parse(text) as { readonly statements: readonly string[] };
const verifyMs: number[] = [];
/** Says the same on a machine that others use. */
const verifyCpuMs: number[] = [];
let firstMs = Number.NaN;
for (let turn = 0; turn < WARM_UP + Number(values.rounds); turn += 1) {
  const startedCpu = process.threadCpuUsage();
  const startedMs = performance.now();
  const result = verifyVerdict(createVerifierPorts(), text);
  const tookMs = performance.now() - startedMs;
  const { user, system } = process.threadCpuUsage(startedCpu);
  if (!result.ok || result.check.result !== "true") throw new Error("the bundle is not true");
  if (turn === 0) firstMs = tookMs;
  if (turn < WARM_UP) continue;
  verifyMs.push(tookMs);
  verifyCpuMs.push((user + system) / 1_000);
}
progress(`${values.rounds} rounds, the first ${round(firstMs)} ms`);
const commandMs: number[] = [];
for (let turn = 0; turn < Number(values.commands); turn += 1) {
  const startedMs = performance.now();
  const { code, err } = await runCli(["verify-verdict", FILE]);
  if (code !== 0) throw new Error(`verify-verdict ended with ${code}: ${err}`);
  commandMs.push(performance.now() - startedMs);
}
report("verdict", {
  accusers: 3,
  bytes: Buffer.byteLength(text),
  bytesBeyondStatements: Buffer.byteLength(JSON.stringify(rest)),
  statements: statements.length,
  verifyMs: figuresOf(verifyMs),
  verifyCpuMs: figuresOf(verifyCpuMs),
  firstMs: round(firstMs),
  commandMs: figuresOf(commandMs),
});
