import { expect, test } from "vitest";
import { lockProblems } from "./lock.ts";

const problems = (entry: object, allowScripts: object = {}) =>
  lockProblems(
    JSON.stringify({ packages: { "node_modules/a/node_modules/b": entry } }),
    JSON.stringify({ allowScripts }),
  );

test("lockProblems accepts links between workspaces and scripts that are decided on", () => {
  expect(problems({ resolved: "packages/cli", link: true })).toEqual([]);
  expect(problems({ hasInstallScript: true }, { b: true })).toEqual([]);
});

test("lockProblems rejects hosts and unnamed install scripts", () => {
  expect(problems({ resolved: "https://registry.example/b.tgz" })).toHaveLength(1);
  expect(problems({ resolved: "git+ssh://host/b" })).toHaveLength(1);
  expect(problems({ hasInstallScript: true })).toHaveLength(1);
});
