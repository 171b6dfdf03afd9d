/** Nothing that liveness decides comes later than its date because nobody looked (rules VE2, VE3, PU1). */
import { createTestPorts } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import type { CoreConfig } from "../config.ts";
import type { NodeId } from "../ids.ts";
import { sealPulse } from "../pulse/pulse-codec.ts";
import { decodeEnvelope } from "../wire/envelope.ts";
import {
  decodeObservation,
  OBSERVATION_BYTES_MAX,
  type ObservationKind,
} from "./observation-codec.ts";
import { VirtualNeighbours } from "./virtual-neighbours.test-support.ts";

const FIVE = ["na", "nb", "nc", "nd", "ne"];

function mesh(
  names: readonly NodeId[] = FIVE,
  config: Partial<CoreConfig> = {},
): VirtualNeighbours {
  const net = new VirtualNeighbours(names, createTestPorts, config);
  net.run(10_000);
  return net;
}

/** When a node said something of `na` to everybody. */
function saidAtMs(net: VirtualNeighbours, by: NodeId, kind: ObservationKind): readonly number[] {
  const { env } = net.node(by);
  return net.sent.flatMap(({ from, topic, bytes, atMs }) => {
    if (from !== by || topic !== "verdict") return [];
    const opened = decodeEnvelope(env, bytes, OBSERVATION_BYTES_MAX);
    const said = opened.ok ? decodeObservation(env, opened.envelope.body) : undefined;
    return said?.statements.some((one) => one.kind === kind && one.subject === "na") === true
      ? [atMs]
      : [];
  });
}

/** The next pulse of the dead `na` as it would have gone on, delivered to `nb` without delay. */
function pulseOfNa(net: VirtualNeighbours, intervalMs: number): void {
  const { env, near } = net.node("na");
  const header = {
    boot: near.pulses.boot,
    seq: near.pulses.seq + 1,
    upMs: near.pulses.upMs(net.clockOf(net.node("na"))),
    wallMs: 1,
    intervalMs,
    lagMs: 0,
    doubt: false,
    pausedForMs: undefined,
    goodbye: false,
  };
  const nothing = { agent: "t", heard: [], heads: [], missing: [], beats: [] };
  const bytes = sealPulse(env, header, {
    ...nothing,
    auditSize: 0,
    auditHash: new Uint8Array(32),
  });
  net.deliver("pulse", bytes, "na", net.node("nb"));
}

test("VE3 a node that was down and came back is said to be up at once, after one interval and after five more", () => {
  const net = mesh();
  net.crash("na");
  net.run(8_000);
  net.restart("na", 200);
  net.run(20_000);
  for (const by of FIVE.slice(1)) {
    const [first = 0, second = 0, third = 0] = saidAtMs(net, by, "up");
    expect([by, second - first, third - second]).toEqual([by, 1_000, 5_000]);
  }
});

test("PU1 VE3 a node that shortens its interval is judged by the shorter one from its next pulse on, also by nodes that pulse seldom", () => {
  const net = mesh(["na", "nb"], { pulseEveryMs: 20_000 });
  net.run(60_000);
  net.crash("na");
  net.run(1_000);
  pulseOfNa(net, 1_000);
  net.run(3_190);
  expect(net.status("na", "nb")).toBe("up");
  net.run(20);
  expect([net.status("na", "nb"), net.reason("na", "nb")]).toEqual(["late", "suspected"]);
  net.run(300);
  expect(net.status("na", "nb")).toBe("down");
});
