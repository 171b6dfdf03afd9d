/** Runs one scenario under all checks and says what came of it. */
import type { CoreConfig } from "@pulsemesh/core";
import { AgreementCheck } from "./checks/agreement-check.ts";
import type { Violation } from "./checks/check.ts";
import { ConvergenceCheck } from "./checks/convergence-check.ts";
import type { DurabilityCheck } from "./checks/durability-check.ts";
import { EvidenceCheck } from "./checks/evidence-check.ts";
import { ExcusedCheck } from "./checks/excused-check.ts";
import { FleetAgreementCheck } from "./checks/fleet-agreement.ts";
import { GrayCheck } from "./checks/gray-check.ts";
import { LifeCheck } from "./checks/life-check.ts";
import { NumberCheck } from "./checks/number-check.ts";
import { OfflineCheck } from "./checks/offline-check.ts";
import { RobotCheck, robotOf } from "./checks/robot-check.ts";
import { SelfDoubtCheck } from "./checks/self-doubt-check.ts";
import { applyFault } from "./faults/apply-fault.ts";
import { Fleet } from "./fleet/fleet.ts";
import type { CoreFactory, SimNode } from "./fleet/sim-node.ts";
import { addLiar } from "./hostile/liars.ts";
import { checksOf, createMeters, readKpi, type Kpi } from "./kpi/kpi.ts";
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
  readonly nodes: number;
  readonly seed: number;
  /** Equal for two runs exactly when the same things happened at the same moments. */
  readonly hash: string;
  readonly violations: readonly Violation[];
  readonly kpi: Kpi;
  /** Virtual milliseconds. */
  readonly forMs: number;
  /** What the run leaves out. */
  readonly note: string | undefined;
}

/** Where a scenario says nothing else, as core has it. */
const ROBOT_EVERY_MS = 60_000;
/** Up to this size every pair is looked at at every look. */
const PAIRS_CHECKED_NODES = 64;

export function runScenario(scenario: Scenario, options: RunOptions): RunReport {
  const { nodes, network, sampleEveryMs, patience } = scenario;
  const { seed, createCore, config } = options;
  const fleet = new Fleet({
    seed,
    nodes,
    network,
    createCore,
    regions: scenario.regions,
    grownFrom: scenario.grownFrom,
    config: { ...scenario.config, ...config },
    sampleEveryMs,
  });
  const meters = createMeters(fleet, scenario);
  const agreement =
    nodes <= PAIRS_CHECKED_NODES
      ? new AgreementCheck(fleet, { patience })
      : new FleetAgreementCheck(fleet, { patience });
  const offline = new OfflineCheck(fleet, meters.durability);
  const others = [
    new RobotCheck(fleet, {
      everyMs: scenario.config.robotEveryMs ?? ROBOT_EVERY_MS,
      beatEveryMs: scenario.beatEveryMs,
    }),
    new ExcusedCheck(fleet),
    new EvidenceCheck(fleet),
    new LifeCheck(fleet),
    new NumberCheck(fleet),
    new ConvergenceCheck(fleet),
    new SelfDoubtCheck(fleet, scenario.faults),
    ...(scenario.expectsGray === true ? [new GrayCheck(fleet, scenario.faults)] : []),
  ];
  for (const check of [agreement, offline, ...checksOf(meters), ...others]) fleet.add(check);
  prepare(fleet, scenario, meters.durability);
  options.prepare?.(fleet);
  fleet.runUntil(scenario.forMs);
  fleet.end();
  return {
    scenario: scenario.name,
    nodes,
    seed,
    hash: fleet.trace.hash,
    violations: fleet.violations,
    kpi: readKpi(meters, agreement, offline.takenOffline),
    forMs: scenario.forMs,
    note: scenario.note,
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
    if (fleet.truth.muteSinceMs(node.index) === undefined) durability.beat(node, robot);
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
  const { name, nodes, forMs } = scenario;
  const size = name.startsWith("small/") ? "" : ` --nodes ${nodes} --minutes ${forMs / 60_000}`;
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
