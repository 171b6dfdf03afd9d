/** Runs one scenario under all checks and says what came of it. */
import type { CoreConfig } from "@pulsemesh/core";
import { AgreementCheck } from "./checks/agreement-check.ts";
import { BoundsCheck } from "./checks/bounds-check.ts";
import type { Violation } from "./checks/check.ts";
import { ConvergenceCheck } from "./checks/convergence-check.ts";
import { DetectionMeter, quantile } from "./checks/detection.ts";
import { DurabilityCheck } from "./checks/durability-check.ts";
import { LifeCheck } from "./checks/life-check.ts";
import { NumberCheck } from "./checks/number-check.ts";
import { RobotCheck, robotOf } from "./checks/robot-check.ts";
import { TrafficMeter, type Traffic } from "./checks/traffic.ts";
import { VerdictCheck } from "./checks/verdict-check.ts";
import { applyFault } from "./faults/apply-fault.ts";
import { Fleet } from "./fleet/fleet.ts";
import type { CoreFactory, SimNode } from "./fleet/sim-node.ts";
import { addLiar } from "./hostile/liars.ts";
import type { Scenario } from "./scenarios/scenario.ts";

export interface RunOptions {
  readonly seed: number;
  /** The core under test; a patched one shows whether the checks would notice. */
  readonly createCore: CoreFactory;
  readonly config?: Partial<CoreConfig> | undefined;
  /** Sees the fleet before it runs, to watch or to disturb it further. */
  readonly prepare?: ((fleet: Fleet) => void) | undefined;
}

export interface RunReport {
  readonly scenario: string;
  readonly seed: number;
  /** Equal for two runs exactly when the same things happened at the same moments. */
  readonly hash: string;
  readonly violations: readonly Violation[];
  readonly kpi: {
    readonly deaths: number;
    /** From a death to the verdict on 99% of the live nodes, in ms. */
    readonly detectionP50Ms: number | undefined;
    readonly detectionP99Ms: number | undefined;
    readonly falseVerdicts: number;
    readonly accusations: number;
    readonly worstDisagreementMs: number;
    readonly acknowledgements: number;
    readonly largestPulseBytes: number;
    readonly mostEffects: number;
    readonly traffic: Traffic;
  };
  /** Virtual milliseconds. */
  readonly forMs: number;
}

export function runScenario(scenario: Scenario, options: RunOptions): RunReport {
  const { nodes, network, sampleEveryMs, patience } = scenario;
  const { seed, createCore, config } = options;
  const fleet = new Fleet({
    seed,
    nodes,
    network,
    createCore,
    config: { ...scenario.config, ...config },
    sampleEveryMs,
  });
  const verdicts = new VerdictCheck(fleet, { isStrict: network.lossShare <= 0.05 });
  const agreement = new AgreementCheck(fleet, { patience });
  const durability = new DurabilityCheck(fleet);
  const bounds = new BoundsCheck(fleet);
  const detection = new DetectionMeter(fleet);
  const traffic = new TrafficMeter(fleet);
  const checks = [
    verdicts,
    agreement,
    durability,
    bounds,
    detection,
    traffic,
    new RobotCheck(fleet),
  ];
  for (const check of [
    ...checks,
    new LifeCheck(fleet),
    new NumberCheck(fleet),
    new ConvergenceCheck(fleet),
  ])
    fleet.add(check);
  prepare(fleet, scenario, durability);
  options.prepare?.(fleet);
  fleet.runUntil(scenario.forMs);
  fleet.end();
  return {
    scenario: scenario.name,
    seed,
    hash: fleet.trace.hash,
    violations: fleet.violations,
    kpi: {
      deaths: detection.delaysMs.length,
      detectionP50Ms: quantile(detection.delaysMs, 0.5),
      detectionP99Ms: quantile(detection.delaysMs, 0.99),
      falseVerdicts: verdicts.falseVerdicts,
      accusations: verdicts.accusations,
      worstDisagreementMs: agreement.worstDisagreementMs,
      acknowledgements: durability.acknowledgements,
      largestPulseBytes: bounds.largestPulseBytes,
      mostEffects: bounds.mostEffects,
      traffic: traffic.result,
    },
    forMs: scenario.forMs,
  };
}

/** Starts, faults, liars and the daily work of the robots. */
function prepare(fleet: Fleet, scenario: Scenario, durability: DurabilityCheck): void {
  for (const node of fleet.nodes) {
    fleet.at(scenario.startsMs[node.index] ?? 0, () => node.start());
    addRobot(fleet, node, { scenario, durability });
  }
  for (const fault of scenario.faults) applyFault(fleet, fault);
  for (const { node, kind } of scenario.liars) addLiar(fleet, node, kind);
}

function addRobot(
  fleet: Fleet,
  node: SimNode,
  work: { readonly scenario: Scenario; readonly durability: DurabilityCheck },
): void {
  const { scenario, durability } = work;
  const robot = robotOf(node.index);
  const random = fleet.random.fork(`robot-${node.index}`);
  let patches = 0;
  const beat = (): void => {
    fleet.at(fleet.nowMs + scenario.beatEveryMs * random.between(0.9, 1.1), beat);
    durability.beat(node, robot);
  };
  const patch = (): void => {
    // Writing stops a while before the end, so that what was written can reach everybody.
    if (fleet.nowMs > scenario.forMs - QUIET_MS) return;
    fleet.at(fleet.nowMs + scenario.patchEveryMs * random.between(0.5, 1.5), patch);
    durability.patch(node, robot, `field-${patches % 4}`, ++patches);
  };
  fleet.at(
    (scenario.startsMs[node.index] ?? 0) + 1_000 + random.between(0, scenario.beatEveryMs),
    beat,
  );
  fleet.at((scenario.startsMs[node.index] ?? 0) + 2_000 + scenario.beatEveryMs, patch);
}

/** Nothing is written at the end of a run for so long: one round of sync and a little. */
const QUIET_MS = 35_000;

/** The line that repeats a run. */
export function replayCommand(scenario: Scenario, seed: number): string {
  const size =
    scenario.name === "story"
      ? ` --nodes ${scenario.nodes} --minutes ${scenario.forMs / 60_000}`
      : "";
  return `node packages/sim/src/main.ts --seed ${seed} --scenario ${scenario.name}${size}`;
}

/**
 * Runs a scenario that must come out well.
 * @throws Error whose first line repeats the run, when anything was wrong.
 */
export function checkScenario(scenario: Scenario, options: RunOptions): RunReport {
  const replay = replayCommand(scenario, options.seed);
  let report: RunReport;
  try {
    report = runScenario(scenario, options);
  } catch (error) {
    throw new Error(`${replay}\nthe run broke down: ${String(error)}`, { cause: error });
  }
  if (report.violations.length > 0) {
    const lines = report.violations.map(({ rule, atMs, text }) => `${rule} at ${atMs} ms: ${text}`);
    throw new Error([replay, ...lines].join("\n"));
  }
  return report;
}
