import { createTestPorts } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import { coreConfig } from "../config.ts";
import type { NodeId } from "../ids.ts";
import { Outbox } from "../outbox.ts";
import type { Member } from "../roster/membership.ts";
import { Electorate } from "./electorate.ts";
import { ChosenWitnesses, FORMER_WITNESSES_MAX } from "./chosen-witnesses.ts";
import { HAND_OVER_MS, HAND_OVER_SEND_MS, WITNESSES } from "./rules.ts";
import { Regions } from "./regions.ts";
import { Subject, type Opinion } from "./subject.ts";

/** What one node knows of a fleet of so many, whose size can be changed. */
class Facts {
  readonly subjects: Map<NodeId, Subject> = new Map();
  readonly witnesses: ChosenWitnesses;
  readonly regions: Regions;
  /** With regions and witnesses of its own. */
  readonly electorate: Electorate;
  #members: readonly Member[] = [];

  readonly #regionOf: (index: number) => string;
  #version = 0;

  constructor(size: number, self = "n0", regionOf: (index: number) => string = () => "r") {
    this.#regionOf = regionOf;
    const env = {
      identity: { fleet: "f", self, name: self, region: "r", agent: "t" },
      config: coreConfig(),
      ports: createTestPorts(self),
      out: new Outbox(),
    };
    const membership = {
      members: () => this.#members,
      member: (node: NodeId) => this.#members.find((member) => member.node === node),
      hasLeft: () => false,
      hasRetired: () => false,
      ending: () => undefined,
      version: 0,
    };
    Object.defineProperty(membership, "version", { get: () => this.#version });
    const deps = { membership, subjects: this.subjects };
    this.regions = new Regions(env, deps);
    this.witnesses = new ChosenWitnesses(env, { ...deps, regions: this.regions });
    this.electorate = new Electorate(env, deps);
    this.resize(size, 0);
  }

  resize(size: number, nowMonoMs: number): void {
    this.#members = Array.from({ length: size }, (_, index) => {
      const node = `n${index}`;
      return { node, name: node, region: this.#regionOf(index), agent: "t", joinedMonoMs: 0 };
    });
    this.#version += 1;
    this.witnesses.rosterChanged(nowMonoMs);
    this.electorate.rosterChanged(nowMonoMs);
  }

  look(nowMonoMs: number): void {
    for (const regions of [this.regions, this.electorate.regions])
      regions.look({ monoMs: nowMonoMs, wallMs: 0 });
  }

  /** A verdict about a subject was made. */
  dies(node: NodeId): void {
    const subject = new Subject(node, 1_000, { monoMs: 0, wallMs: 0 });
    const [accusers, name] = [[] as NodeId[], { boot: 1, seq: 1 }];
    const at = { atMonoMs: 0, atWallMs: 0, majoritySeenMonoMs: 0, saidMonoMs: 0 };
    const electorate = { members: 100, quorum: 3, witnesses: [] };
    subject.latch = { name, accusers, electorate, singleWitness: false, ...at };
    this.subjects.set(node, subject);
  }

  /** A pulse of a subject arrived. */
  heard(node: NodeId, nowMonoMs: number, sight?: { of: number; inSight: number }): void {
    const subject = this.subjects.get(node) ?? new Subject(node, 1_000, { monoMs: 0, wallMs: 0 });
    this.subjects.set(node, subject);
    const seq = nowMonoMs + 1;
    subject.dating.onPulse({ boot: 1, seq, upMs: nowMonoMs, intervalMs: 1_000 }, nowMonoMs, true);
    subject.datedSinceBase = true;
    subject.saysDateMonoMs = nowMonoMs;
    subject.says = {
      agent: "t",
      heard: [],
      heads: [],
      auditSize: 0,
      auditHash: new Uint8Array(32),
      missing: [],
      beats: [],
      sight,
    };
  }
}

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

  test("PU8 VE2 a node with few subjects that are all dead does not take itself for a minority by them", () => {
    const few = Array.from({ length: 100 }, (_, index) => new Facts(100, `n${index}`)).filter(
      ({ witnesses }) => witnesses.duties.size < 5,
    );
    expect(few.length).toBeGreaterThan(0);
    for (const { witnesses } of few) expect(witnesses.hasMajority(1_000)).toBe(true);
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

  test.each([
    ["us", ["n0", "n1", "n2"], true],
    ["eu", ["n90", "n93", "n94", "n95"], false],
  ])(
    "PU8 VE4 VE2 P8 a majority without region %s, which is back, is one until its members could have been heard, and of the fleet only where it is its larger part",
    (lost, readers, isFleet) => {
      const backMs = 30_000;
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
        expect([self, duties.length > own.length, own.length > 1]).toEqual([self, true, true]);
        expect([self, ...look(backMs)]).toEqual([self, true, false, isFleet]);
        expect([self, ...look(backMs + 2_200)]).toEqual([self, true, false, isFleet]);
        expect([self, ...look(backMs + 2_201)]).toEqual([self, false, false, false]);
        for (const node of duties) facts.heard(node, backMs + 2_300, { of: 10, inSight: 9 });
        expect([self, ...look(backMs + 2_400)]).toEqual([self, true, true, true]);
      }
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
