import { describe, expect, test } from "vitest";
import { createTestPorts } from "@pulsemesh/testkit";
import { coreConfig } from "../config.ts";
import type { NodeId } from "../ids.ts";
import { Outbox } from "../outbox.ts";
import type { Member } from "../roster/membership.ts";
import { Electorate } from "./electorate.ts";
import { Subject } from "./subject.ts";

const members: readonly Member[] = ["na", "nb", "nc"].map((node) => ({
  node,
  name: node,
  region: "r",
  agent: "t",
  joinedMonoMs: 0,
}));

/** What `na` knows: `nb` promises a pulse a minute, `nc` one a second; both were heard at zero. */
function known(): { readonly electorate: Electorate; readonly nb: Subject; readonly nc: Subject } {
  const at = { monoMs: 0, wallMs: 0 };
  const [nb, nc] = [new Subject("nb", 60_000, at), new Subject("nc", 1_000, at)];
  for (const subject of [nb, nc]) {
    const { intervalMs } = subject;
    subject.dating.onPulse({ boot: 1, seq: 1, upMs: 0, intervalMs }, 0, true);
    subject.datedSinceBase = true;
  }
  const membership = {
    members: () => members,
    member: (node: NodeId) => members.find((member) => member.node === node),
    hasLeft: () => false,
    hasRetired: () => false,
    ending: () => undefined,
    version: 1,
  };
  const subjects = new Map([nb, nc].map((subject) => [subject.node, subject]));
  const env = {
    identity: { fleet: "f", self: "na", name: "na", region: "r", agent: "t" },
    config: coreConfig(),
    ports: createTestPorts("na"),
    out: new Outbox(),
  };
  return { electorate: new Electorate(env, { membership, subjects }), nb, nc };
}

describe("Electorate", () => {
  test("VE2 P2 a witness that pulses once a minute is long in sight after a cut, and makes no majority over who fell silent since", () => {
    const { electorate, nb, nc } = known();
    expect(electorate.hasMajority(10_000)).toBe(true);
    expect(electorate.hasMajorityOver(nc, 10_000)).toBe(false);
    nb.dating.onPulse({ boot: 1, seq: 2, upMs: 12_000, intervalMs: 60_000 }, 12_000, true);
    expect(electorate.hasMajorityOver(nc, 12_000)).toBe(true);
  });
});
