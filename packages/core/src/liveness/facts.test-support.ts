import { createTestPorts } from "@pulsemesh/testkit";
import { coreConfig } from "../config.ts";
import type { NodeId } from "../ids.ts";
import { Outbox } from "../outbox.ts";
import type { Member } from "../roster/membership.ts";
import { Electorate } from "./electorate.ts";
import { ChosenWitnesses } from "./chosen-witnesses.ts";
import { Regions } from "./regions.ts";
import { Subject } from "./subject.ts";

/** What one node knows of a fleet of so many, whose size can be changed. */
export class Facts {
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
