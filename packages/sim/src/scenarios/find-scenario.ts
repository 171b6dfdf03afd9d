/** Names on the command line to scenarios. */
import { fleetStory } from "./fleet-story.ts";
import { drawPlan } from "../plans/draw-plan.ts";
import { findPlan, plans } from "../plans/plans.ts";
import type { Scenario } from "./scenario.ts";
import { SMALL_SIZES, smallFleets } from "./small-fleets.ts";

export interface FindOptions {
  readonly seed: number;
  readonly nodes?: number | undefined;
  readonly minutes?: number | undefined;
}

/** Undefined when there is no such scenario. */
export function findScenario(name: string, options: FindOptions): Scenario | undefined {
  if (name === "story") return fleetStory(options);
  const plan = findPlan(name);
  if (plan !== undefined) return drawPlan(plan, options);
  for (const size of SMALL_SIZES) {
    const found = smallFleets(size).find((scenario) => scenario.name === name);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Every name that {@link findScenario} knows. */
export function scenarioNames(): readonly string[] {
  return [
    "story",
    ...plans.map(({ name }) => name),
    ...SMALL_SIZES.flatMap((size) => smallFleets(size).map(({ name }) => name)),
  ];
}
