import { expect, test } from "vitest";
import { nameProblems } from "./names.ts";

const named = (...paths: string[]) => nameProblems(paths.map((path) => ({ path, text: "" })));

test("nameProblems accepts kebab-case, dotfiles and pages in capitals", () => {
  expect(
    named(
      "packages/core/src/field-merge.test.ts",
      ".oxlintrc.json",
      ".ci/run",
      "docs/PACKAGE-GRAPH.md",
      "LICENSE",
      "docs/adr/0001-record-of-decisions.md",
      "test/tidy/a.long.test.ts",
    ),
  ).toEqual([]);
});

test.each([
  "packages/core/src/fieldMerge.ts",
  "packages/core/src/Field.ts",
  "test/snake_case.ts",
  "packages/core/src/utils.ts",
  "packages/core/src/helpers/a.ts",
  "test/util.test.ts",
])("nameProblems rejects %s", (path) => {
  expect(named(path)).toHaveLength(1);
});
