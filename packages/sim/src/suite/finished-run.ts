/** What is kept of a finished run: one line of JSON each, so that a suite that was interrupted goes on where it was. */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Violation } from "../checks/check.ts";
import type { Kpi } from "../kpi/kpi.ts";
import { nameOf, type Cell } from "./suites.ts";

export interface FinishedRun {
  readonly commit: string;
  readonly cell: Cell;
  readonly hash: string;
  readonly violations: readonly Violation[];
  readonly kpi: Kpi;
  readonly note: string | undefined;
}

/** A file of finished runs; a torn last line, as a kill leaves it, is a run that is not finished. */
export class FinishedRuns {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Those of one commit; of two of one name the later counts. */
  read(commit: string): readonly FinishedRun[] {
    const lines = existsSync(this.#path) ? readFileSync(this.#path, "utf8").split("\n") : [];
    const runs = new Map<string, FinishedRun>();
    for (const line of lines) {
      const run = parse(line);
      if (run?.commit === commit) runs.set(nameOf(run.cell), run);
    }
    return [...runs.values()];
  }

  append(run: FinishedRun): void {
    mkdirSync(dirname(this.#path), { recursive: true });
    const isTorn = existsSync(this.#path) && !readFileSync(this.#path, "utf8").endsWith("\n");
    appendFileSync(this.#path, `${isTorn ? "\n" : ""}${JSON.stringify(run)}\n`);
  }
}

function parse(line: string): FinishedRun | undefined {
  try {
    return line === "" ? undefined : (JSON.parse(line) as FinishedRun);
  } catch {
    return undefined;
  }
}
