/**
 * Breaks rules on purpose and shows that a test notices each time.
 *
 * `node test/mutations/main.ts` tries every mutation and writes docs/mutations.md; with ids, or the beginnings of ids, only those, and
 * nothing is written. Exit 1 when a mutation survives, no longer matches its file, or its test fails without it.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../tool.ts";
import { mutations } from "./mutations.ts";
import { tryAll } from "./try-all.ts";
import { TABLE_PATH, tableOf } from "./table.ts";

const wanted = process.argv.slice(2);
const chosen = mutations.filter(
  ({ id }) => wanted.length === 0 || wanted.some((name) => id.startsWith(name)),
);
const { killed, problems } = await tryAll(chosen, (line) => console.log(line));
for (const problem of problems) console.error(problem);
console.log(`${killed.length} of ${chosen.length} mutations noticed`);
if (problems.length > 0 || chosen.length === 0) process.exitCode = 1;
else if (wanted.length === 0) writeFileSync(join(root, TABLE_PATH), tableOf(killed));
