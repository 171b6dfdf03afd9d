import { createTestPorts } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import type { NodeId } from "../ids.ts";
import type { Member } from "../roster/membership.ts";
import { OWN_REGION_WITNESSES, WITNESSES } from "./rules.ts";
import { NodeHashes, WitnessRanking } from "./witness-ranking.ts";

const { hash } = createTestPorts("na");

/** As many members of each region as are named. */
function fleet(sizes: Readonly<Record<string, number>>): readonly Member[] {
  return Object.entries(sizes).flatMap(([region, size]) =>
    Array.from({ length: size }, (_, index) => {
      const node = `${region}-${index}`;
      return { node, name: node, region, agent: "t", joinedMonoMs: 0 };
    }),
  );
}

const rankingOf = (members: readonly Member[]): WitnessRanking =>
  new WitnessRanking(members, new NodeHashes(hash));

function regionsOf(witnesses: readonly NodeId[]): Readonly<Record<string, number>> {
  const count: Record<string, number> = {};
  for (const node of witnesses) {
    const [region = ""] = node.split("-");
    count[region] = (count[region] ?? 0) + 1;
  }
  return count;
}

describe("WitnessRanking", () => {
  test("PU8 a member has WITNESSES witnesses, OWN_REGION_WITNESSES of its own region and the rest of others, never itself", () => {
    const members = fleet({ eu: 30, us: 30, ap: 30 });
    const ranking = rankingOf(members);
    for (const { node, region } of members) {
      const witnesses = ranking.of(node);
      expect(new Set(witnesses).size).toBe(WITNESSES);
      expect(witnesses).not.toContain(node);
      expect(regionsOf(witnesses)[region]).toBe(OWN_REGION_WITNESSES);
    }
  });

  test("PU8 where one kind is not enough the other makes up for it", () => {
    const lonely = rankingOf(fleet({ eu: 1, us: 40 }));
    expect(regionsOf(lonely.of("eu-0"))).toEqual({ us: 8 });
    const one = rankingOf(fleet({ eu: 40 }));
    expect(one.of("eu-0")).toHaveLength(8);
    const few = rankingOf(fleet({ eu: 40, us: 2 }));
    expect(regionsOf(few.of("eu-0"))).toEqual({ eu: 6, us: 2 });
    expect(regionsOf(few.of("us-0"))).toEqual({ us: 1, eu: 7 });
  });

  test("PU8 every reader of one roster names the same witnesses, whatever the order it learned of them, and tells one by one what it tells together", () => {
    const members = fleet({ eu: 20, us: 13, ap: 7 });
    const [ranking, other] = [rankingOf(members), rankingOf(members.toReversed())];
    for (const { node } of members) {
      const single = members.flatMap((member) =>
        other.isWitness(member.node, node) ? [member.node] : [],
      );
      expect(single.toSorted()).toEqual(ranking.of(node).toSorted());
    }
    for (const { node } of members) {
      const duties = members.flatMap((member) =>
        ranking.of(member.node).includes(node) ? [member.node] : [],
      );
      expect(rankingOf(members).dutiesOf(node)).toEqual(duties);
    }
  });

  test("PU8 one that comes or goes changes only the lists that it stands in, each by one", () => {
    const members = fleet({ eu: 60, us: 60 });
    const [all, without] = [
      rankingOf(members),
      rankingOf(members.filter(({ node }) => node !== "eu-7")),
    ];
    let changed = 0;
    for (const { node } of members) {
      if (node === "eu-7") continue;
      const before = all.of(node);
      const gone = before.filter((witness) => !without.of(node).includes(witness));
      expect(gone).toEqual(before.includes("eu-7") ? ["eu-7"] : []);
      changed += gone.length;
    }
    expect(changed).toBeGreaterThan(0);
    expect(changed).toBeLessThan(30);
  });

  test("PU8 duties are spread evenly: nobody of 500 has more than three times the mean", () => {
    const ranking = rankingOf(fleet({ eu: 250, us: 250 }));
    const duties = new Map<NodeId, number>();
    for (const { node } of fleet({ eu: 250, us: 250 }))
      for (const witness of ranking.of(node)) duties.set(witness, (duties.get(witness) ?? 0) + 1);
    expect(Math.max(...duties.values())).toBeLessThanOrEqual(3 * WITNESSES);
    expect(duties.size).toBeGreaterThan(495);
  });
});
