/**
 * Which rule, switched off, makes which scenario of the simulator fail: that each of them is needed by a fleet, and not by a unit test alone. Every
 * rule is broken by one of `mutations.ts`.
 */

interface Run {
  readonly scenario: string;
  readonly nodes: number;
  readonly minutes: number;
  readonly seed: number;
}

export interface SwitchedOff extends Run {
  /** The rule of docs/SPEC.md that is of no use where the scenario passes without it. */
  readonly rule: string;
  /** What breaks it. */
  readonly mutation: string;
}

export const switchedOff: readonly SwitchedOff[] = [
  row("VE0", "closed-is-silent", { scenario: "resets", nodes: 10, minutes: 3, seed: 1 }),
  row("VE1", "left-counts-on", { scenario: "leavers", nodes: 10, minutes: 6, seed: 1 }),
  row("VE2", "majority-off", { scenario: "partition-1h", nodes: 10, minutes: 65, seed: 1 }),
  row("VE3", "silence-too-short", { scenario: "loss-20", nodes: 12, minutes: 4, seed: 1 }),
  row("VE4", "region-dead", { scenario: "region-loss", nodes: 20, minutes: 5, seed: 1 }),
  row("VE5", "pair-rule-off", { scenario: "calm", nodes: 2, minutes: 3, seed: 1 }),
  row("VE6", "home-down-off", { scenario: "calm", nodes: 10, minutes: 3, seed: 1 }),
  row("VE7", "deadline-ten-times", { scenario: "mute-robots", nodes: 10, minutes: 5, seed: 1 }),
  row("VE8", "start-up-grace-off", { scenario: "whole-restart", nodes: 12, minutes: 3, seed: 1 }),
  row("VE9", "paused-ignored", { scenario: "maintenance", nodes: 10, minutes: 3, seed: 1 }),
  row("VE10", "own-words-not-kept", { scenario: "calm", nodes: 4, minutes: 3, seed: 1 }),
  row("PU4", "dating-off", { scenario: "gray-delay", nodes: 10, minutes: 3, seed: 1 }),
  row("PU5", "evidence-teaches", { scenario: "hostile-witnesses", nodes: 15, minutes: 4, seed: 1 }),
  row("PU6", "stall-guard-off", { scenario: "stalls", nodes: 20, minutes: 4, seed: 1 }),
  row("PU6", "clock-parting-off", { scenario: "clock-steps", nodes: 12, minutes: 5, seed: 1 }),
  row("PU7", "delayed-off", { scenario: "gray-delay", nodes: 10, minutes: 3, seed: 1 }),
  row("PU8", "sample-without-regions", {
    scenario: "region-death",
    nodes: 40,
    minutes: 4,
    seed: 1,
  }),
];

/** Arguments of the simulator. */
export function commandOf({ scenario, nodes, minutes, seed }: SwitchedOff): readonly string[] {
  const size = ["--nodes", String(nodes), "--minutes", String(minutes)];
  return ["--scenario", scenario, ...size, "--seed", String(seed)];
}

function row(rule: string, mutation: string, run: Run): SwitchedOff {
  return { rule, mutation, ...run };
}
