import { expect, test } from "vitest";
import { leftoverProblems } from "./leftovers.ts";

/** Absolute, and spelled so that this file does not find itself. */
const below = (...folders: readonly string[]): string => ["", ...folders].join("/");

test.each([
  "// TO" + "DO later",
  "FIX" + "ME",
  "test" + ".only('x')",
  "describe" + ".only('x')",
  `see ${below("home", "ada", "notes.md")}`,
  `see "${below("Users", "ada")}"`,
  `file://${below("root", "key")}`,
  `cd ${below("work", "tree")}`,
  `(${below("workspace", "tree")})`,
  ["C:", "Users", "ada"].join("\\"),
])("leftoverProblems finds %j", (text) => {
  expect(leftoverProblems([{ path: "packages/core/src/a.ts", text }])).toHaveLength(1);
});

test("leftoverProblems accepts ordinary text, folders of nobody and words in the middle of a path", () => {
  const text = [
    "the only test; a method is done",
    "mapTODOs",
    below("home", "me", ".local"),
    "https://example.org/home/page",
    "src/work/a.ts, **/root/b.ts",
    "the /root/ of all",
  ].join("\n");
  expect(leftoverProblems([{ path: "packages/core/src/a.ts", text }])).toEqual([]);
});
