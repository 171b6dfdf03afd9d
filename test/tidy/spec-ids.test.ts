import { expect, test } from "vitest";
import { idsOfSpec, idsOfTitle, specIdProblems } from "./spec-ids.ts";

test.each([
  ["PU4 offset may not rise", ["PU4"]],
  ["PU4: offset", ["PU4"]],
  ["PU4, VE3b: both", ["PU4", "VE3b"]],
  ["CH1 and DU2 hold", ["CH1", "DU2"]],
  ["CH1/CH2 hold", ["CH1", "CH2"]],
  ["PU4 VE3 hold", ["PU4", "VE3"]],
  ["keeps PU4", []],
  ["ISO-8601 times", []],
  ["PU4x5 is no id", []],
])("idsOfTitle reads the ids at the start of %j", (title, ids) => {
  expect(idsOfTitle(title)).toEqual(ids);
});

test("idsOfSpec reads bold ids at the start of list items only", () => {
  expect(idsOfSpec("- **PU1** a\n  * **PU2b** b\n**PU3** c\nsee **PU4**\n- PU5")).toEqual([
    "PU1",
    "PU2b",
  ]);
});

const spec = { path: "docs/SPEC.md", text: "- **PU1** a\n- **PU2** b\n- **PU2** again\n" };
const tests = { path: "packages/core/src/a.test.ts", text: `test("PU1 x", f); test("VE9 y", f);` };

test("specIdProblems names the rule without a test, the unknown id and the double definition", () => {
  const problems = specIdProblems([spec, tests]).join("\n");
  expect(problems).toContain("no test title starts with PU2");
  expect(problems).toContain("quotes VE9");
  expect(problems).toContain("PU2 is defined twice");
  expect(problems).not.toContain("PU1");
});

test("specIdProblems says so when there is no specification, or an empty one", () => {
  expect(specIdProblems([tests])).toHaveLength(1);
  expect(specIdProblems([{ ...spec, text: "# Spec" }, tests])).toHaveLength(1);
});
