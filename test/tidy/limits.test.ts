import { expect, test } from "vitest";
import { limitProblems, limitsOf, limitTwinProblems } from "./limits.ts";

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

test("limitTwinProblems demands one value of one name, however it is spelled", () => {
  const at = (path: string, text: string) => ({ path: `packages/${path}/src/limits.ts`, text });
  const core = at("core", "export const PARTS_MAX: number = 160;\nconst ROWS_MAX = 1_024;");
  const same = at("node", "const PARTS_MAX = 160;\nexport const ROWS_MAX: number = 1024;");
  expect(limitTwinProblems([core, same])).toEqual([]);
  const other = at("doc-yjs", "export const PARTS_MAX: number =\n  4_096;");
  const problems = limitTwinProblems([core, same, other]);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain("packages/doc-yjs/src/limits.ts: PARTS_MAX is 4096, but 160");
  expect(limitTwinProblems([core, { ...other, path: "packages/sim/src/limits.ts" }])).toEqual([]);
});
