import { expect, test } from "vitest";
import { Refusals, REFUSALS_MAX } from "./refusals.ts";

test("AD11 who does not let this node in is known with its last reason, until it does", () => {
  const refusals = new Refusals();
  refusals.add({ node: "a", reason: "grant-none", monoMs: 1 });
  refusals.add({ node: "b", reason: "grant-none", monoMs: 2 });
  refusals.add({ node: "a", reason: "revoked", monoMs: 3 });
  expect(refusals.list()).toEqual([
    { node: "b", reason: "grant-none", monoMs: 2 },
    { node: "a", reason: "revoked", monoMs: 3 },
  ]);
  refusals.remove("b");
  expect(refusals.list().map(({ node }) => node)).toEqual(["a"]);
});

test("P6 AD11 of REFUSALS_MAX nodes it is remembered, the oldest word goes first", () => {
  const refusals = new Refusals();
  for (let index = 0; index <= REFUSALS_MAX; index += 1)
    refusals.add({ node: `n${index}`, reason: "grant-none", monoMs: index });
  expect(refusals.list()).toHaveLength(REFUSALS_MAX);
  expect(refusals.list()[0]?.node).toBe("n1");
});
