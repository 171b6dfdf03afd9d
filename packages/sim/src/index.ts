/** Public face of sim: fleets, scenarios and their checks. */
export * from "./run-scenario.ts";
export * from "./fleet/fleet.ts";
export * from "./faults/fault.ts";
export * from "./network/network-model.ts";
export * from "./scenarios/find-scenario.ts";
export * from "./scenarios/scenario.ts";
export type { CoreFactory } from "./fleet/sim-node.ts";
