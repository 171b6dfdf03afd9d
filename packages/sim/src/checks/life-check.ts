/** P3: no borrowed life. Nothing shows life of a node that is dead for longer than its last pulses could still be fresh. */
import type { CoreEvent } from "@pulsemesh/core";
import type { Fleet } from "../fleet/fleet.ts";
import type { SimNode } from "../fleet/sim-node.ts";
import { saysAlive } from "../fleet/status-board.ts";
import type { Check } from "./check.ts";
import { comesAndGoesUntilMs } from "./come-and-go.ts";

/** 3.2 intervals, half an interval of jitter, one that an offset may have risen, and 2.2 that a witness's word counts. */
const LIFE_INTERVALS = 7;

export class LifeCheck implements Check {
  readonly #fleet: Fleet;
  readonly #reported = new Set<string>();

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  emitted(node: SimNode, event: CoreEvent): void {
    if (event.type !== "node-status") return;
    const subject = this.#fleet.indexOf(event.node);
    if (subject !== undefined) this.#check(node.index, subject);
  }

  sample(): void {
    const { nodes, truth, board } = this.#fleet;
    for (const { index: subject } of nodes) {
      if (truth.isLive(subject) || board.aliveCount(subject) === 0) continue;
      for (const { index: viewer } of nodes)
        if (viewer !== subject && truth.isLive(viewer)) this.#check(viewer, subject);
    }
  }

  #check(viewer: number, subject: number): void {
    const { board, truth, nowMs, pulseEveryMs, hostile } = this.#fleet;
    if (truth.isLive(subject) || hostile.has(viewer) || !saysAlive(board.get(viewer, subject)))
      return;
    const deadSinceMs = truth.deadSinceMs(subject);
    const awayMs = nowMs - deadSinceMs;
    const knownMs = Math.max(deadSinceMs, comesAndGoesUntilMs(this.#fleet, viewer, subject) ?? 0);
    if (nowMs - knownMs <= LIFE_INTERVALS * pulseEveryMs) return;
    const key = `${viewer}/${subject}/${deadSinceMs}`;
    if (this.#reported.has(key)) return;
    this.#reported.add(key);
    const { status } = board.get(viewer, subject);
    this.#fleet.report(
      "P3",
      `node ${viewer} says ${status} of node ${subject}, which is dead for ${Math.round(awayMs)} ms`,
    );
  }
}
