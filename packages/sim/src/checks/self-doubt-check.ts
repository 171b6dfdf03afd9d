/**
 * Whoever was away itself accuses nobody who lives, and its next pulse says that it was (rule PU6). Away is who was not scheduled or suspended for
 * longer than an interval, or whose wall clock was set by more.
 */
import type { Channel, Topic } from "@pulsemesh/core";
import type { Fault } from "../faults/fault.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { SimNode } from "../fleet/sim-node.ts";
import type { WirePulse } from "../fleet/wire-reader.ts";
import type { Check } from "./check.ts";

/** A node that was away judges nobody before it has dated somebody anew, which takes a pulse of its own and an answer. */
const DOUBT_INTERVALS = 3.2;

export class SelfDoubtCheck implements Check {
  readonly #fleet: Fleet;
  /** The newest pulse of nodes that have pulsed in this life: before, a node is awaited by nobody. */
  readonly #pulsing = new Map<number, WirePulse>();
  /** Since when nodes stand still. */
  readonly #stillMs = new Map<number, number>();
  /** Nodes that were away and have not pulsed since. */
  readonly #unsaid = new Set<number>();
  readonly #backMs: Float64Array;

  constructor(fleet: Fleet, faults: readonly Fault[]) {
    this.#fleet = fleet;
    this.#backMs = new Float64Array(fleet.nodes.length).fill(Number.NEGATIVE_INFINITY);
    for (const fault of faults) {
      if (fault.type !== "step") continue;
      const { node, byMs } = fault;
      fleet.at(fault.atMs, () => {
        if (!fleet.node(node).isStalled) this.#back(node, Math.abs(byMs));
      });
    }
  }

  /** Before a node that wakes takes what waits for it. */
  lifeChanged({ index, isRunning, isStalled }: SimNode): void {
    const sinceMs = this.#stillMs.get(index);
    this.#stillMs.delete(index);
    if (!isRunning) {
      this.#pulsing.delete(index);
      this.#unsaid.delete(index);
    } else if (isStalled) this.#stillMs.set(index, sinceMs ?? this.#fleet.nowMs);
    else if (sinceMs !== undefined) this.#back(index, this.#fleet.nowMs - sinceMs);
  }

  published(from: number, topic: Topic, bytes: Uint8Array): void {
    if (topic === "pulse") this.#notePulse(from, bytes);
    if (topic === "verdict") this.#noteWords(from, bytes);
  }

  sent(from: number, _to: number, _channel: Channel, bytes: Uint8Array): void {
    this.#notePulse(from, bytes);
    this.#noteWords(from, bytes);
  }

  #back(node: number, awayMs: number): void {
    // Pulses come every interval: who is away for two of them has missed one by more than one.
    if (awayMs < 2 * this.#fleet.pulseEveryMs || !this.#pulsing.has(node)) return;
    this.#unsaid.add(node);
    this.#backMs[node] = this.#fleet.nowMs;
  }

  #notePulse(from: number, bytes: Uint8Array): void {
    const { nodes, wire } = this.#fleet;
    const pulse = wire.pulse(bytes);
    if (pulse === undefined || pulse.author !== nodes[from]?.id) return;
    const known = this.#pulsing.get(from);
    // One of before may be on its way again: whoever was asked for it meanwhile answers at once.
    if (known !== undefined && pulse.boot === known.boot && pulse.seq <= known.seq) return;
    this.#pulsing.set(from, pulse);
    if (this.#unsaid.delete(from) && !pulse.doubts)
      this.#fleet.report("PU6", `node ${from} was away, and its next pulse does not say so`);
  }

  #noteWords(from: number, bytes: Uint8Array): void {
    const { hostile, nodes, nowMs, pulseEveryMs, truth, wire } = this.#fleet;
    const backForMs = nowMs - (this.#backMs[from] as number);
    if (backForMs < 0 || backForMs > DOUBT_INTERVALS * pulseEveryMs || hostile.has(from)) return;
    const words = wire.observation(bytes);
    if (words?.author !== nodes[from]?.id) return;
    for (const { kind, subject } of words?.statements ?? []) {
      const about = this.#fleet.indexOf(subject);
      if (kind !== "accuse" || about === undefined || !truth.isLive(about)) continue;
      if (truth.togetherSinceMs(from, about) === Number.POSITIVE_INFINITY) continue;
      this.#fleet.report(
        "PU6",
        `node ${from} accuses node ${about}, ${backForMs} ms after it was away`,
      );
    }
  }
}
