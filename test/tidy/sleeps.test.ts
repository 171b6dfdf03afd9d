import { expect, test } from "vitest";
import { sleepProblems } from "./sleeps.ts";

const problems = (text: string, path = "packages/node/src/a.test.ts") =>
  sleepProblems([{ path, text }]);

test.each([
  "await new Promise((r) => setTimeout(r, 10));",
  "setTimeout(() => {\n  f(1, 2);\n}, delayMs);",
  "setInterval(f, 1);",
  'import { setTimeout as sleep } from "node:timers/promises";',
])("sleepProblems rejects %j", (text) => {
  expect(problems(text)).toHaveLength(1);
});

test("sleepProblems accepts a turn of the event loop, and waiting in tests of several processes", () => {
  expect(problems("await new Promise((r) => setTimeout(r, 0)); setTimeout(f);")).toEqual([]);
  expect(problems("setTimeout(f, 10)", "test/e2e/a.test.ts")).toEqual([]);
});
