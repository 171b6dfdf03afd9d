import { createCore } from "@pulsemesh/core";
import { describe, test } from "vitest";
import { checkScenario } from "../run-scenario.ts";
import { smallFleets } from "./small-fleets.ts";

/** One test per kind of fleet and fault, each over every kind of liar and loss: a test per scenario would be more report than run. */
function groupsOf(nodes: number): [string, ReturnType<typeof smallFleets>][] {
  const groups = Object.groupBy(smallFleets(nodes), ({ name }) =>
    name.split("/").slice(0, 4).join("/"),
  );
  return Object.entries(groups).map(([name, scenarios]) => [name, scenarios ?? []]);
}

describe.each([5])("a fleet of %i", (nodes) => {
  test.each(groupsOf(nodes))(
    "P1 P2 P3 P5 P6 VE2 VE3 VE5 VE8 VE9 PU4 PU6 all agree, and nothing is stuck: %s",
    (_name, scenarios) => {
      for (const scenario of scenarios) checkScenario(scenario, { seed: 1, createCore });
    },
  );
});
