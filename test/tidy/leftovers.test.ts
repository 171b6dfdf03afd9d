import { expect, test } from "vitest";
import { leftoverProblems } from "./leftovers.ts";

test.each([
  "// TO" + "DO later",
  "FIX" + "ME",
  "test" + ".only('x')",
  "describe" + ".only('x')",
  "see /work/" + "shared/x",
  "host farm" + "-1",
  "a/." + "library/b",
])("leftoverProblems finds %j", (text) => {
  expect(leftoverProblems([{ path: "packages/core/src/a.ts", text }])).toHaveLength(1);
});

test("leftoverProblems accepts ordinary text", () => {
  const text = "the only test; a method is done; a library\nmapTODOs";
  expect(leftoverProblems([{ path: "packages/core/src/a.ts", text }])).toEqual([]);
});
