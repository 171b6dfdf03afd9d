import { describe, expect, test } from "vitest";
import { titlesIn, titlesOf } from "./titles.ts";

describe("titlesIn", () => {
  test("reads describe, test and it with every kind of quote", () => {
    expect(titlesIn(`describe("a", () => { test('b', f); it(\`c \${x}\`, f); });`)).toEqual([
      "a",
      "b",
      "c ${x}",
    ]);
  });

  test("looks behind each, skipIf and nested brackets", () => {
    const source = `test.each([[1, f(")")], [2, g()]])("PU4 case %i", run);\ntest.skipIf(no())("VE3 x", run);`;
    expect(titlesIn(source)).toEqual(["PU4 case %i", "VE3 x"]);
  });

  test("reads the titles of a table of cases and ignores comments and other calls", () => {
    const source = `const cases = [{ title: "CH1 first" }];\n// test("no")\nregex.test("x".y); contest("no");`;
    expect(titlesIn(source)).toContain("CH1 first");
    expect(titlesIn(source)).not.toContain("no");
  });
});

test("titlesOf reads tests and contract suites, not sources and not tidy's own samples", () => {
  const file = (path: string) => ({ path, text: `test("${path}", f)` });
  const paths = [
    "packages/core/src/a.test.ts",
    "packages/testkit/src/store.ts",
    "test/e2e/a.test.ts",
  ];
  const files = [...paths, "packages/core/src/a.ts", "test/tidy/a.test.ts"].map(file);
  expect(titlesOf(files).map(({ title }) => title)).toEqual(paths);
});
