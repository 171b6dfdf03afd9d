import { expect, test } from "vitest";
import type { Membership } from "../roster/membership.ts";
import { electorateFacts } from "./electorate-facts.ts";

function membershipOf(count: number): Membership {
  const members = Array.from({ length: count }, (_, i) => ({
    node: `n${i}`,
    name: `n${i}`,
    region: "r",
    agent: "t",
    joinedMonoMs: 0,
  }));
  return {
    members: () => members,
    member: (node) => members.find((member) => member.node === node),
    hasLeft: () => false,
    hasRetired: () => false,
    ending: () => undefined,
    version: 1,
  };
}

test("VE10 VE4 who had a say is named where that is not every other member, or fewer than three accusers are needed", () => {
  const electorate = (isLarge: boolean, witnesses: readonly string[]) => ({
    isLarge,
    quorumOver: () => 3,
    electorateOf: () => witnesses,
  });
  const small = electorate(false, ["n2", "n1", "n4", "n3"]);
  expect(electorateFacts(small, membershipOf(5), "n0")).toEqual({
    members: 5,
    quorum: 3,
    witnesses: undefined,
  });
  const three = electorate(false, ["n2", "n1"]);
  expect(electorateFacts(three, membershipOf(3), "n0").witnesses).toEqual(["n1", "n2"]);
  // Of five, two are in a region that is out of reach (rule VE4).
  expect(electorateFacts(three, membershipOf(5), "n0").witnesses).toEqual(["n1", "n2"]);
  const large = electorate(true, ["n3", "n1"]);
  expect(electorateFacts(large, membershipOf(40), "n0").witnesses).toEqual(["n1", "n3"]);
});
