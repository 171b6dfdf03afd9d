import { expect, test } from "vitest";
import { electorateFacts } from "./electorate-facts.ts";

test("VE10 VE4 who had a say is named where that is not every other member, or fewer than three accusers are needed", () => {
  const electorate = (isLarge: boolean, roster: number, witnesses: readonly string[]) => ({
    isLarge,
    roster,
    quorumOver: () => 3,
    electorateOf: () => witnesses,
  });
  const small = electorate(false, 5, ["n2", "n1", "n4", "n3"]);
  expect(electorateFacts(small, "n0")).toEqual({
    members: 5,
    quorum: 3,
    witnesses: undefined,
  });
  const three = electorate(false, 3, ["n2", "n1"]);
  expect(electorateFacts(three, "n0").witnesses).toEqual(["n1", "n2"]);
  // Of five, two are in a region that is out of reach (rule VE4).
  expect(electorateFacts({ ...three, roster: 5 }, "n0").witnesses).toEqual(["n1", "n2"]);
  const large = electorate(true, 40, ["n3", "n1"]);
  expect(electorateFacts(large, "n0").witnesses).toEqual(["n1", "n3"]);
  // One of the accusers was its witness until a moment ago.
  expect(electorateFacts(large, "n0", ["n3", "n9"]).witnesses).toEqual(["n1", "n3", "n9"]);
});
