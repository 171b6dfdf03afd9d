import { expect, test } from "vitest";
import { unitProblems } from "./units.ts";

const problems = (text: string) => unitProblems([{ path: "packages/core/src/a.ts", text }]);

test.each([
  "const dialTimeout = 5_000;",
  "export const TIMEOUT = 10;",
  "  readonly interval: number = 3;",
  "  #retryDelay = 100;",
  "const limit = 15000;",
])("unitProblems rejects %s", (text) => {
  expect(problems(text)).toHaveLength(1);
});

test.each([
  "const dialTimeoutMs = 5_000;",
  "const timeout = setTimeout(f, 10);",
  "vi.waitFor(f, { timeout: 500 });",
  'const port = "12345"; // 12345',
  "const big = 0x12345678; const n = 1234; const f = 1.123456;",
])("unitProblems accepts %s", (text) => {
  expect(problems(text)).toEqual([]);
});
