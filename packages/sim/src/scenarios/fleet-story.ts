/**
 * Ten minutes in the life of a fleet, drawn from the seed: machines crash and come back, processes are killed, stopped and suspended, clocks
 * are set, parts of the network are cut off, links break. At most a quarter of the fleet is in trouble at once, so that there is
 * always a majority to agree; the last minute and a half is quiet, so that everything must be well again at its end.
 */
import { lanConfig, wanConfig, type CoreConfig } from "@pulsemesh/core";
import { SeededRandom } from "@pulsemesh/testkit";
import { endOf, nodesOf, type Fault } from "../faults/fault.ts";
import type { LiarKind } from "../hostile/liars.ts";
import {
  calmNetwork,
  lossyNetwork,
  stallingNetwork,
  type NetworkModel,
} from "../network/network-model.ts";
import type { Scenario } from "./scenario.ts";

export interface StoryOptions {
  readonly seed: number;
  /** @default 30 */
  readonly nodes?: number | undefined;
  /** Virtual minutes. @default 10 */
  readonly minutes?: number | undefined;
}

const FIRST_FAULT_MS = 30_000;
const QUIET_END_MS = 90_000;
const MEAN_BETWEEN_FAULTS_MS = 12_000;
/** Of a hundred nodes at most so many in trouble at once. */
const TROUBLE_SHARE = 0.25;
const NETWORKS: readonly NetworkModel[] = [
  lossyNetwork,
  stallingNetwork,
  { ...calmNetwork, verdictLossShare: 0.2 },
];
/** Pulses every second on one site, every two seconds across several; fleets of this size are more often the latter. */
const PROFILES: readonly CoreConfig[] = [wanConfig, lanConfig, wanConfig, wanConfig, wanConfig];
const LIARS: readonly LiarKind[] = ["accuser", "objector", "replayer"];

export function fleetStory(options: StoryOptions): Scenario {
  const { seed, nodes = 30, minutes = 10 } = options;
  const random = new SeededRandom(seed).fork("story");
  const forMs = minutes * 60_000;
  const isStaggered = random.chance(0.5);
  const liar = random.chance(0.5) ? [{ node: nodes - 1, kind: random.pick(LIARS) }] : [];
  return {
    name: "story",
    nodes,
    network: NETWORKS[seed % NETWORKS.length] ?? lossyNetwork,
    config: PROFILES[seed % PROFILES.length] ?? lanConfig,
    startsMs: Array.from({ length: nodes }, () => random.between(0, isStaggered ? 20_000 : 500)),
    faults: drawFaults(random, { nodes: nodes - liar.length, untilMs: forMs - QUIET_END_MS }),
    liars: liar,
    forMs,
    beatEveryMs: 20_000,
    patchEveryMs: 60_000,
    sampleEveryMs: 500,
    patience: 1,
  };
}

/** The liar, if there is one, is the last node and has no accidents: it would only be less of a nuisance. */
function drawFaults(
  random: SeededRandom,
  options: { readonly nodes: number; readonly untilMs: number },
): readonly Fault[] {
  const faults: Fault[] = [];
  const troubled = new Map<number, number>();
  for (
    let atMs = FIRST_FAULT_MS;
    atMs < options.untilMs;
    atMs += random.exponential(MEAN_BETWEEN_FAULTS_MS)
  ) {
    for (const [node, untilMs] of troubled) if (untilMs < atMs) troubled.delete(node);
    const room = Math.floor(options.nodes * TROUBLE_SHARE) - troubled.size;
    const well = random.shuffled(
      Array.from({ length: options.nodes }, (_, node) => node).filter(
        (node) => !troubled.has(node),
      ),
    );
    if (room < 1) continue;
    const fault = drawFault(random, { atMs, well, room, untilMs: options.untilMs });
    faults.push(fault);
    for (const node of nodesOf(fault)) troubled.set(node, endOf(fault) + 10_000);
  }
  return faults;
}

interface Moment {
  readonly atMs: number;
  /** Nodes without trouble, shuffled. */
  readonly well: readonly number[];
  readonly room: number;
  readonly untilMs: number;
}

function drawFault(random: SeededRandom, moment: Moment): Fault {
  const { atMs, well, room, untilMs } = moment;
  const node = well[0] ?? 0;
  const upTo = (limitMs: number): number => Math.min(untilMs - atMs, random.between(500, limitMs));
  const roll = random.unit();
  if (roll < 0.2) return { type: "crash", atMs, node, how: "power", downMs: upTo(40_000) };
  if (roll < 0.35) return { type: "crash", atMs, node, how: "kill", downMs: upTo(20_000) };
  if (roll < 0.42) return { type: "stop", atMs, node, mode: "pause", downMs: upTo(20_000) };
  if (roll < 0.6) return { type: "stall", atMs, node, forMs: upTo(12_000), isSuspended: false };
  if (roll < 0.66) return { type: "stall", atMs, node, forMs: upTo(30_000), isSuspended: true };
  if (roll < 0.72)
    return { type: "step", atMs, node, byMs: random.pick([-3_600_000, 3_600_000, -5_000, 5_000]) };
  const isSilent = random.chance(0.5);
  const cut = { type: "cut", atMs, forMs: upTo(40_000), isSilent } as const;
  if (roll < 0.86) {
    const [a = 0, b = 1] = well;
    return { ...cut, groupA: [a], groupB: [b], isOneWay: isSilent && random.chance(0.5) };
  }
  const size = 1 + random.integer(room);
  return { ...cut, groupA: well.slice(0, size), groupB: [], isOneWay: false };
}
