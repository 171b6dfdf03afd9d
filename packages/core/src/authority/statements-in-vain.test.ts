import { expect, test } from "vitest";
import {
  IN_VAIN_FOR_MS,
  STATEMENTS_IN_VAIN_KEPT_MAX,
  STATEMENTS_IN_VAIN_PER_SECOND_MAX,
  StatementsInVain,
} from "./statements-in-vain.ts";

const at = (monoMs: number): { readonly monoMs: number; readonly wallMs: number } => ({
  monoMs,
  wallMs: 0,
});

test("P6 STATEMENTS_IN_VAIN_KEPT_MAX statements are remembered, the newest ones, for a while, and until a root statement comes", () => {
  const vain = new StatementsInVain();
  for (let i = 0; i <= STATEMENTS_IN_VAIN_KEPT_MAX; i++) vain.add(`s${i}`, "b", at(i));
  const laterMs = STATEMENTS_IN_VAIN_KEPT_MAX;
  expect(vain.has("s0", at(laterMs))).toBe(false);
  expect(vain.has("s1", at(laterMs))).toBe(true);
  expect(vain.has("s1", at(IN_VAIN_FOR_MS))).toBe(true);
  expect(vain.has("s1", at(IN_VAIN_FOR_MS + 1))).toBe(false);
  // Looked at once more, it is the newest one.
  vain.add("s1", "b", at(laterMs));
  vain.add("x", "b", at(laterMs));
  expect(["s1", "s2", "x"].map((id) => vain.has(id, at(laterMs)))).toEqual([true, false, true]);
  vain.forget();
  expect(vain.has("x", at(laterMs))).toBe(false);
});

test("P6 of each peer STATEMENTS_IN_VAIN_PER_SECOND_MAX may be looked at in a second", () => {
  const vain = new StatementsInVain();
  for (let i = 0; i < STATEMENTS_IN_VAIN_PER_SECOND_MAX; i++) {
    expect(vain.left("b", at(5_000))).toBe(STATEMENTS_IN_VAIN_PER_SECOND_MAX - i);
    vain.add(`s${i}`, "b", at(5_999));
  }
  vain.forget();
  expect(vain.left("b", at(5_999))).toBe(0);
  expect(vain.left("c", at(5_999))).toBe(STATEMENTS_IN_VAIN_PER_SECOND_MAX);
  expect(vain.left("b", at(6_000))).toBe(STATEMENTS_IN_VAIN_PER_SECOND_MAX);
});
