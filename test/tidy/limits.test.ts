import { expect, test } from "vitest";
import { limitProblems, limitsOf } from "./limits.ts";

const source = {
  path: "packages/core/src/queue.ts",
  text: [
    "export const queueItemsMax = 10;",
    "const FRAME_BYTES_MAX = 1;",
    "export const preset = {",
    "  payloadBytesMax: 8_192,",
    "};",
    "interface Options { readonly otherMax: number }",
    "function f() {",
    "  const heightMax = Math.max(1, 2);",
    "}",
  ].join("\n"),
};

test("limitsOf finds module constants and numbers in objects, not types and locals", () => {
  expect(limitsOf([source]).map(({ name }) => name)).toEqual([
    "queueItemsMax",
    "FRAME_BYTES_MAX",
    "payloadBytesMax",
  ]);
});

test("limitProblems names each limit that no title names", () => {
  const text = `test("PU1 drops the oldest beyond queueItemsMax", f); test("payloadBytesMaxi", f);`;
  const problems = limitProblems([source, { path: "packages/core/src/queue.test.ts", text }]);
  expect(problems).toHaveLength(2);
  expect(problems.join("\n")).toContain("FRAME_BYTES_MAX");
  expect(problems.join("\n")).toContain("payloadBytesMax");
});
