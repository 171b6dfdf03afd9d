/** In the end every verdict can be shown to be true to whoever was not there (rule VE10). */
import { verifyVerdict } from "@pulsemesh/core";
import { SeededRandom } from "@pulsemesh/testkit";
import type { Fleet } from "../fleet/fleet.ts";
import { createNodePorts } from "../ports/node-ports.ts";
import type { Check } from "./check.ts";

/** Verifying costs more than all that a node does in a second: of larger fleets these are asked, evenly spread. */
const VIEWERS = 16;

export class EvidenceCheck implements Check {
  readonly #fleet: Fleet;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  end(): void {
    const { nodes, shared, truth, hostile, authority } = this.#fleet;
    const step = Math.max(1, Math.floor(nodes.length / VIEWERS));
    const ports = createNodePorts(shared, this.#fleet.node(0).id, new SeededRandom(1));
    for (const { core, index, now } of nodes) {
      if (index % step !== 0 || core === undefined || !truth.isLive(index) || hostile.has(index))
        continue;
      for (const { node, status } of core.fleet(now).nodes) {
        if (status !== "down") continue;
        const bundle = core.explaining.bundle(node, now) ?? "";
        const result = verifyVerdict(ports, bundle, { fleet: authority.fleet });
        const said = result.ok ? result.check.result : result.code;
        if (said !== "true")
          this.#fleet.report(
            "VE10",
            `node ${index} says down of node ${this.#fleet.indexOf(node) ?? node}, and its evidence is ${said}`,
          );
      }
    }
  }
}
