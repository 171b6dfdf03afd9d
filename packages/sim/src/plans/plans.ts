/** Every plan by name. */
import { networkPlans } from "./network-plans.ts";
import { partitionPlans } from "./partition-plans.ts";
import type { Plan } from "./plan.ts";
import { processPlans } from "./process-plans.ts";
import { rosterPlans } from "./roster-plans.ts";

export const plans: readonly Plan[] = [
  ...networkPlans,
  ...processPlans,
  ...rosterPlans,
  ...partitionPlans,
];

/** Undefined when there is none of that name. */
export function findPlan(name: string): Plan | undefined {
  return plans.find((plan) => plan.name === name);
}
