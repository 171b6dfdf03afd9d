import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { mutate, type Mutation } from "../mutations/mutation.ts";
import { mutations } from "../mutations/mutations.ts";
import { PAGE_PATH, rowsIn } from "../mutations/switched-off-page.ts";
import { commandOf, switchedOff } from "../mutations/switched-off.ts";
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

test("docs/switched-off.md has every rule of liveness, each switched off by a mutation of that rule: run 'node test/mutations/switched-off-main.ts' when it has not", () => {
  const rows = switchedOff.map((row) => `${row.rule} ${row.mutation} ${commandOf(row).join(" ")}`);
  expect(rowsIn(textOf(PAGE_PATH))).toEqual(rows);
  const numbered = (kind: string, first: number, last: number): readonly string[] =>
    Array.from({ length: last - first + 1 }, (_, at) => `${kind}${first + at}`);
  const told = new Set(switchedOff.map(({ rule }) => rule));
  expect(told).toEqual(new Set([...numbered("VE", 0, 10), ...numbered("PU", 4, 8)]));
  const rulesOf = new Map(mutations.map(({ id, rules }) => [id, rules]));
  expect(
    switchedOff.filter(({ rule, mutation }) => rulesOf.get(mutation)?.includes(rule) !== true),
  ).toEqual([]);
});
