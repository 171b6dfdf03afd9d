import { expect, test } from "vitest";
import { linkProblems } from "./links.ts";

const page = (text: string) => [
  { path: "docs/adr/0001.md", text },
  { path: "README.md", text: "" },
  { path: "docs/SPEC.md", text: "" },
];

test("linkProblems follows relative links to files and folders", () => {
  const text =
    "[a](../../README.md#top) [b](../SPEC.md) [c](../adr/) [d](#here) [e](https://x.org/y)";
  expect(linkProblems(page(text))).toEqual([]);
});

test("linkProblems names links that lead nowhere, in every form", () => {
  const text = '[a](README.md) ![b](img.png "t")\n[c]: ../no.md\n';
  expect(linkProblems(page(text))).toHaveLength(3);
});

test("linkProblems ignores code", () => {
  expect(linkProblems(page("`[a](b.md)`\n```\n[a](b.md)\n```\n"))).toEqual([]);
});
