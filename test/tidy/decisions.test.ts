import { expect, test } from "vitest";
import { decisionProblems, dependencyProblems } from "./decisions.ts";

const page = (path: string, text: string) => ({ path: `docs/adr/${path}.md`, text });

test("decisionProblems accepts pages of one number each, and what refers to them", () => {
  const spec = { path: "docs/SPEC.md", text: "as decided (ADR 0012)" };
  expect(
    decisionProblems([page("0001-tools", "# 1. Tools"), page("0012-x", "# 0012 X"), spec]),
  ).toEqual([]);
});

test("decisionProblems finds a number used twice, a wrong title and a page that is not there", () => {
  const spec = { path: "docs/SPEC.md", text: "as decided (ADR 0009)" };
  const problems = decisionProblems([
    page("0002-a", "# 0002 A"),
    page("0002-b", "# 0002 B"),
    page("0003-c", "# 0004 C"),
    spec,
  ]);
  expect(problems).toEqual([
    "docs/adr: docs/adr/0002-a.md and docs/adr/0002-b.md share the number 0002.",
    'docs/adr/0003-c.md: the title must begin with "# 0003".',
    "docs/SPEC.md: there is no ADR 0009.",
  ]);
});

test("dependencyProblems finds a dependency without a line and a line without a dependency", () => {
  const record = page("0001-record-of-decisions", "| package |\n| `yjs`, `level` | x |\n");
  const manifest = (dependencies: object, devDependencies: object = {}) => ({
    path: "packages/core/package.json",
    text: JSON.stringify({ dependencies, devDependencies }),
  });
  expect(
    dependencyProblems([record, manifest({ yjs: "1", "@pulsemesh/core": "*" }, { level: "1" })]),
  ).toEqual([]);
  const problems = dependencyProblems([record, manifest({ yjs: "1", zod: "1" })]).join("\n");
  expect(problems).toContain("a line for 'zod' is missing");
  expect(problems).toContain("no package.json has 'level'");
});
