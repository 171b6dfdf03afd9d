/**
 * Says of each line what it is. Patterns are the user's, but lines are often strangers' (a request path, a user agent), and a pattern such
 * as `(a+)+$` can take for ever on a line made for it. So lines are matched where the engine can be stopped, and a line on which it was
 * stopped counts as no match.
 */
import { PulsemeshError } from "@pulsemesh/core";
import { type Context, createContext, Script } from "node:vm";

/** What one line may take; longer ones match nothing. */
export const MATCH_MS_MAX: number = 1_000;

export type LineKind = "success" | "fail";

export interface MatchedLine {
  readonly kind: LineKind;
  readonly line: string;
}

interface Work {
  lines: readonly string[];
  at: number;
  end: number;
  readonly match: RegExp;
  readonly failMatch: RegExp | undefined;
  readonly found: MatchedLine[];
}

const script = new Script(`{
  const { lines, end, match, failMatch, found } = work;
  for (; work.at < end; work.at++) {
    const line = lines[work.at];
    if (failMatch !== undefined && failMatch.test(line)) found.push({ kind: "fail", line });
    else if (match.test(line)) found.push({ kind: "success", line });
  }
}`);

export class LineMatcher {
  readonly #match: RegExp;
  readonly #failMatch: RegExp | undefined;
  readonly #tooSlow: (line: string) => void;
  readonly #context: Context = createContext({});

  /** `tooSlow` is told each line on which a pattern was stopped. */
  constructor(
    match: RegExp,
    failMatch: RegExp | undefined,
    tooSlow: (line: string) => void = () => {},
  ) {
    this.#match = match;
    this.#failMatch = failMatch;
    this.#tooSlow = tooSlow;
  }

  /** The lines that match, in order. One that both patterns match is a fail. */
  match(lines: readonly string[]): readonly MatchedLine[] {
    const work: Work = {
      lines,
      at: 0,
      end: lines.length,
      match: this.#match,
      failMatch: this.#failMatch,
      found: [],
    };
    this.#context["work"] = work;
    while (work.at < lines.length) {
      work.end = lines.length;
      if (ran(this.#context)) break;
      // Many lines together may take long on a busy machine: only one that takes long by itself is passed over.
      work.end = work.at + 1;
      if (ran(this.#context)) continue;
      this.#tooSlow(lines[work.at] ?? "");
      work.at += 1;
    }
    return work.found;
  }
}

/** False when it was stopped, at `work.at`. */
function ran(context: Context): boolean {
  try {
    script.runInContext(context, { timeout: MATCH_MS_MAX });
    return true;
  } catch (error) {
    if (isTimeout(error)) return false;
    throw error;
  }
}

function isTimeout(error: unknown): boolean {
  return (
    typeof error === "object" &&
    error !== null &&
    "code" in error &&
    error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT"
  );
}

/** Reads a pattern as JavaScript has them. @throws PulsemeshError `option-invalid` */
export function parsePattern(text: string, flag: string): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : "it is no pattern";
    const meant = text.startsWith("(?i)") ? ` Did you mean (?i:${text.slice(4)})?` : "";
    throw new PulsemeshError(
      "option-invalid",
      `Cannot use ${flag} '${text}' as it must be a regular expression: ${why}.${meant}`,
    );
  }
}
