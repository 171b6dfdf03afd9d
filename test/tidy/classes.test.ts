import { expect, test } from "vitest";
import { classProblems } from "./classes.ts";

const problems = (text: string) => classProblems([{ path: "packages/core/src/a.ts", text }]);

test.each([
  "class A extends Base {}",
  "export const A = class extends Level<string> {};",
  "class A {\n  private readonly x = 1;\n}",
  "class A {\n  protected f(): void {}\n}",
])("classProblems rejects %j", (text) => {
  expect(problems(text)).toHaveLength(1);
});

test("classProblems accepts errors, event targets, private names and interfaces", () => {
  const text =
    "class A extends Error {\n  #x = 1;\n}\nclass B extends TypedEventTarget<Events> {}\ninterface C extends D {}\nfunction f<T extends U>() {}";
  expect(problems(text)).toEqual([]);
});
