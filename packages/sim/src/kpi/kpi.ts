/** The numbers of a run, which DESIGN §9 has goals for. All of them depend on scenario and seed alone. */
import { BoundsCheck } from "../checks/bounds-check.ts";
import type { Check } from "../checks/check.ts";
import { DetectionMeter, quantile } from "../checks/detection.ts";
import { DurabilityCheck } from "../checks/durability-check.ts";
import { TrafficMeter, type Traffic } from "../checks/traffic.ts";
import { VerdictCheck } from "../checks/verdict-check.ts";
import { endOf, nodesOf, type Fault } from "../faults/fault.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { Scenario } from "../scenarios/scenario.ts";
import { ByteMeter, type Bytes } from "./byte-meter.ts";
import { ChangeMeter, type Changes } from "./change-meter.ts";
import { HealMeter } from "./heal-meter.ts";
import { ViewMeter, type Views } from "./view-meter.ts";

export interface Kpi {
  /** Deaths that 99% of the live nodes found, and those that not so many did. */
  readonly deaths: number;
  readonly deathsUnfound: number;
  /** Each of them, sorted, in whole ms. */
  readonly delaysMs: readonly number[];
  /** From a death to the verdict on 99% of the live nodes, in ms; undefined where nobody died. */
  readonly detectionP50Ms: number | undefined;
  readonly detectionP90Ms: number | undefined;
  readonly detectionP99Ms: number | undefined;
  readonly detectionMaxMs: number | undefined;
  /** How often a node called one `down` that was alive and in reach. */
  readonly falseVerdicts: number;
  /** The same, counted once for all nodes that did. */
  readonly falseDowns: number;
  readonly nodeHours: number;
  readonly falseDownsPerNodeHour: number;
  readonly accusations: number;
  /** Of nodes that lived and were in reach. */
  readonly wrongAccusations: number;
  /** Changes of status of nodes that something happens to; undefined where nothing does. */
  readonly changesPerFaultyNode: Changes | undefined;
  readonly views: Views;
  /** From the end of a partition to one view and equal documents, in ms; null when that never came, undefined where there was none. */
  readonly healMs: number | null | undefined;
  /** Per node and second. */
  readonly bytes: Bytes;
  /** Beats and patches taken by nodes that were out of reach of most. */
  readonly takenOffline: number;
  readonly worstDisagreementMs: number | undefined;
  readonly acknowledgements: number;
  readonly largestPulseBytes: number;
  readonly mostEffects: number;
  readonly traffic: Traffic;
}

/** What measures a run; all of them are checks of its fleet. */
export interface Meters {
  readonly verdicts: VerdictCheck;
  readonly durability: DurabilityCheck;
  readonly bounds: BoundsCheck;
  readonly detection: DetectionMeter;
  readonly traffic: TrafficMeter;
  readonly bytes: ByteMeter;
  readonly views: ViewMeter;
  readonly changes: ChangeMeter;
  readonly heal: HealMeter;
}

/** A cut of at least this share of the fleet is a partition; below it the nodes behind it are faulty. */
const PARTITION_SHARE = 0.1;
/** Loss up to which no false verdict is allowed (DESIGN §9). */
const STRICT_LOSS_SHARE = 0.05;
/** Healing is looked for this often. */
const HEAL_LOOK_MS = 100;

export function createMeters(fleet: Fleet, scenario: Scenario): Meters {
  const { faults, network, nodes, settledMs = 0 } = scenario;
  const isPartition = (fault: Fault): boolean =>
    fault.type === "cut" && fault.groupA.length >= PARTITION_SHARE * nodes;
  const faulty = new Set(faults.flatMap((fault) => (isPartition(fault) ? [] : nodesOf(fault))));
  const endsMs = scenario.measuresHeal === true ? faults.filter(isPartition).map(endOf) : [];
  for (const endMs of endsMs) fleet.at(endMs, () => fleet.sampleEvery(HEAL_LOOK_MS));
  return {
    verdicts: new VerdictCheck(fleet, { isStrict: network.lossShare <= STRICT_LOSS_SHARE }),
    durability: new DurabilityCheck(fleet),
    bounds: new BoundsCheck(fleet),
    detection: new DetectionMeter(fleet),
    traffic: new TrafficMeter(fleet),
    bytes: new ByteMeter(fleet, scenario.costFromMs),
    views: new ViewMeter(fleet, settledMs),
    changes: new ChangeMeter(fleet, faulty, settledMs),
    heal: new HealMeter(fleet, endsMs),
  };
}

/** All of them, to be added to the fleet. */
export function checksOf(meters: Meters): readonly Check[] {
  const { verdicts, durability, bounds, detection, traffic, bytes, views, changes, heal } = meters;
  return [verdicts, durability, bounds, detection, traffic, bytes, views, changes, heal];
}

export function readKpi(
  meters: Meters,
  agreement: { readonly worstDisagreementMs: number | undefined },
  takenOffline: number,
): Kpi {
  const { verdicts, durability, bounds, detection, bytes, heal } = meters;
  const { delaysMs, unfound } = detection;
  const { nodeHours } = bytes;
  return {
    deaths: delaysMs.length,
    deathsUnfound: unfound,
    delaysMs: delaysMs.map(Math.round),
    detectionP50Ms: quantile(delaysMs, 0.5),
    detectionP90Ms: quantile(delaysMs, 0.9),
    detectionP99Ms: quantile(delaysMs, 0.99),
    detectionMaxMs: delaysMs.at(-1),
    falseVerdicts: verdicts.falseVerdicts,
    falseDowns: verdicts.falseDowns,
    nodeHours,
    falseDownsPerNodeHour: nodeHours === 0 ? 0 : verdicts.falseDowns / nodeHours,
    accusations: verdicts.accusations,
    wrongAccusations: verdicts.wrongAccusations,
    changesPerFaultyNode: meters.changes.result,
    views: meters.views.result,
    healMs: heal.worstMs === Number.POSITIVE_INFINITY ? null : heal.worstMs,
    bytes: bytes.result,
    takenOffline,
    worstDisagreementMs: agreement.worstDisagreementMs,
    acknowledgements: durability.acknowledgements,
    largestPulseBytes: bounds.largestPulseBytes,
    mostEffects: bounds.mostEffects,
    traffic: meters.traffic.result,
  };
}
