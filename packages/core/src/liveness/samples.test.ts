/** How a node of a large fleet tells whether it is on the side of the majority (rules PU8, VE2). */
import { describe, expect, test } from "vitest";
import { AuthorTrack } from "./author-track.ts";
import { REGION_SAMPLE } from "./rules.ts";
import { Subject, type Opinion } from "./subject.ts";

import { Facts } from "./facts.test-support.ts";

const opinion: Opinion = { name: { boot: 1, seq: 1 }, namedMonoMs: 0, seenMonoMs: 0 };

describe("samples of the fleet", () => {
  test("PU8 VE2 a node with few subjects that are all dead does not take itself for a minority by them", () => {
    const few = Array.from({ length: 100 }, (_, index) => new Facts(100, `n${index}`)).filter(
      ({ witnesses }) => witnesses.duties.size < 5,
    );
    expect(few.length).toBeGreaterThan(0);
    for (const facts of few) {
      const others = Array.from({ length: 100 }, (_, index) => `n${index}`);
      const stranger = others.find((node) => !facts.witnesses.duties.has(node)) ?? "";
      // A pulse in 120 comes to everybody.
      facts.heard(stranger, 1_000);
      expect(facts.witnesses.hasMajority(12_000)).toBe(true);
    }
  });

  test.each([
    [40, 1],
    [40, 2],
    [40, 4],
    [40, 8],
    [64, 3],
    [100, 3],
    [100, 5],
    [100, 8],
    [200, 6],
  ])(
    "PU8 VE2 P2 of %i nodes in %i regions each has a majority while it hears its subjects, none when it hears nobody, and one again when it hears them",
    (size, regions) => {
      const regionOf = (index: number): string => `r${index % regions}`;
      for (let index = 0; index < Math.min(size, 40); index += 1) {
        const facts = new Facts(size, `n${index}`, regionOf);
        const hears = (nowMonoMs: number): void => {
          for (const node of facts.witnesses.duties)
            facts.heard(node, nowMonoMs, { of: 4, inSight: 4 });
        };
        const has = (nowMonoMs: number): boolean => facts.witnesses.hasMajority(nowMonoMs);
        // Who judges nobody is asked below.
        if (facts.witnesses.duties.size === 0) continue;
        hears(1_000);
        expect([index, has(1_000), has(14_000)]).toEqual([index, true, false]);
        hears(15_000);
        expect([index, has(15_000)]).toEqual([index, true]);
      }
    },
  );

  test("PU8 VE2 a node whose few subjects are silent is not alone while somebody else speaks, and is 12 intervals after the last one did, UNHEARD_INTERVALS where none owes a sign of life", () => {
    const self = Array.from({ length: 100 }, (_, index) => `n${index}`).find((node) => {
      const { size } = new Facts(100, node).witnesses.duties;
      return size > 0 && size < 5;
    });
    const facts = new Facts(100, self);
    expect(facts.witnesses.hasMajority(1_000)).toBe(false);
    const stranger = new Subject("n99", 1_000, { monoMs: 0, wallMs: 0 });
    stranger.track = new AuthorTrack();
    stranger.track.spokeMonoMs = 20_000;
    facts.subjects.set("n99", stranger);
    expect([32_000, 32_001].map((at) => facts.witnesses.hasMajority(at))).toEqual([true, false]);
    // One that is dead, or has leave to be silent, owes nothing: what comes to everybody has pauses that long.
    for (const node of facts.witnesses.duties) facts.dies(node);
    expect([32_001, 80_000, 80_001].map((at) => facts.witnesses.hasMajority(at))).toEqual([
      true,
      true,
      false,
    ]);
    // Who is no member says nothing of the fleet.
    facts.heard("observer", 81_000);
    expect(facts.witnesses.hasMajority(81_000)).toBe(false);
  });

  test("PU8 VE2 P2 who hears but one other of an island has no majority, though its single samples of other regions say little each", () => {
    const regionOf = (index: number): string => `r${index % 4}`;
    const has = Array.from({ length: 48 }, (_, index) => {
      const facts = new Facts(48, `n${index}`, regionOf);
      const duties = [...facts.witnesses.duties];
      const [other = ""] = duties;
      facts.heard(other, 1_000, { of: 3, inSight: 0 });
      // Of its own region it must judge somebody: else half of this fleet is in no sample.
      const isAsked =
        duties.length >= 5 && duties.some((node) => (Number(node.slice(1)) - index) % 4 === 0);
      return isAsked ? [facts.witnesses.hasMajority(1_000)] : [];
    }).flat();
    expect([has.length > 30, has.filter(Boolean)]).toEqual([true, []]);
  });

  test("PU8 VE2 P2 whoever is held for dead is left out of the sample, not of the fleet: a node of whose subjects most are dead has a majority, and none once the living fall silent", () => {
    const self = Array.from({ length: 200 }, (_, index) => `n${index}`).find(
      (node) => new Facts(200, node).witnesses.duties.size >= 11,
    );
    const facts = new Facts(200, self);
    const [first = "", second = "", ...more] = facts.witnesses.duties;
    const [living, others] = [[first, second, ...more.slice(0, 3)], more.slice(3)];
    for (const node of others) facts.dies(node);
    for (const node of living) facts.heard(node, 1_000, { of: 0, inSight: 0 });
    expect(facts.witnesses.hasMajority(1_000)).toBe(true);
    expect(facts.witnesses.ownSight(1_000, 1.5)).toEqual({ of: 5, inSight: 5 });
    for (const node of [first, second]) facts.heard(node, 5_000, { of: 0, inSight: 0 });
    expect(facts.witnesses.hasMajority(5_000)).toBe(false);
    // Of those in sight so many must be left that they are most of the fleet, the dead included.
    const strangers = Array.from({ length: 200 }, (_, index) => `n${index}`).filter(
      (node) => node !== self && !facts.witnesses.duties.has(node),
    );
    for (const node of living.slice(0, 3)) facts.heard(node, 9_000, { of: 0, inSight: 0 });
    expect(facts.witnesses.hasMajority(9_000)).toBe(true);
    for (const node of strangers.slice(0, 60)) facts.dies(node);
    expect(facts.witnesses.hasMajority(9_000)).toBe(false);
  });

  test("PU8 VE2 the death of the only subjects that a node has in another region takes no majority from it, below REGION_SAMPLE of them", () => {
    const regionOf = (index: number): string => (index < 100 ? "eu" : "us");
    const readers = Array.from({ length: 100 }, (_, index) => {
      const facts = new Facts(200, `n${index}`, regionOf);
      const duties = [...facts.witnesses.duties];
      return { facts, there: duties.filter((node) => Number(node.slice(1)) >= 100), duties };
    }).filter(({ there, duties }) => there.length > 0 && duties.length > there.length + 1);
    const sizes = new Set<number>();
    for (const { facts, there, duties } of readers) {
      for (const node of duties)
        if (!there.includes(node)) facts.heard(node, 1_000, { of: 3, inSight: 3 });
      sizes.add(there.length);
      expect(facts.witnesses.hasMajority(1_000)).toBe(there.length < REGION_SAMPLE);
    }
    expect([...sizes].toSorted((a, b) => a - b).slice(0, 3)).toEqual([1, 2, 3]);
  });

  test("PU8 VE2 whom a quorum accuses that has a majority is in no sample of who has none, or it would make no verdict for good; one that is heard is", () => {
    const facts = new Facts(200, "n0");
    const [first = "", second = "", ...others] = facts.witnesses.duties;
    for (const node of others) facts.heard(node, 1_000);
    for (const node of [first, second]) facts.heard(node, 9_000, { of: 1, inSight: 1 });
    expect([others.length > 4, facts.witnesses.hasMajority(9_000)]).toEqual([true, false]);
    for (const node of others) {
      const subject = facts.subjects.get(node);
      const witnesses = facts.witnesses.witnessesOf(node).filter((each) => each !== "n0");
      for (const [index, by] of witnesses.slice(0, 4).entries()) {
        const name = index === 3 ? { boot: 1, seq: 0 } : subject?.newestName;
        if (name !== undefined) subject?.accusations.set(by, { ...opinion, name });
      }
    }
    expect(facts.witnesses.hasMajority(9_000)).toBe(true);
    expect(facts.witnesses.ownSight(9_000, 1.5)).toEqual({ of: 2, inSight: 2 });
    // Two that accuse are no quorum, nor is a third by an older pulse.
    for (const node of others) {
      const accusations = facts.subjects.get(node)?.accusations;
      const [liar = ""] = accusations?.keys() ?? [];
      accusations?.delete(liar);
    }
    expect(facts.witnesses.hasMajority(9_000)).toBe(false);
    // Whom a quorum of liars accuses is seen all the same.
    for (const node of others) {
      facts.heard(node, 9_500, { of: 0, inSight: 0 });
      const subject = facts.subjects.get(node);
      for (const by of facts.witnesses.witnessesOf(node))
        if (subject !== undefined)
          subject.accusations.set(by, { ...opinion, name: subject.newestName });
    }
    expect(facts.witnesses.ownSight(9_500, 1.5).inSight).toBe(2 + others.length);
  });

  test("PU8 VE2 P2 a majority is more than half of what this node and its subjects see, and of the roster that nobody accuses", () => {
    const facts = new Facts(100);
    expect(facts.witnesses.hasMajority(1_000)).toBe(false);
    const duties = [...facts.witnesses.duties];
    for (const node of duties) facts.heard(node, 1_000, { of: 8, inSight: 8 });
    expect(facts.witnesses.hasMajority(1_000)).toBe(true);
    for (const node of duties) facts.heard(node, 2_000, { of: 8, inSight: 2 });
    expect(facts.witnesses.hasMajority(2_000)).toBe(false);
    for (const node of duties) facts.heard(node, 3_000, { of: 8, inSight: 8 });
    for (let index = 50; index < 100; index += 1) {
      const node = `n${index}`;
      const known = facts.subjects.get(node);
      const subject = known ?? new Subject(node, 1_000, { monoMs: 0, wallMs: 0 });
      subject.accusations.set("n1", { ...opinion, name: subject.newestName });
      facts.subjects.set(node, subject);
      expect(facts.witnesses.hasMajority(3_000)).toBe(index < 99);
    }
    // A newer pulse of one of them is known: what was said by the one before is over, though its witness has not said so yet.
    const [node = ""] = duties.filter((each) => Number(each.slice(1)) >= 50);
    facts.heard(node, 3_100, { of: 8, inSight: 8 });
    expect(facts.witnesses.hasMajority(3_100)).toBe(true);
  });

  test("PU8 VE2 whom witnesses do not hear that see no majority themselves is counted with the accused, until one says that it hears it, or a newer pulse is known", () => {
    const facts = new Facts(100);
    const duties = [...facts.witnesses.duties];
    for (const node of duties) facts.heard(node, 1_000, { of: 8, inSight: 8 });
    for (let index = 50; index < 100; index += 1) {
      const node = `n${index}`;
      const subject =
        facts.subjects.get(node) ?? new Subject(node, 1_000, { monoMs: 0, wallMs: 0 });
      const kind = index % 2 === 0 ? "accuse" : "unknown";
      subject.opinions(kind)?.set("n1", { ...opinion, name: subject.newestName });
      facts.subjects.set(node, subject);
      expect(facts.witnesses.hasMajority(1_000)).toBe(index < 99);
    }
    const missed = facts.subjects.get("n99");
    missed?.forgetSilence("n2");
    expect(facts.witnesses.hasMajority(1_000)).toBe(false);
    missed?.forgetSilence("n1");
    expect(facts.witnesses.hasMajority(1_000)).toBe(true);
    missed?.unknowns.set("n1", { ...opinion, name: { boot: 0, seq: 0 } });
    expect(facts.witnesses.hasMajority(1_000)).toBe(false);
    facts.heard("n99", 1_100, { of: 8, inSight: 8 });
    expect(facts.witnesses.hasMajority(1_100)).toBe(true);
  });

  test("PU8 VE2 whose few subjects in its own region are all dead has a majority as long as it hears the other one, and none when it hears nobody", () => {
    const regionOf = (index: number): string => (index < 70 ? "eu" : "us");
    const readers = Array.from({ length: 20 }, (_, index) => {
      const facts = new Facts(100, `n${index}`, regionOf);
      const there = [...facts.witnesses.duties].filter((node) => Number(node.slice(1)) >= 70);
      return { facts, there, here: facts.witnesses.duties.size - there.length };
    }).filter(({ there, here }) => here > 1 && here < 4 && there.length > 3);
    expect(readers.length).toBeGreaterThan(1);
    for (const { facts, there } of readers) {
      for (const node of there) facts.heard(node, 1_000, { of: 8, inSight: 8 });
      expect(facts.witnesses.hasMajority(1_000)).toBe(true);
      expect(facts.witnesses.hasMajority(10_000)).toBe(false);
    }
  });

  test("PU8 VE2 VE4 a region of which a node samples nobody says nothing against a majority: two regions that are cut from each other both have one", () => {
    const regionOf = (index: number): string => (index < 16 ? "eu" : index < 28 ? "us" : "ap");
    const readers = Array.from({ length: 40 }, (_, index) => {
      const facts = new Facts(40, `n${index}`, regionOf);
      const drawn = new Set([...facts.witnesses.duties].map((node) => Number(node.slice(1))));
      const has = (region: string): boolean => [...drawn].some((at) => regionOf(at) === region);
      return { facts, own: regionOf(index), has };
    }).filter(({ own, has }) => own === "us" && has("us") && has("eu") && !has("ap"));
    expect(readers.length).toBeGreaterThan(0);
    for (const { facts, own } of readers) {
      for (const node of facts.witnesses.duties)
        if (regionOf(Number(node.slice(1))) === own)
          facts.heard(node, 1_000, { of: 3, inSight: 3 });
      expect(facts.witnesses.hasMajority(1_000)).toBe(true);
      // Of the own one too few are in sight, whoever of the third is.
      for (const node of facts.witnesses.duties)
        if (regionOf(Number(node.slice(1))) === own)
          facts.heard(node, 2_000, { of: 9, inSight: 3 });
      expect(facts.witnesses.hasMajority(2_000)).toBe(false);
    }
  });

  test("PU8 VE2 VE4 the loss of a small region, from which most subjects are drawn, is no loss of the majority, and of a large one is", () => {
    const regionOf = (index: number): string => (index < 70 ? "eu" : "us");
    for (const lost of ["us", "eu"]) {
      for (const self of ["n0", "n1", "n2", "n3", "n90", "n91"]) {
        const facts = new Facts(100, self, regionOf);
        const own = regionOf(Number(self.slice(1)));
        if (own === lost || facts.witnesses.duties.size < 5) continue;
        for (const node of facts.witnesses.duties) {
          const region = regionOf(Number(node.slice(1)));
          if (region !== lost) facts.heard(node, 1_000, { of: 3, inSight: 3 });
        }
        expect([self, lost, facts.witnesses.hasMajority(1_000)]).toEqual([
          self,
          lost,
          lost === "us",
        ]);
      }
    }
  });
});
