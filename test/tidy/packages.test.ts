import { expect, test } from "vitest";
import { modeProblems, packageProblems } from "./packages.ts";

const manifest = (json: object) => ({
  path: "packages/a/package.json",
  text: JSON.stringify(json),
});
const readme = { path: "packages/a/README.md", text: "" };

test("packageProblems wants a README and a small set of entries", () => {
  expect(packageProblems([manifest({ exports: { ".": "./src/index.ts" } }), readme])).toEqual([]);
  expect(packageProblems([manifest({ exports: { ".": "./src/index.ts" } })])).toHaveLength(1);
  expect(
    packageProblems([manifest({ exports: { ".": "", "./b": "", "./c": "" } }), readme]),
  ).toHaveLength(1);
  expect(packageProblems([manifest({}), readme])).toHaveLength(1);
});

test("modeProblems wants bins executable and nothing else", () => {
  const files = [manifest({ bin: { a: "bin/a.js" } })];
  const modes = (bin: string, other: string) => [
    { path: "packages/a/bin/a.js", mode: bin },
    { path: "README.md", mode: other },
  ];
  expect(modeProblems(files, modes("100755", "100644"))).toEqual([]);
  expect(modeProblems(files, modes("100644", "100755"))).toHaveLength(2);
});
