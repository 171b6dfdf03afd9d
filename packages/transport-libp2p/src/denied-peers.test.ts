import { expect, test } from "vitest";
import { DENIED_MS, DENIED_PEERS_MAX, DeniedPeers } from "./denied-peers.ts";

test("ME3 AD11 a node is denied for DENIED_MS, and then says hello again", () => {
  const denied = new DeniedPeers();
  denied.deny("n", 1_000);
  expect(denied.isDenied("n", 1_000 + DENIED_MS - 1)).toBe(true);
  expect(denied.isDenied("other", 1_000)).toBe(false);
  expect(denied.isDenied("n", 1_000 + DENIED_MS)).toBe(false);
  expect(DENIED_MS).toBeGreaterThanOrEqual(60_000);
});

test("ME3 AD11 of whom a revocation counts no more is denied no more, until it is revoked once more", () => {
  const denied = new DeniedPeers();
  for (const node of ["n", "other"]) denied.deny(node, 1_000);
  denied.allow("n");
  expect(["n", "other"].map((node) => denied.isDenied(node, 1_001))).toEqual([false, true]);
  denied.deny("n", 1_002);
  expect(denied.isDenied("n", 1_003)).toBe(true);
});

test("P6 beyond DENIED_PEERS_MAX nodes the one that was denied first is forgotten", () => {
  const denied = new DeniedPeers();
  for (let index = 0; index < DENIED_PEERS_MAX; index += 1) denied.deny(`n${index}`, 0);
  denied.deny("n0", 1);
  denied.deny("one more", 1);
  const kept = ["n0", "n1", "n2", "one more"].map((node) => denied.isDenied(node, 2));
  expect(kept).toEqual([true, false, true, true]);
});
