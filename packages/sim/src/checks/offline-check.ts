/**
 * P9: offline is normal. Whoever runs takes beats and state, also on the small side of a cut, and in the end everybody shows what was
 * acknowledged anywhere; and P4: nothing that nobody wrote.
 */
import type { CommandResult } from "@pulsemesh/core";
import type { Fleet } from "../fleet/fleet.ts";
import type { SimNode } from "../fleet/sim-node.ts";
import type { Check } from "./check.ts";
import type { DurabilityCheck } from "./durability-check.ts";

/** Views of one robot that are looked at in the end. */
const VIEWS_A_ROBOT = 16;
/** A node takes nothing before it is up: reading its disk, opening its boot and meeting a neighbour that proves a higher one. */
const START_MS = 5_000;

export class OfflineCheck implements Check {
  readonly #fleet: Fleet;
  readonly #durability: DurabilityCheck;
  /** Beats and patches that were taken by nodes that had no majority in reach. */
  takenOffline = 0;

  constructor(fleet: Fleet, durability: DurabilityCheck) {
    this.#fleet = fleet;
    this.#durability = durability;
    durability.answered = (node, result) => this.#answered(node, result);
  }

  end(): void {
    const { nodes, truth, hostile } = this.#fleet;
    if (!truth.isOnePiece) return;
    const viewers = nodes.filter(({ index }) => truth.isLive(index) && !hostile.has(index));
    const step = Math.max(1, Math.floor(viewers.length / VIEWS_A_ROBOT));
    for (const patches of this.#durability.patches()) {
      for (const viewer of viewers.filter((_, at) => at % step === patches.home % step))
        this.#checkView(viewer, patches);
    }
  }

  #checkView(
    viewer: SimNode,
    patches: {
      readonly robot: string;
      readonly state: ReadonlyMap<string, number>;
      readonly givenMax: number;
    },
  ): void {
    const { robot, state, givenMax } = patches;
    const view = viewer.core?.robot(robot, viewer.now);
    for (const shown of Object.values(view?.state ?? {})) {
      if (typeof shown === "number" && shown <= givenMax) continue;
      const text = `node ${viewer.index} shows ${JSON.stringify(shown)} of ${robot}, which nobody wrote`;
      this.#fleet.report("P4", text);
    }
    for (const [field, value] of state) {
      const shown = view?.state[field];
      if (typeof shown === "number" && shown >= value) continue;
      const text = `node ${viewer.index} shows ${JSON.stringify(shown)} in ${robot}.${field} after ${value} was acknowledged`;
      this.#fleet.report("P9", text);
    }
  }

  #answered(node: SimNode, result: CommandResult): void {
    const { nowMs, truth } = this.#fleet;
    const isUp = nowMs - truth.liveSinceMs(node.index) > START_MS;
    if (!result.ok && isUp && truth.isLive(node.index))
      this.#fleet.report("P9", `node ${node.index} refuses a robot's word: ${result.code}`);
    if (result.ok && !truth.hasMajority(node.index)) this.takenOffline += 1;
  }
}
