import { describe, expect, test } from "vitest";
import { majorityOf, QUORUM_MAX, quorumOf, sightNeeded } from "./rules.ts";

describe("quorums", () => {
  test("VE2 a majority is strict: more than half of the witnesses and the subject", () => {
    expect([1, 2, 3, 4, 5, 6, 30].map(majorityOf)).toEqual([1, 2, 2, 3, 3, 4, 16]);
  });

  test("VE2 a verdict takes min(3, majority) accusers, so QUORUM_MAX is never passed", () => {
    expect([3, 4, 5, 30, 1_000].map((roster) => quorumOf(roster, "accuse"))).toEqual([
      2, 3, 3, 3, 3,
    ]);
    expect(quorumOf(10_000, "accuse")).toBe(QUORUM_MAX);
  });

  test("VE5 in a roster of two one accuser is enough by default, and never under the strict policy", () => {
    expect([quorumOf(2, "accuse"), sightNeeded(2, "accuse")]).toEqual([1, 1]);
    expect([quorumOf(2, "unknown"), sightNeeded(2, "unknown")]).toEqual([2, 2]);
  });
});
