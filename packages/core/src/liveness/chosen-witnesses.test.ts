import { describe, expect, test } from "vitest";
import { AuthorTrack } from "./author-track.ts";
import { FORMER_WITNESSES_MAX } from "./chosen-witnesses.ts";
import { HAND_OVER_MS, HAND_OVER_SEND_MS, REGION_SAMPLE, WITNESSES } from "./rules.ts";
import { Subject, type Opinion } from "./subject.ts";

import { Facts } from "./facts.test-support.ts";
/** A region of a fleet was out of reach of a node in another one until `backMs`, when one of its members is heard. */
function facingReturn(lost: string, self: string, backMs: number): Facts {
  const regionOf = (index: number): string => (index < 70 ? "eu" : "us");
  const facts = new Facts(100, self, regionOf);
  const here = Array.from({ length: 100 }, (_, index) => `n${index}`).filter(
    (_, index) => regionOf(index) !== lost,
  );
  const [first = "", second = ""] = here.filter((node) => node !== self);
  for (const node of [first, second]) facts.heard(node, backMs - 1_500);
  for (let index = 0; index < 100; index += 1) {
    if (regionOf(index) !== lost) continue;
    const subject = new Subject(`n${index}`, 1_000, { monoMs: 0, wallMs: 0 });
    for (const node of [first, second])
      subject.accusations.set(node, { ...opinion, name: subject.newestName });
    facts.subjects.set(`n${index}`, subject);
  }
  for (const monoMs of [backMs - 1_000, backMs - 500]) facts.look(monoMs);
  expect([...facts.regions.outages.keys()]).toEqual([lost]);
  const stranger = Array.from({ length: 100 }, (_, index) => `n${index}`).find(
    (node, index) => regionOf(index) === lost && !facts.witnesses.duties.has(node),
  );
  facts.heard(stranger ?? "", backMs);
  facts.look(backMs);
  expect([...facts.regions.outages.keys()]).toEqual([]);
  for (const { accusations } of facts.subjects.values()) accusations.clear();
  return facts;
}

const opinion: Opinion = { name: { boot: 1, seq: 1 }, namedMonoMs: 0, seenMonoMs: 0 };

describe("ChosenWitnesses", () => {
  test("PU8 P6 a fleet that grows fast leaves FORMER_WITNESSES_MAX witnesses of before to send to, and none after HAND_OVER_SEND_MS", () => {
    const facts = new Facts(33);
    for (let size = 34; size < 4_000; size = Math.ceil(size * 1.1)) facts.resize(size, size);
    expect(facts.witnesses.recipients()).toHaveLength(WITNESSES + FORMER_WITNESSES_MAX);
    expect(facts.witnesses.recipients()).toEqual(
      expect.arrayContaining([...facts.witnesses.witnessesOf("n0")]),
    );
    // A transport keeps to the first so many.
    expect(facts.witnesses.links().slice(0, WITNESSES)).toEqual(
      facts.witnesses.witnessesOf("n0").toSorted(),
    );
    expect(facts.witnesses.links().toSorted()).toEqual(facts.witnesses.recipients());
    expect(facts.witnesses.passTime(4_000 + HAND_OVER_SEND_MS)).toBe(true);
    expect(facts.witnesses.recipients()).toEqual(facts.witnesses.witnessesOf("n0").toSorted());
  });

  test("PU8 who was heard until now is judged for HAND_OVER_MS by who was its witness, who was not heard is not", () => {
    const facts = new Facts(40);
    const before = [...facts.witnesses.duties];
    const [kept = "", dropped = ""] = before.filter((node) => {
      const grown = new Facts(400);
      return !grown.witnesses.duties.has(node);
    });
    facts.heard(kept, 11_000);
    facts.resize(400, 12_000);
    expect(facts.witnesses.duties.has(kept)).toBe(true);
    expect(facts.witnesses.duties.has(dropped)).toBe(false);
    expect(facts.witnesses.passTime(12_000 + HAND_OVER_MS - 1)).toBe(false);
    expect(facts.witnesses.passTime(12_000 + HAND_OVER_MS)).toBe(true);
    expect(facts.witnesses.duties.has(kept)).toBe(false);
  });

  test("PU8 P2 a witness for a moment, of a subject that it heard by gossip, does not go on judging it: it may never be sent a pulse", () => {
    const facts = new Facts(40);
    for (const node of facts.witnesses.duties) facts.heard(node, 1_000);
    facts.resize(400, 2_000);
    const now = new Facts(400);
    expect([...facts.witnesses.duties].toSorted()).toEqual([...now.witnesses.duties].toSorted());
  });

  test.each([
    ["us", ["n1", "n2", "n3", "n4", "n5", "n6"], true],
    ["eu", ["n90", "n93", "n94", "n95"], false],
  ])(
    "PU8 VE4 VE2 P8 a majority without region %s, which is back, is one until its members could have been heard, and of the fleet only where it is its larger part",
    (lost, readers, isFleet) => {
      const backMs = 30_000;
      let sampled = 0;
      for (const self of readers) {
        const facts = facingReturn(lost, self, backMs);
        const duties = [...facts.witnesses.duties];
        // Of the own region two thirds are in sight: a majority of it, and of the fleet only with some of the other region.
        const own = duties.filter((node) => Number(node.slice(1)) < 70 === (lost === "us"));
        const look = (monoMs: number): readonly boolean[] => {
          for (const node of own) facts.heard(node, monoMs, { of: 10, inSight: 6 });
          return [
            facts.witnesses.hasMajority(monoMs),
            facts.witnesses.hasWholeMajority(monoMs),
            facts.electorate.hasRosterMajority(monoMs),
          ];
        };
        if (duties.length < own.length + REGION_SAMPLE || own.length < 2) continue;
        sampled += 1;
        expect([self, ...look(backMs)]).toEqual([self, true, false, isFleet]);
        expect([self, ...look(backMs + 2_200)]).toEqual([self, true, false, isFleet]);
        expect([self, ...look(backMs + 2_201)]).toEqual([self, false, false, false]);
        for (const node of duties) facts.heard(node, backMs + 2_300, { of: 10, inSight: 9 });
        expect([self, ...look(backMs + 2_400)]).toEqual([self, true, true, true]);
      }
      expect(sampled).toBeGreaterThan(1);
    },
  );

  test.each([
    ["before its first member was accused", 19_999, 21_000],
    ["since its first member was accused, and for 7.2 intervals no more", 20_500, 28_500],
  ])(
    "VE4 PU8 P8 a region of which somebody spoke whom this node cannot date, %s, is lost after so long",
    (_when, spokeMonoMs, lostMonoMs) => {
      const regionOf = (index: number): string => (index < 70 ? "eu" : "us");
      const facts = new Facts(100, "n0", regionOf);
      for (let index = 70; index < 100; index += 1) {
        const subject = new Subject(`n${index}`, 1_000, { monoMs: 0, wallMs: 0 });
        for (const node of ["n1", "n2"]) {
          const said = { name: subject.newestName, namedMonoMs: 20_000, seenMonoMs: 20_000 };
          subject.accusations.set(node, said);
        }
        facts.subjects.set(`n${index}`, subject);
      }
      const track = new AuthorTrack();
      track.spokeMonoMs = spokeMonoMs;
      const speaker = facts.subjects.get("n80");
      if (speaker !== undefined) speaker.track = track;
      let foundMonoMs = 0;
      for (let monoMs = 20_500; foundMonoMs === 0 && monoMs < 60_000; monoMs += 500) {
        facts.look(monoMs);
        if (facts.regions.outages.size > 0) foundMonoMs = monoMs;
      }
      expect(foundMonoMs).toBe(lostMonoMs);
    },
  );

  test("VE4 PU8 P2 whose region is back is silent by its own silence 3.2 intervals later, though another one there is heard before", () => {
    const backMs = 30_000;
    const facts = facingReturn("us", "n0", backMs);
    const of = (isHeard: boolean): Subject | undefined =>
      [...facts.subjects.values()].find(
        ({ node, datedSinceBase }) => Number(node.slice(1)) >= 70 && datedSinceBase === isHeard,
      );
    const [heard, silent] = [of(true), of(false)];
    if (heard === undefined || silent === undefined) throw new Error("one was heard");
    const look = (monoMs: number): boolean => {
      facts.heard(heard.node, monoMs);
      return facts.regions.isOwnSilence(silent, { monoMs, wallMs: 0 });
    };
    expect([backMs, backMs + 1_500, backMs + 3_199].map(look)).toEqual([false, false, false]);
    expect(look(backMs + 3_200)).toBe(true);
  });

  test("PU8 VE2 P2 a verdict takes the voices of a majority of the subject's witnesses, of which most accuse", () => {
    const facts = new Facts(100);
    const subject = new Subject("n7", 1_000, { monoMs: 0, wallMs: 0 });
    const voices = [...facts.witnesses.witnessesOf("n7")];
    const speak = (accusing: number, hearing: number): boolean => {
      subject.accusations.clear();
      subject.ups.clear();
      for (const node of voices.slice(0, accusing)) subject.accusations.set(node, opinion);
      for (const node of voices.slice(accusing, accusing + hearing)) subject.ups.set(node, opinion);
      return facts.witnesses.mayDecide(subject, accusing);
    };
    expect(facts.witnesses.quorumOver("n7")).toBe(3);
    expect(speak(4, 0)).toBe(false);
    expect(speak(5, 0)).toBe(true);
    expect(speak(3, 2)).toBe(true);
    expect(speak(4, 4)).toBe(false);
    for (let stranger = 0; stranger < 8; stranger += 1)
      subject.accusations.set(`stranger-${stranger}`, opinion);
    expect(facts.witnesses.mayDecide(subject, 4)).toBe(false);
  });

  test("PU8 VE2 witnesses that are held for dead leave the electorate, and who has too few is not watched", () => {
    const facts = new Facts(100);
    const voices = [...facts.witnesses.witnessesOf("n7")];
    for (const node of voices.slice(0, 4)) facts.dies(node);
    const subject = new Subject("n7", 1_000, { monoMs: 0, wallMs: 0 });
    for (const node of voices.slice(4, 7)) subject.accusations.set(node, opinion);
    expect(facts.witnesses.mayDecide(subject, 3)).toBe(true);
    expect(facts.witnesses.isWatched("n7")).toBe(true);
    for (const node of voices.slice(4, 6)) facts.dies(node);
    expect(facts.witnesses.isWatched("n7")).toBe(true);
    for (const node of voices.slice(6, 7)) facts.dies(node);
    expect(facts.witnesses.isWatched("n7")).toBe(false);
  });

  test("PU8 VE2 VE5 a witness of before is counted with those of today where it accuses: alone it is no quorum", () => {
    const facts = new Facts(100);
    const before = facts.witnesses.witnessesOf("n7");
    facts.resize(200, 1_000);
    const today = facts.witnesses.witnessesOf("n7");
    const former = before.filter((node) => !today.includes(node));
    expect(former.length).toBeGreaterThanOrEqual(2);
    expect(former.every((node) => facts.witnesses.isWitness(node, "n7"))).toBe(true);
    expect(facts.witnesses.quorumOver("n7", former)).toBe(3);
    for (const node of today) facts.dies(node);
    expect(facts.witnesses.quorumOver("n7", former.slice(0, 1))).toBe(2);
    expect(facts.witnesses.quorumOver("n7", former.slice(0, 2))).toBe(2);
  });
});
