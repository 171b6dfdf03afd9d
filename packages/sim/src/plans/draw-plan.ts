/** Makes a scenario of a plan: a size, regions, and the nodes that each event happens to, drawn from the seed. */
import { SeededRandom } from "@pulsemesh/testkit";
import { endOf, type Fault } from "../faults/fault.ts";
import {
  calmNetwork,
  lossyNetwork,
  stallingNetwork,
  type NetworkModel,
} from "../network/network-model.ts";
import type { Scenario } from "../scenarios/scenario.ts";
import type { NetworkPlan, Plan, PlannedEvent, RegionShare, What, Who } from "./plan.ts";

export interface DrawOptions {
  readonly seed: number;
  /** @default the plan's */
  readonly nodes?: number | undefined;
  /** Virtual minutes. @default the plan's */
  readonly minutes?: number | undefined;
}

const NETWORKS = { calm: calmNetwork, lossy: lossyNetwork, stalling: stallingNetwork } as const;
const TWO_REGIONS: readonly RegionShare[] = [
  { name: "eu", share: 0.5 },
  { name: "us", share: 0.5 },
];
const START_WITHIN_MS = 2_000;
/** In large fleets a node that comes back listens for 20 intervals before it speaks of everybody (rule PU8). */
const QUIET_INTERVALS = 40;
/** Larger fleets are looked at less often: looking costs more, and what takes long is what is looked for. */
const SAMPLE_EVERY_MS = 250;

/** Undefined `nodes` and `minutes` are the plan's own. */
export function drawPlan(plan: Plan, options: DrawOptions): Scenario {
  const random = new SeededRandom(options.seed).fork(`plan-${plan.name}`);
  const nodes = options.nodes ?? plan.nodes;
  const regions = regionsOf(plan.regions ?? TWO_REGIONS, nodes);
  const pulseEveryMs = plan.pulseEveryMs ?? 1_000;
  const robotEveryMs = plan.robotEveryMs ?? 60_000;
  const forMs = Math.round((options.minutes ?? plan.minutes) * 60_000);
  const startsMs = startsOf(plan, nodes, random);
  const cast = new Cast(nodes, regions, random.fork("cast"));
  const liars = (plan.liars ?? []).flatMap(({ share, kind }) =>
    cast.take({ share }).map((node) => ({ node, kind })),
  );
  return {
    name: plan.name,
    nodes,
    network: networkOf(plan.network),
    regions,
    config: { pulseEveryMs, robotEveryMs, syncEveryMs: plan.syncEveryMs ?? 30_000 },
    startsMs,
    grownFrom: plan.growth?.from,
    settledMs: Math.max(...startsMs) + 10 * pulseEveryMs,
    faults: plan.events
      .flatMap((event) => faultsOf(event, cast))
      .flatMap((fault) => endedBy(fault, forMs - QUIET_INTERVALS * Math.min(pulseEveryMs, 1_000)))
      .toSorted((a, b) => a.atMs - b.atMs),
    liars,
    forMs,
    beatEveryMs: plan.beatEveryMs ?? 20_000,
    patchEveryMs: plan.patchEveryMs ?? 60_000,
    sampleEveryMs: (SAMPLE_EVERY_MS * pulseEveryMs) / 1_000,
    patience: plan.patience ?? 1,
    costFromMs: plan.costFromMs,
    measuresHeal: plan.measuresHeal ?? false,
    expectsGray: plan.expectsGray ?? false,
    note: plan.note,
  };
}

type Cut = Extract<What, { readonly type: "cut" }>;
/** An empty group is everybody else. */
type Sides = Pick<Extract<Fault, { readonly type: "cut" }>, "groupA" | "groupB">;

/** Hands out nodes, none twice, so that no two events of a plan meet in one node. */
class Cast {
  readonly #regions: readonly string[];
  readonly #random: SeededRandom;
  #left: number[];

  constructor(nodes: number, regions: readonly string[], random: SeededRandom) {
    this.#regions = regions;
    this.#random = random.fork("others");
    this.#left = random.shuffled(Array.from({ length: nodes }, (_, index) => index));
  }

  take(who: Who): readonly number[] {
    if (who.isAll === true) return this.#regions.map((_, index) => index);
    const chosen = this.#left.filter(
      (node) => who.region === undefined || this.#regions[node] === who.region,
    );
    const count =
      who.count ??
      (who.share === undefined
        ? chosen.length
        : Math.max(1, Math.round(who.share * this.#regions.length)));
    const taken = chosen.slice(0, count);
    const gone = new Set(taken);
    this.#left = this.#left.filter((node) => !gone.has(node));
    return taken.toSorted((a, b) => a - b);
  }

  /** Both sides of a cut; those on the other one may be taken by other events. */
  sidesOf({ from, isInward = false }: Cut, who: readonly number[]): Sides {
    const others = this.#regions.flatMap((region, node) => {
      const isMeant = from?.region === undefined || from.region === region;
      return isMeant && !who.includes(node) ? node : [];
    });
    const some = others.filter(() => from?.share === undefined || this.#random.chance(from.share));
    const groupB = from === undefined && !isInward ? [] : some;
    return isInward ? { groupA: groupB, groupB: who } : { groupA: who, groupB };
  }
}

function faultsOf(event: PlannedEvent, cast: Cast): readonly Fault[] {
  const { staggerMs = 0, again = { everyMs: 0, times: 1 } } = event;
  const who = cast.take(event.who);
  return Array.from(
    { length: again.times },
    (_, time) => event.atMs + time * again.everyMs,
  ).flatMap((atMs) => {
    if (event.what.type === "cut" && !event.what.isEach)
      return who.length === 0 ? [] : [cutOf(event.what, atMs, cast.sidesOf(event.what, who))];
    return who.map((node, at) =>
      event.what.type === "cut"
        ? cutOf(event.what, atMs + at * staggerMs, cast.sidesOf(event.what, [node]))
        : faultOf(event.what, atMs + at * staggerMs, node),
    );
  });
}

function faultOf(what: Exclude<What, Cut>, atMs: number, node: number): Fault {
  switch (what.type) {
    case "crash":
      return { ...what, atMs, node, downMs: what.downMs ?? Number.POSITIVE_INFINITY };
    case "stop":
      return { ...what, atMs, node, downMs: what.downMs ?? Number.POSITIVE_INFINITY };
    case "stall":
    case "loss":
    case "delay":
    case "mute":
    case "step":
      return { ...what, atMs, node };
  }
}

function cutOf(what: Cut, atMs: number, sides: Sides): Fault {
  const { forMs, isSilent, isOneWay } = what;
  return { type: "cut", atMs, forMs, ...sides, isSilent, isOneWay };
}

/** A run ends in peace, so that its last look may ask that all is well: what lasts is cut short, and what would still have to be repaired does not happen. */
function endedBy(fault: Fault, untilMs: number): readonly Fault[] {
  const { atMs } = fault;
  if (atMs >= untilMs) return [];
  if ("forMs" in fault) return [{ ...fault, forMs: Math.min(fault.forMs, untilMs - atMs) }];
  return endOf(fault) > untilMs && Number.isFinite(endOf(fault)) ? [] : [fault];
}

function networkOf(plan: NetworkPlan): NetworkModel {
  const base = NETWORKS[plan.base];
  return {
    ...base,
    lossShare: plan.lossShare ?? base.lossShare,
    stallEveryMs: plan.stallEveryMs ?? base.stallEveryMs,
    gossip: plan.gossip ?? base.gossip,
  };
}

/** Regions in turn through the nodes, so that those that come first are of all of them. */
function regionsOf(shares: readonly RegionShare[], nodes: number): readonly string[] {
  const counts = new Map(shares.map(({ name }) => [name, 0]));
  return Array.from({ length: nodes }, (_, index) => {
    // Whoever is furthest behind its share is next.
    const behind = shares.map(({ name, share }) => ({
      name,
      by: share * (index + 1) - (counts.get(name) ?? 0),
    }));
    const { name } = behind.reduce((most, next) => (next.by > most.by + 1e-9 ? next : most));
    counts.set(name, (counts.get(name) ?? 0) + 1);
    return name;
  });
}

function startsOf(plan: Plan, nodes: number, random: SeededRandom): readonly number[] {
  const withinMs = plan.startWithinMs ?? START_WITHIN_MS;
  const { growth } = plan;
  return Array.from({ length: nodes }, (_, index) => {
    if (growth === undefined || index < growth.from) return random.between(0, withinMs);
    const share = (index - growth.from + 1) / Math.max(1, nodes - growth.from);
    return withinMs + share * (growth.untilMs - withinMs);
  });
}
