import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { mutate, type Mutation } from "../mutations/mutation.ts";
import { mutations } from "../mutations/mutations.ts";
import { idsIn, TABLE_PATH } from "../mutations/table.ts";
import { root } from "../tool.ts";

const textOf = (path: string): string => readFileSync(join(root, path), "utf8");

function problemOf(mutation: Mutation): string | undefined {
  try {
    mutate(mutation, textOf(mutation.file));
    return existsSync(join(root, mutation.killer.file))
      ? undefined
      : `${mutation.id}: ${mutation.killer.file} does not exist.`;
  } catch (error) {
    return String(error);
  }
}

test("every mutation still matches its file once, and the test that must notice exists", () => {
  expect(mutations.flatMap((mutation) => problemOf(mutation) ?? [])).toEqual([]);
});

test("mutations have ids of their own", () => {
  const ids = mutations.map(({ id }) => id);
  expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([]);
});

test("docs/mutations.md lists every mutation: run 'node test/mutations/main.ts' when it does not", () => {
  expect(idsIn(textOf(TABLE_PATH))).toEqual(mutations.map(({ id }) => id));
});

test("a text that stands nowhere, or twice, is an error", () => {
  const [mutation] = mutations as [Mutation];
  expect(() => mutate(mutation, "")).toThrow("0 times");
  expect(() => mutate(mutation, mutation.search.repeat(2))).toThrow("2 times");
});
