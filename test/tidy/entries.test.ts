import { expect, test } from "vitest";
import { entryProblems } from "./entries.ts";

const index = (text: string) => entryProblems([{ path: "packages/core/src/index.ts", text }]);
const driver = (text: string) => entryProblems([{ path: "packages/core/src/driver/a.ts", text }]);

test("entryProblems accepts an index of re-exports with comments", () => {
  const text = `/** Why. */\nexport * from "./a.ts";\nexport {\n  type B,\n  c,\n} from "./b.ts";\nexport type { D } from "./d.ts";\n`;
  expect(index(text)).toEqual([]);
  expect(index("export {};\n")).toEqual([]);
});

test.each(["export const a = 1;", `import { a } from "./a.ts";`, `import "./a.ts";`])(
  "entryProblems rejects an index with %s",
  (text) => {
    expect(index(`export * from "./b.ts";\n${text}\n`)).toHaveLength(1);
  },
);

test("entryProblems lets core's driver ports declare types and limits, and nothing else", () => {
  expect(driver("export interface A { stop(): Promise<void> }\nexport type B = 1;")).toEqual([]);
  expect(driver("export const FRAME_BYTES_MAX = 256 * 1_024;")).toEqual([]);
  expect(driver("export const a = () => 1;")).toHaveLength(1);
  expect(driver("export async function a() {}")).toHaveLength(1);
});
