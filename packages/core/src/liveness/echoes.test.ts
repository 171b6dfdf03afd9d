import { describe, expect, test } from "vitest";
import { HEARD_MAX } from "../pulse/pulse-codec.ts";
import type { Membership } from "../roster/membership.ts";
import { echoes } from "./echoes.ts";
import { Subject } from "./subject.ts";

const INTERVAL_MS = 1_000;
const RECENT_MS = 12 * INTERVAL_MS;

const allMembers: Membership = {
  members: () => [],
  member: (node) => ({ node, name: node, region: "r", agent: "t", joinedMonoMs: 0 }),
  hasLeft: () => false,
  hasRetired: () => false,
  ending: () => undefined,
  version: 1,
};

function subjectsOf(count: number): readonly Subject[] {
  return Array.from(
    { length: count },
    (_, index) => new Subject(`node-${100 + index}`, INTERVAL_MS, { monoMs: 0, wallMs: 0 }),
  );
}

/** Each subject pulses once an interval, always at the same distance from the own pulse, as nodes do. */
function pulse(subjects: readonly Subject[], seq: number): void {
  for (const [index, { dating }] of subjects.entries()) {
    const arrivalMonoMs = seq * INTERVAL_MS + (index * INTERVAL_MS) / subjects.length;
    dating.onPulse(
      { boot: 1, seq, upMs: arrivalMonoMs, intervalMs: INTERVAL_MS },
      arrivalMonoMs,
      true,
    );
  }
}

describe("echoes", () => {
  test("PU1 PU4 of more than HEARD_MAX members everybody is echoed in turn, though all pulse at fixed distances", () => {
    const subjects = subjectsOf(3 * HEARD_MAX);
    const echoed = new Map<string, number>();
    for (let seq = 1; seq <= 6; seq += 1) {
      pulse(subjects, seq);
      const now = { monoMs: (seq + 1) * INTERVAL_MS, wallMs: 0 };
      const heard = echoes(subjects, allMembers, RECENT_MS, now);
      expect(heard).toHaveLength(HEARD_MAX);
      for (const { shortId, seq: newest } of heard) {
        echoed.set(shortId, (echoed.get(shortId) ?? 0) + 1);
        // What is echoed is of this moment: only then it dates a boot.
        expect(newest).toBe(seq);
      }
    }
    expect([...echoed.values()]).toEqual(subjects.map(() => 2));
  });

  test("PU4 a new boot comes first", () => {
    const subjects = subjectsOf(2 * HEARD_MAX);
    pulse(subjects, 1);
    echoes(subjects, allMembers, RECENT_MS, { monoMs: 2_000, wallMs: 0 });
    const [restarted] = subjects as [Subject];
    restarted.echoedMonoMs = Number.NEGATIVE_INFINITY;
    pulse(subjects, 2);
    const heard = echoes(subjects, allMembers, RECENT_MS, { monoMs: 3_000, wallMs: 0 });
    expect(heard.map(({ shortId }) => shortId)).toContain(restarted.shortId);
  });

  test("PU4 observers of a large fleet are echoed in turn, and members keep most of the room", () => {
    const subjects = subjectsOf(2 * HEARD_MAX);
    const observers = new Set(subjects.slice(0, 16).map(({ node }) => node));
    const member: Membership["member"] = (node) =>
      observers.has(node) ? undefined : allMembers.member(node);
    const echoed = new Set<string>();
    for (let seq = 1; seq <= 2; seq += 1) {
      pulse(subjects, seq);
      const now = { monoMs: (seq + 1) * INTERVAL_MS, wallMs: 0 };
      const heard = echoes(subjects, { ...allMembers, member }, RECENT_MS, now);
      expect(heard).toHaveLength(HEARD_MAX);
      for (const { shortId } of heard) echoed.add(shortId);
    }
    const names = subjects.filter(({ shortId }) => echoed.has(shortId)).map(({ node }) => node);
    expect(names.filter((node) => observers.has(node))).toHaveLength(16);
    expect(names).toHaveLength(2 * HEARD_MAX);
  });

  test("PU4 whoever was not heard for long is not echoed", () => {
    const subjects = subjectsOf(2);
    pulse(subjects, 1);
    const at = (monoMs: number) => echoes(subjects, allMembers, RECENT_MS, { monoMs, wallMs: 0 });
    expect([at(13_000).length, at(13_001).length]).toEqual([2, 1]);
  });
});
