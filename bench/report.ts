/** Writes `docs/benchmarks.md` from the results that `npm run bench` has left: `node bench/report.ts`. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { BENCHES } from "./support/bench-table.ts";
import { progress } from "./support/figures.ts";
import { readResult } from "./support/results.ts";

const OUT = fileURLToPath(new URL("../docs/benchmarks.md", import.meta.url));
const lines: string[] = [];
const machines = new Map<string, number>();
for (const { name, rows } of BENCHES) {
  const stored = readResult(name);
  if (stored === undefined) {
    lines.push(`| ${name} | | not measured | | |`);
    continue;
  }
  const { machine, measuredOn, result } = stored;
  if (!machines.has(machine)) machines.set(machine, machines.size + 1);
  const where = `${measuredOn}, machine ${machines.get(machine)}`;
  for (const { what, goal, measured, baseLine } of rows(result))
    lines.push(`| ${[what, goal, measured, baseLine, where].map(cell).join(" | ")} |`);
}
const text = `# Benchmarks

Written by \`node bench/report.ts\` from what \`npm run bench\` measured. Base lines are from the same run unless they name another system.

| what | goal | measured | base line | when and where |
|---|---|---|---|---|
${lines.join("\n")}

${[...machines].map(([machine, number]) => `Machine ${number}: ${machine}`).join("\n\n")}
`;
writeFileSync(OUT, text);
progress(`wrote ${OUT}`);

function cell(value: string): string {
  return value.replaceAll("|", "\\|").replaceAll("\n", " ");
}
