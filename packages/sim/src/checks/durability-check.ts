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

/** A robot's field as its home was told, and as it acknowledged. */
interface Patches {
  readonly home: number;
  readonly robot: string;
  readonly state: ReadonlyMap<string, number>;
  /** The greatest value of all fields that was ever given to a node. */
  readonly givenMax: number;
}

export class DurabilityCheck implements Check {
  readonly #fleet: Fleet;
  /** By home, then by robot. */
  readonly #acknowledged = new Map<number, Map<string, Acknowledged>>();
  readonly #given = new Map<string, number>();
  acknowledgements = 0;
  checkedRestarts = 0;
  /** Is told of each answer to a beat or patch. */
  answered: ((node: SimNode, result: CommandResult) => void) | undefined;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  /** Gives a beat to a node and remembers it once it is acknowledged. */
  beat(node: SimNode, robot: string): void {
    node.command({ type: "beat", robot, kind: "beat", create: "heartbeat" }, (result) => {
      this.answered?.(node, result);
      if (this.#isDone(node, result)) this.#of(node, robot).beats += 1;
    });
  }

  /** Sets one field of a robot's state to a number that only grows. */
  patch(node: SimNode, robot: string, field: string, value: number): void {
    const patch: JsonObject = { [field]: value };
    this.#given.set(robot, Math.max(value, this.#given.get(robot) ?? 0));
    node.command({ type: "patch-state", robot, patch }, (result) => {
      this.answered?.(node, result);
      if (!this.#isDone(node, result)) return;
      const { state } = this.#of(node, robot);
      state.set(field, Math.max(value, state.get(field) ?? value));
    });
  }

  /** Acknowledged fields of each robot, by home: what everybody must show in the end. */
  *patches(): Generator<Patches> {
    for (const [home, robots] of this.#acknowledged) {
      for (const [robot, { state }] of robots)
        yield { home, robot, state, givenMax: this.#given.get(robot) ?? 0 };
    }
  }

  /** What only one disk held, its loss takes along. */
  diskReplaced(node: SimNode): void {
    this.#acknowledged.delete(node.index);
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
    for (const [robot, { beats, state }] of this.#acknowledged.get(node.index) ?? []) {
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
    const robots = this.#acknowledged.get(node.index) ?? new Map<string, Acknowledged>();
    this.#acknowledged.set(node.index, robots);
    const acknowledged = robots.get(robot) ?? { beats: 0, state: new Map() };
    robots.set(robot, acknowledged);
    return acknowledged;
  }
}
