import { createCore } from "@pulsemesh/core";
import { expect, test } from "vitest";
import { checkScenario } from "../run-scenario.ts";
import { fleetStory } from "./fleet-story.ts";

const SEEDS = [3, 4];

/** The first seeds are in `fleet-story-a.test.ts`, so that two workers share them. */
test.each(SEEDS)(
  "P1 P2 P3 P5 P6 PU4 PU6 VE3 ten minutes of thirty nodes, and nothing is ever wrong: seed %i",
  (seed) => {
    const { kpi } = checkScenario(fleetStory({ seed }), { seed, createCore });
    expect(kpi.falseVerdicts).toBe(0);
  },
);
