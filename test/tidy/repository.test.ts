/** The repository itself must pass every check. What each check rejects is shown in the test file beside it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../tool.ts";
import { classProblems } from "./classes.ts";
import { decisionProblems, dependencyProblems } from "./decisions.ts";
import { entryProblems } from "./entries.ts";
import { fuzzerProblems } from "./fuzzers.ts";
import { importProblems } from "./imports.ts";
import { leftoverProblems } from "./leftovers.ts";
import { limitProblems, limitTwinProblems } from "./limits.ts";
import { linkProblems } from "./links.ts";
import { lockProblems } from "./lock.ts";
import { nameProblems } from "./names.ts";
import { modeProblems, packageProblems } from "./packages.ts";
import { type Check, repoFiles, trackedModes } from "./repository.ts";
import { sleepProblems } from "./sleeps.ts";
import { specIdProblems } from "./spec-ids.ts";
import { specLimitProblems } from "./spec-limits.ts";
import { unitProblems } from "./units.ts";

const files = repoFiles();

const checks: Readonly<Record<string, Check>> = {
  "every rule of the specification is quoted by a test, and no other": specIdProblems,
  "every limit is named by the title of a test that hits it": limitProblems,
  "a limit's name has one value": limitTwinProblems,
  "the specification's tables of limits say what the code says": specLimitProblems,
  "decisions have a number each": decisionProblems,
  "the record of decisions names every dependency and no other": dependencyProblems,
  "one command reaches every fuzzer": fuzzerProblems,
  "relative links in Markdown lead somewhere": linkProblems,
  "file names are kebab-case and name a concept": nameProblems,
  "no notes to oneself, focused tests or folders of one machine are left": leftoverProblems,
  "durations carry their unit and long numbers are grouped": unitProblems,
  "unit tests never wait for real time": sleepProblems,
  "classes extend errors and event targets only and hide with #names": classProblems,
  "an index only re-exports, and core's driver ports are types": entryProblems,
  "every imported package is declared where it is used": importProblems,
  "every package has a README and few entries": packageProblems,
  "exactly the programs are executable": (all) => modeProblems(all, trackedModes()),
  "the lock file names no host and no surprise install script": () =>
    lockProblems(
      readFileSync(join(root, "package-lock.json"), "utf8"),
      readFileSync(join(root, "package.json"), "utf8"),
    ),
};

for (const [name, check] of Object.entries(checks)) {
  test(name, () => {
    expect(check(files).join("\n")).toBe("");
  });
}

test("the checks see the repository", () => {
  expect(files.map(({ path }) => path)).toEqual(
    expect.arrayContaining(["package.json", "packages/core/package.json", "test/run.ts"]),
  );
});
