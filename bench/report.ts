/** Writes `docs/benchmarks.md` from the results that `npm run bench` has left: `node bench/report.ts`. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { BENCHES } from "./support/bench-table.ts";
import { progress } from "./support/figures.ts";
import { benchmarksPage } from "./support/page.ts";
import { readResult } from "./support/results.ts";

const OUT = fileURLToPath(new URL("../docs/benchmarks.md", import.meta.url));

const page = benchmarksPage(
  BENCHES.map(({ name, rows }) => {
    const stored = readResult(name);
    if (stored === undefined) return { name, measured: undefined };
    const { machine, measuredOn, remark, result } = stored;
    return { name, measured: { rows: rows(result), measuredOn, machine, remark } };
  }),
);
writeFileSync(OUT, page);
progress(`wrote ${OUT}`);
