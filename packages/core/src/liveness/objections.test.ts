/** What one liar can make the others say (rule VE3, promise P6), and that whoever is in danger is defended at once (P2). */
import { createTestPorts } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import type { Env } from "../env.ts";
import type { NodeId } from "../ids.ts";
import { sealPulse } from "../pulse/pulse-codec.ts";
import {
  OBSERVATIONS_PER_SECOND_MAX,
  sealObservation,
  type Statement,
} from "./observation-codec.ts";
import { VirtualNeighbours } from "./virtual-neighbours.test-support.ts";

type Sent = VirtualNeighbours["sent"][number];

function fleetOf(nodes: number): VirtualNeighbours {
  const names = Array.from({ length: nodes }, (_, index) => `node-${100 + index}`);
  const net = new VirtualNeighbours(names, createTestPorts);
  net.run(5_000);
  return net;
}

let lieSeq = 1_000;

/** Accusations by a pulse that is long past, signed as they must be. */
function accusationsBy(env: Env, boot: number, subjects: readonly NodeId[]): Uint8Array {
  const statements = subjects.map((subject): Statement => {
    return { kind: "accuse", subject, name: { boot: 0, seq: 0 }, evidence: undefined };
  });
  lieSeq += 1;
  return sealObservation(env, { boot, seq: lieSeq, upMs: 1_000_000, statements });
}

function accuse(net: VirtualNeighbours, liar: NodeId, subjects: readonly NodeId[]): void {
  const { env, near } = net.node(liar);
  const bytes = accusationsBy(env, near.pulses.boot, subjects);
  for (const node of net.nodes) if (node.id !== liar) net.deliver("verdict", bytes, liar, node);
}

/** What others than `liars` send while `act` runs. */
function sentBy(net: VirtualNeighbours, liars: readonly NodeId[], act: () => void): Sent[] {
  const before = net.sent.length;
  act();
  return net.sent.slice(before).filter(({ from }) => !liars.includes(from));
}

function objectionsIn(sent: readonly Sent[]): readonly Sent[] {
  return sent.filter(({ topic }) => topic === "verdict");
}

const bytesOf = (sent: readonly Sent[]): number =>
  sent.reduce((sum, { bytes }) => sum + bytes.length, 0);

describe("objections", () => {
  test.each([
    ["all at once", true],
    ["one by one", false],
  ])(
    "VE3 P6 a liar that accuses all of 32, OBSERVATIONS_PER_SECOND_MAX times a second, makes them say no more than they pulse: %s",
    (_, isAtOnce) => {
      const net = fleetOf(32);
      const [liar = "", ...others] = net.nodes.map(({ id }) => id);
      const quiet = sentBy(net, [liar], () => net.run(1_000));
      const loud = sentBy(net, [liar], () => {
        for (let step = 0; step < OBSERVATIONS_PER_SECOND_MAX; step += 1) {
          const one = others[step % others.length] ?? "";
          accuse(net, liar, isAtOnce ? others : [one]);
          net.run(1_000 / OBSERVATIONS_PER_SECOND_MAX);
        }
      });
      const objections = objectionsIn(loud);
      expect(objections.length).toBeGreaterThan(0);
      expect(objections.length).toBeLessThanOrEqual(quiet.length);
      // The first second has one round more than the others.
      expect(bytesOf(objections)).toBeLessThanOrEqual(1.25 * bytesOf(quiet));
      // Each pulses at once, at most every half second.
      expect(loud.length - objections.length).toBeLessThanOrEqual(2 * quiet.length);
    },
  );

  test("VE3 a lone accuser is answered within half an interval, by two at most, and by others when those do not speak", () => {
    const net = fleetOf(8);
    const [liar = "", , , , victim = ""] = net.nodes.map(({ id }) => id);
    const spoken = objectionsIn(
      sentBy(net, [liar], () => {
        accuse(net, liar, [victim]);
        net.run(505);
      }),
    );
    expect([1, 2]).toContain(spoken.length);
    net.run(5_000);
    const spokesmen = new Set(["node-101", "node-102", ...spoken.map(({ from }) => from)]);
    net.drop = ({ from, topic }) => topic === "verdict" && spokesmen.has(from);
    const others = objectionsIn(
      sentBy(net, [liar, ...spokesmen], () => {
        accuse(net, liar, [victim]);
        net.run(505);
      }),
    );
    expect(others.length).toBeGreaterThan(0);
  });

  test("VE3 P2 from the accuser before the last of a quorum on, everybody who knows better objects at once", () => {
    const net = fleetOf(8);
    const [first = "", second = "", victim = "", ...honest] = net.nodes.map(({ id }) => id);
    const sent = sentBy(net, [first, second], () => {
      accuse(net, first, [victim]);
      net.run(10);
      accuse(net, second, [victim]);
    });
    expect(objectionsIn(sent).map(({ from }) => from)).toEqual(honest);
  });

  test("VE3 P6 whoever is no member makes nobody object, and nobody pulse more often", () => {
    const net = fleetOf(5);
    const node = net.node("node-100");
    const identity = { ...node.env.identity, self: "stranger" };
    const env = { ...node.env, identity, ports: createTestPorts("stranger") };
    const header = { boot: 1, seq: 1, upMs: 1_000, wallMs: 1, intervalMs: 1_000, lagMs: 0 };
    const pulse = sealPulse(
      env,
      { ...header, doubt: false, pausedForMs: undefined, goodbye: false },
      {
        agent: "t",
        heard: [],
        heads: [],
        missing: [],
        beats: [],
        auditSize: 0,
        auditHash: new Uint8Array(32),
      },
    );
    net.input(node, () => node.near.onPeerUp("stranger"));
    net.deliver("pulse", pulse, "stranger", node);
    net.run(2_000);
    const sent = sentBy(net, [], () => {
      for (let step = 0; step < 40; step += 1) {
        const bytes = accusationsBy(env, 1, ["node-100", "node-101"]);
        net.deliver("verdict", bytes, "stranger", node);
        net.run(50);
      }
    }).filter(({ from }) => from === "node-100");
    expect(node.rejects.filter((reason) => reason === "observation-stranger")).toEqual([]);
    expect(objectionsIn(sent)).toEqual([]);
    expect(sent.length).toBeLessThanOrEqual(3);
  });
});
