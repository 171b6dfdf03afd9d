import { expect, test } from "vitest";
import { type MembershipFacts, membershipFindings } from "./doctor-membership.ts";

const self = { id: "self" };
const beta = { id: "b", name: "beta", status: "up" };

function found(
  facts: {
    readonly authority?: object;
    readonly peers?: readonly object[];
    readonly refusedBy?: MembershipFacts["refusedBy"];
    readonly isIssuer?: boolean;
  } = {},
): ReturnType<typeof membershipFindings> {
  const authority = {
    fleet: "f".repeat(52),
    closed: true,
    root: {},
    grants: [self],
    revoked: [],
    ...facts.authority,
  };
  return membershipFindings({
    refusedBy: [],
    isIssuer: false,
    ...facts,
    authority,
    peers: { self, peers: facts.peers ?? [] },
  } as unknown as MembershipFacts);
}

test("ME1 CLI43 a node that was revoked fails, and is told to begin anew", () => {
  const revoked = [{ id: "self", reason: "stolen", at: "2027-01-01T00:00:00.000Z" }];
  expect(found({ authority: { revoked }, peers: [beta] })).toMatchObject([
    {
      check: "membership",
      result: "fail",
      detail: expect.stringMatching(/^revoked: .*\(stolen\)/),
      next: expect.stringContaining("empty --data folder"),
    },
  ]);
  expect(found({ authority: { revoked: [{ ...revoked[0], id: "b" }] }, peers: [beta] })).toEqual(
    [],
  );
});

test("ME3 AD11 CLI43 who says that it does not let this node in is named with its reason; where nobody does it fails", () => {
  const refusedBy = [{ node: "b", reason: "authority-stale", age_ms: 61_000 }];
  const [finding] = found({ refusedBy, peers: [{ ...beta, status: "unknown" }] });
  expect(finding).toMatchObject({ result: "fail" });
  expect(finding?.detail).toBe(
    "no member lets this node in: beta says authority-stale, 1m 01s ago",
  );
  expect(finding?.next).toContain("issuer's node");
  const more = Array.from({ length: 7 }, (_, index) => ({
    node: `n${index}`,
    reason: "odd",
    age_ms: 0,
  }));
  const [some] = found({ refusedBy: more, peers: [beta] });
  expect(some).toMatchObject({ result: "warn", next: "see the log of that node" });
  expect(some?.detail).toContain("n6 says odd");
  expect(some?.detail).toContain("and 2 more");
});

test("ME3 CLI43 a member that has met nobody yet fails, unless it is the issuer's node, which is the first", () => {
  expect(found()).toMatchObject([
    { check: "membership", result: "fail", detail: expect.stringContaining("let in by nobody") },
  ]);
  expect(found({ isIssuer: true })).toEqual([]);
  expect(found({ authority: { grants: [self, { id: "b" }] } })).toEqual([]);
  expect(found({ peers: [beta] })).toEqual([]);
  expect(found({ authority: { closed: false } })).toEqual([]);
  // Another check says that nothing is held.
  expect(found({ authority: { root: null } })).toEqual([]);
});
