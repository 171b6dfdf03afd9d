import { expect, test } from "vitest";
import { fuzzerProblems } from "./fuzzers.ts";

const problems = (text: string, path = "packages/core/src/a.test.ts"): string[] =>
  fuzzerProblems([{ path, text }]);

test("fuzzerProblems accepts a fuzzer that is called one, and tests that are none", () => {
  expect(problems(`test("P6 fuzz: a", () => { fuzz("a", once); });`)).toEqual([]);
  expect(problems(`const runs = env["PULSEMESH_FUZZ_RUNS"]; test("P6 fuzz: a", f);`)).toEqual([]);
  expect(problems(`test("P6 a", f);`)).toEqual([]);
});

test("fuzzerProblems finds a fuzzer with another title and a variable of its own", () => {
  expect(problems(`test("P6 a", () => { fuzz("a", once); });`)).toHaveLength(1);
  expect(problems("`PULSEMESH_FUZZ=7`, PULSEMESH_FUZZ_INPUTS", "docs/SPEC.md")).toHaveLength(2);
});
