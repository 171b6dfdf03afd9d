/**
 * P5, second half: nothing acknowledged is lost. What a node has acknowledged (beats, patches) is there after every restart, also after a
 * power cut that tore the disk, and nobody's chain ever forks.
 */
import type { CommandResult, CoreEvent, JsonObject } from "@pulsemesh/core";
import type { Fleet } from "../fleet/fleet.ts";
import type { SimNode } from "../fleet/sim-node.ts";
import type { Check } from "./check.ts";

interface Acknowledged {
  beats: number;
  readonly state: Map<string, number>;
}

export class DurabilityCheck implements Check {
  readonly #fleet: Fleet;
  /** By home and robot. */
  readonly #acknowledged = new Map<string, Acknowledged>();
  acknowledgements = 0;
  checkedRestarts = 0;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  /** Gives a beat to a node and remembers it once it is acknowledged. */
  beat(node: SimNode, robot: string): void {
    node.command({ type: "beat", robot, kind: "beat", create: "heartbeat" }, (result) => {
      if (this.#isDone(node, result)) this.#of(node, robot).beats += 1;
    });
  }

  /** Sets one field of a robot's state to a number that only grows. */
  patch(node: SimNode, robot: string, field: string, value: number): void {
    const patch: JsonObject = { [field]: value };
    node.command({ type: "patch-state", robot, patch }, (result) => {
      if (!this.#isDone(node, result)) return;
      const { state } = this.#of(node, robot);
      state.set(field, Math.max(value, state.get(field) ?? value));
    });
  }

  emitted(node: SimNode, event: CoreEvent): void {
    if (event.type === "forked")
      this.#fleet.report(
        "P5",
        `node ${node.index} holds a fork of ${event.author} at (${event.epoch}, ${event.seq})`,
      );
    if (event.type === "started") this.#checkHome(node);
  }

  end(): void {
    for (const node of this.#fleet.nodes)
      if (node.isRunning && !node.isStalled) this.#checkHome(node);
  }

  #checkHome(node: SimNode): void {
    this.checkedRestarts += 1;
    for (const [key, { beats, state }] of this.#acknowledged) {
      const robot = key.slice(key.indexOf("/") + 1);
      if (key !== `${node.index}/${robot}`) continue;
      const view = node.core?.robot(robot, node.now);
      if (view === undefined || view.beats < beats) {
        this.#fleet.report(
          "P5",
          `node ${node.index} has ${view?.beats ?? "no"} beats of ${robot} after ${beats} were acknowledged`,
        );
      }
      for (const [field, value] of state) {
        const held = view?.state[field];
        if (typeof held !== "number" || held < value) {
          this.#fleet.report(
            "P5",
            `node ${node.index} holds ${JSON.stringify(held)} in ${robot}.${field} after ${value} was acknowledged`,
          );
        }
      }
    }
  }

  #isDone(node: SimNode, result: CommandResult): boolean {
    if (!result.ok || this.#fleet.hostile.has(node.index)) return false;
    this.acknowledgements += 1;
    return true;
  }

  #of(node: SimNode, robot: string): Acknowledged {
    const key = `${node.index}/${robot}`;
    let acknowledged = this.#acknowledged.get(key);
    if (acknowledged === undefined) {
      acknowledged = { beats: 0, state: new Map() };
      this.#acknowledged.set(key, acknowledged);
    }
    return acknowledged;
  }
}
