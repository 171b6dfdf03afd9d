import { describe, expect, test } from "vitest";
import { LineMatcher, MATCH_MS_MAX, parsePattern } from "./line-matcher.ts";

describe("TL1 matching", () => {
  test("TL1 a line that matches is a success, one that also matches the fail pattern a fail, others are nothing", () => {
    const matcher = new LineMatcher(/done|ERROR/, /ERROR/);
    expect(matcher.match(["batch done", "", "ERROR done", "other", "ERROR"])).toEqual([
      { kind: "success", line: "batch done" },
      { kind: "fail", line: "ERROR done" },
      { kind: "fail", line: "ERROR" },
    ]);
    expect(matcher.match([])).toEqual([]);
    expect(new LineMatcher(/^a$/, undefined).match(["a", "b", "a"])).toHaveLength(2);
  });

  test("TL1 a pattern that takes longer than MATCH_MS_MAX on a line is stopped there, and goes on with the next", () => {
    const slow: string[] = [];
    const matcher = new LineMatcher(/^(a+)+$/, undefined, (line) => void slow.push(line));
    const evil = `${"a".repeat(40)}b`;
    const startMs = performance.now();
    expect(matcher.match(["aa", evil, "aaa"]).map(({ line }) => line)).toEqual(["aa", "aaa"]);
    expect(slow).toEqual([evil]);
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(MATCH_MS_MAX);
    expect(matcher.match(["a"])).toHaveLength(1);
  });

  test("TL1 a pattern that is none is refused by the flag's name, and a common mistake explained", () => {
    expect(() => parsePattern("(", "--match")).toThrow("Cannot use --match '('");
    expect(() => parsePattern("(?i)error", "--match")).toThrow("Did you mean (?i:error)?");
    expect(parsePattern("(?i:error)", "--match").test("ERROR")).toBe(true);
  });
});
