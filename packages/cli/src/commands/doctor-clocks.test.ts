import type { PeersJson } from "@pulsemesh/client";
import { expect, test } from "vitest";
import { clockFindings } from "./doctor-clocks.ts";

const found = (...offsetsMs: readonly (number | null)[]): ReturnType<typeof clockFindings> =>
  clockFindings({
    self: { name: "self" },
    peers: offsetsMs.map((offset, index) => ({ name: `p${index}`, clock_offset_ms: offset })),
  } as unknown as PeersJson);

test("CLI41 clocks within a second of the middle are ok; where none is known nothing is said", () => {
  expect(found()).toEqual([]);
  expect(found(null, null)).toEqual([]);
  expect(found(400, -300, null)).toMatchObject([
    { result: "ok", detail: "3 nodes within 400ms of their middle" },
  ]);
});

test("CLI41 the one that is off is named, a peer or this node itself, however far", () => {
  expect(found(5, 90_000, -8)).toMatchObject([
    {
      result: "warn",
      detail: "the clock of p1 is 1m 29s ahead of the others'",
      next: expect.stringContaining("on p1"),
    },
  ]);
  expect(found(-60_500, -60_510, -60_490)).toMatchObject([
    { detail: "the clock of self is 1m 00s ahead of the others'" },
  ]);
});

test("CLI41 two nodes that differ cannot tell which of them is off", () => {
  expect(found(-1_500)).toMatchObject([
    { result: "warn", detail: expect.stringContaining("cannot tell which") },
  ]);
  expect(found(-900)).toMatchObject([{ result: "ok" }]);
});

test("CLI41 OFF1 a node that once wrote a day or more ahead of time fails, though its clock is right now", () => {
  const aheadBy = (aheadMs: number | undefined): ReturnType<typeof clockFindings> =>
    clockFindings({
      self: { name: "self", writes_ahead_ms: aheadMs },
      peers: [],
    } as unknown as PeersJson);
  expect([aheadBy(undefined), aheadBy(3_600_000)]).toEqual([[], []]);
  expect(aheadBy(25 * 3_600_000)).toMatchObject([
    { result: "fail", detail: expect.stringContaining("shown to nobody") },
  ]);
});

test("CLI41 ME2 a node with the issuer's key that once wrote ahead of time is not told to begin on an empty folder", () => {
  const peers = {
    self: { name: "self", writes_ahead_ms: 25 * 3_600_000 },
    peers: [],
  } as unknown as PeersJson;
  const [member] = clockFindings(peers);
  expect(member?.next).toMatch(/pulsemesh leave.*move that file over/);
  const [issuer] = clockFindings(peers, true);
  expect(issuer?.next).toContain("move issuer.key");
  expect(issuer?.next).not.toContain("leave");
});

test("CLI41 CH4 a clock more than a day ahead fails: what its node writes is shown to nobody", () => {
  expect(found(3, 25 * 3_600_000, -2)).toMatchObject([
    { result: "fail", detail: expect.stringContaining("shown to nobody") },
  ]);
});
