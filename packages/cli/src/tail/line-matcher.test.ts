import { describe, expect, test } from "vitest";
import { LineMatcher, MATCH_MS_MAX, parsePattern } from "./line-matcher.ts";

const goOn = new AbortController().signal;

async function found(matcher: LineMatcher, lines: readonly string[]): Promise<readonly string[]> {
  const taken: string[] = [];
  await matcher.match(lines, (kind, line) => void taken.push(`${kind} ${line}`), goOn);
  return taken;
}

describe("TL1 matching", () => {
  test("TL1 a line that matches is a success, one that also matches the fail pattern a fail, others are nothing", async () => {
    const matcher = new LineMatcher(/done|ERROR/, /ERROR/);
    expect(await found(matcher, ["batch done", "", "ERROR done", "other", "ERROR"])).toEqual([
      "success batch done",
      "fail ERROR done",
      "fail ERROR",
    ]);
    expect(await found(matcher, [])).toEqual([]);
    expect(await found(new LineMatcher(/^a$/, undefined), ["a", "b", "a"])).toHaveLength(2);
  });

  test("TL1 TL4 a pattern that takes longer than MATCH_MS_MAX on a line is stopped there; everything else has its turn before the next, a stop too", async () => {
    const seen: string[] = [];
    const evil = `${"a".repeat(40)}b`;
    const stop = new AbortController();
    const matcher = new LineMatcher(/^(a+)+$/, undefined, {
      tooSlow: (line) => void seen.push(`slow ${line}`),
      pause: async () => {
        if (seen.push("pause") === 6) stop.abort();
      },
    });
    const lines = ["aa", evil, "aaa", evil, "a"];
    const startMs = performance.now();
    await matcher.match(lines, (_kind, line) => void seen.push(line), stop.signal);
    expect(seen).toEqual(["aa", `slow ${evil}`, "pause", "aaa", `slow ${evil}`, "pause"]);
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(2 * MATCH_MS_MAX);
  });

  test("TL1 a pattern that is none is refused by the flag's name, and a common mistake explained", () => {
    expect(() => parsePattern("(", "--match")).toThrow("Cannot use --match '('");
    expect(() => parsePattern("(?i)error", "--match")).toThrow("Did you mean (?i:error)?");
    expect(parsePattern("(?i:error)", "--match").test("ERROR")).toBe(true);
  });
});
