import { expect, test } from "vitest";
import { importedPackages, importProblems } from "./imports.ts";

test("importedPackages reads imports and re-exports, static and dynamic, by package name", () => {
  const text = [
    `import "a";`,
    `import { b } from "b/deep.js";`,
    `import {\n  type C,\n} from "@c/c/deep";`,
    `export * from "d";`,
    `const e = await import("e");`,
    `import f from "node:fs"; // import "g"`,
    `import { h } from "./h.ts";`,
    `export const i = "j";`,
  ].join("\n");
  expect(importedPackages(text)).toEqual(["a", "b", "@c/c", "d", "e"]);
});

test("importProblems wants what sources use in the package's own manifest, and lets tests use the root's", () => {
  const problems = importProblems([
    { path: "package.json", text: `{ "name": "root", "devDependencies": { "vitest": "1" } }` },
    { path: "packages/a/package.json", text: `{ "name": "a", "dependencies": { "b": "1" } }` },
    {
      path: "packages/a/src/a.ts",
      text: `import "b";\nimport "@pulsemesh/core";\nimport "vitest";`,
    },
    {
      path: "packages/a/src/a.test.ts",
      text: `import "b";\nimport "vitest";\nimport "@pulsemesh/testkit";\nimport "c";`,
    },
  ]);
  expect(problems.map((line) => /imports (\S+),/.exec(line)?.[1])).toEqual([
    "@pulsemesh/core",
    "vitest",
    "c",
  ]);
});
