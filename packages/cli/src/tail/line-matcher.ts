/**
 * Says of each line what it is. Patterns are the user's, but lines are often strangers' (a request path, a user agent), and a pattern such
 * as `(a+)+$` can take for ever on a line made for it. So lines are matched where the engine can be stopped, and a line on which it was
 * stopped counts as no match.
 */
import { PulsemeshError } from "@pulsemesh/core";
import { setTimeout as wait } from "node:timers/promises";
import { type Context, createContext, Script } from "node:vm";

/** What one line may take; longer ones match nothing. */
export const MATCH_MS_MAX: number = 1_000;

export type LineKind = "success" | "fail";

export interface MatcherOptions {
  /** Is told each line on which a pattern was stopped. */
  readonly tooSlow?: ((line: string) => void) | undefined;
  /** After each of those; a parameter for tests. */
  readonly pause?: ((ms: number) => Promise<void>) | undefined;
}

/** A stopped pattern has had this process for itself: whoever can write such lines by the thousand must not silence the robot with them. */
const othersTurnMs = 200;

interface Work {
  lines: readonly string[];
  at: number;
  end: number;
  readonly match: RegExp;
  readonly failMatch: RegExp | undefined;
  readonly take: (kind: LineKind, line: string) => void;
}

const script = new Script(`{
  const { lines, end, match, failMatch, take } = work;
  for (; work.at < end; work.at++) {
    const line = lines[work.at];
    if (failMatch !== undefined && failMatch.test(line)) take("fail", line);
    else if (match.test(line)) take("success", line);
  }
}`);

export class LineMatcher {
  readonly #match: RegExp;
  readonly #failMatch: RegExp | undefined;
  readonly #tooSlow: (line: string) => void;
  readonly #pause: (ms: number) => Promise<void>;
  readonly #context: Context = createContext({});

  constructor(match: RegExp, failMatch: RegExp | undefined, options: MatcherOptions = {}) {
    this.#match = match;
    this.#failMatch = failMatch;
    this.#tooSlow = options.tooSlow ?? (() => {});
    this.#pause = options.pause ?? ((ms) => wait(ms));
  }

  /**
   * Hands over the lines that match, in order. One that both patterns match is a fail.
   * @param signal - ends it at the next line on which a pattern was stopped
   */
  async match(
    lines: readonly string[],
    take: (kind: LineKind, line: string) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const work: Work = {
      lines,
      at: 0,
      end: lines.length,
      match: this.#match,
      failMatch: this.#failMatch,
      take,
    };
    this.#context["work"] = work;
    if (ran(this.#context)) return;
    // Many lines together may take long on a busy machine: only one that takes long by itself is passed over.
    while (work.at < lines.length) {
      work.end = work.at + 1;
      if (ran(this.#context)) continue;
      this.#tooSlow(lines[work.at] ?? "");
      work.at += 1;
      await this.#pause(othersTurnMs);
      if (signal.aborted) return;
    }
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
