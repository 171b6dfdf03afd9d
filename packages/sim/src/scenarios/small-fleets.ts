/**
 * Small fleets, enumerated and not sampled: every size from one to five, every way to start, everything that can happen to one node or
 * one link, every kind of liar, with and without lost verdict messages. Small fleets are where quorums are tight.
 */
import type { Fault } from "../faults/fault.ts";
import type { LiarKind } from "../hostile/liars.ts";
import { calmNetwork } from "../network/network-model.ts";
import type { Scenario } from "./scenario.ts";

export const SMALL_SIZES: readonly number[] = [1, 2, 3, 4, 5];
const STARTS = ["cold", "staggered"] as const;
const LIARS: readonly (LiarKind | "honest")[] = ["honest", "accuser", "objector", "replayer"];
const VERDICT_LOSSES = [0, 20] as const;

const FAULT_AT_MS = 40_000;
const RUN_MS = 100_000;
/** Long enough for a verdict, its latch and its expiry. */
const CUT_MS = 24_000;

/** What happens to node 0, or to its links, at 40 s. */
const FAULTS: Readonly<Record<string, (nodes: number) => readonly Fault[]>> = {
  crash: () => [crash("power", Number.POSITIVE_INFINITY)],
  "restart-before": () => [crash("kill", 1_500)],
  "restart-at": () => [crash("power", 3_400)],
  "restart-after": () => [crash("power", 15_000)],
  "restart-late": () => [crash("kill", 30_000)],
  "stop-wake-before": () => [stall(2_500)],
  "stop-wake": () => [stall(10_000)],
  "stop-wake-late": () => [stall(25_000)],
  suspend: () => [{ ...stall(10_000), isSuspended: true }],
  "clock-step": () => [{ type: "step", atMs: FAULT_AT_MS, node: 0, byMs: 3_600_000 }],
  "clock-step-back": () => [{ type: "step", atMs: FAULT_AT_MS, node: 0, byMs: -3_600_000 }],
  "cut-heal": (nodes) => [cut(minority(nodes), majority(nodes), { isSilent: false })],
  "cut-heal-silent": (nodes) => [cut(minority(nodes), majority(nodes), { isSilent: true })],
  "broken-link": () => [cut([0], [1], { isSilent: false })],
  "broken-link-one-way": () => [cut([0], [1], { isSilent: true, isOneWay: true })],
  pause: () => [{ type: "stop", atMs: FAULT_AT_MS, node: 0, mode: "pause", downMs: 10_000 }],
  leave: () => [
    { type: "stop", atMs: FAULT_AT_MS, node: 0, mode: "leave", downMs: Number.POSITIVE_INFINITY },
  ],
};

/** All of them, in a fixed order. */
export function smallFleets(nodes: number): readonly Scenario[] {
  const scenarios: Scenario[] = [];
  for (const start of STARTS) {
    for (const [fault, faultsOf] of Object.entries(FAULTS)) {
      for (const liar of LIARS) {
        for (const lossPercent of VERDICT_LOSSES) {
          // Nobody lies to himself, and a link needs two ends.
          if (nodes === 1 && (liar !== "honest" || fault.startsWith("broken"))) continue;
          const name = `small/${nodes}/${start}/${fault}/${liar}/${lossPercent}`;
          scenarios.push(
            smallFleet({ name, nodes, start, faults: faultsOf(nodes), liar, lossPercent }),
          );
        }
      }
    }
  }
  return scenarios;
}

interface SmallFleet {
  readonly name: string;
  readonly nodes: number;
  readonly start: (typeof STARTS)[number];
  readonly faults: readonly Fault[];
  readonly liar: LiarKind | "honest";
  readonly lossPercent: number;
}

function smallFleet(options: SmallFleet): Scenario {
  const { name, nodes, start, faults, liar, lossPercent } = options;
  return {
    name,
    nodes,
    network: { ...calmNetwork, verdictLossShare: lossPercent / 100 },
    startsMs: Array.from({ length: nodes }, (_, index) =>
      start === "cold" ? index * 20 : index * 5_000,
    ),
    config: {},
    faults,
    liars: liar === "honest" ? [] : [{ node: nodes - 1, kind: liar }],
    forMs: RUN_MS,
    beatEveryMs: 5_000,
    patchEveryMs: 7_000,
    sampleEveryMs: 100,
    patience: 1,
  };
}

function crash(how: "kill" | "power", downMs: number): Fault {
  return { type: "crash", atMs: FAULT_AT_MS, node: 0, how, downMs };
}

function stall(forMs: number): Extract<Fault, { readonly type: "stall" }> {
  return { type: "stall", atMs: FAULT_AT_MS, node: 0, forMs, isSuspended: false };
}

function cut(
  groupA: readonly number[],
  groupB: readonly number[],
  how: { readonly isSilent: boolean; readonly isOneWay?: boolean },
): Fault {
  return {
    type: "cut",
    atMs: FAULT_AT_MS,
    forMs: CUT_MS,
    groupA,
    groupB,
    isSilent: how.isSilent,
    isOneWay: how.isOneWay ?? false,
  };
}

/** Nodes 0 … up to half of the fleet; of an even fleet, exactly half. */
function minority(nodes: number): readonly number[] {
  return Array.from({ length: Math.floor(nodes / 2) }, (_, index) => index);
}

function majority(nodes: number): readonly number[] {
  return Array.from(
    { length: nodes - Math.floor(nodes / 2) },
    (_, index) => Math.floor(nodes / 2) + index,
  );
}
