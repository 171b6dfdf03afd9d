/** What is wrong with a config file: where, what, and what to write instead. One line each, as compilers print them. */
import { printable } from "../printable.ts";

/** Findings of one file that are told; the count of the others follows. */
export const CONFIG_FINDINGS_MAX: number = 100;

const whatCharsMost = 600;

export interface Place {
  /** From 1. */
  readonly line: number;
  /** From 1, in characters. */
  readonly column: number;
}

export interface ConfigFinding {
  /** Absent where the file as a whole is meant. */
  readonly at?: Place | undefined;
  /** What is wrong, a sentence; with "Did you mean" where that can be guessed. */
  readonly what: string;
  /** What to do, without a full stop. */
  readonly next: string;
}

/** `fleet.yaml:3:5: …. Next: ….` for each, in the order of the file; the parser may say one thing several times. */
export function findingLines(file: string, findings: readonly ConfigFinding[]): string[] {
  const sorted = findings.toSorted(
    ({ at: a }, { at: b }) =>
      (a?.line ?? 0) - (b?.line ?? 0) || (a?.column ?? 0) - (b?.column ?? 0),
  );
  const all = new Set(
    sorted.map(({ at, what, next }) => {
      const place = at === undefined ? "" : `:${at.line}:${at.column}`;
      return printable(`${file}${place}: ${shortened(what)} Next: ${next}.`);
    }),
  );
  const lines = [...all].slice(0, CONFIG_FINDINGS_MAX);
  const rest = all.size - lines.length;
  return rest === 0 ? lines : [...lines, `${printable(file)}: and ${rest} more.`];
}

/** A value may be as long as its file, and what is said of it goes to logs and into answers. */
function shortened(what: string): string {
  if (what.length <= whatCharsMost) return what;
  const half = whatCharsMost / 2;
  return `${what.slice(0, half)}…${what.slice(-half)}`;
}
