/**
 * Whole cores on one virtual clock, of which some do what their grants do not allow: those hold no statements, so nothing in them minds. Whatever is
 * refused is refused by each peer alone, as here everybody hears everybody. Nothing outside of tests imports it.
 */
import type { Command } from "../command.ts";
import type { Effect } from "../effect.ts";
import type { NodeId } from "../ids.ts";
import type { Input } from "../input.ts";

const STEP_MS = 50;
const CARRIED_MAX = 200_000;

/** What is needed of a `CoreRig`. */
interface Rig {
  readonly node: NodeId;
  start(): readonly Effect[];
  input(input: Input): readonly Effect[];
  settle(): readonly Effect[];
  advance(forMs: number): readonly Effect[];
}

export class HostileMesh {
  /** Nobody hears these. */
  readonly muted = new Set<NodeId>();
  /** By whom, of whom and why something was refused. */
  readonly refusals = new Set<string>();
  readonly #rigs: ReadonlyMap<NodeId, Rig>;
  readonly #queue: { readonly from: Rig; readonly effects: readonly Effect[] }[] = [];

  constructor(rigs: readonly Rig[]) {
    this.#rigs = new Map(rigs.map((rig) => [rig.node, rig]));
    for (const rig of rigs) this.take(rig, rig.start());
    for (const rig of rigs) {
      const others = rigs.filter((other) => other !== rig);
      for (const { node } of others)
        this.take(rig, rig.input({ type: "peer-up", peer: { node, agent: "t", addresses: [] } }));
    }
  }

  run(forMs: number): void {
    for (let atMs = 0; atMs < forMs; atMs += STEP_MS)
      for (const rig of this.#rigs.values()) this.take(rig, rig.advance(STEP_MS));
  }

  command(rig: Rig, command: Command): void {
    this.take(rig, [...rig.input({ type: "command", id: 1, command }), ...rig.settle()]);
  }

  /** Carries out what a rig wants, and all that follows from it. */
  take(rig: Rig, effects: readonly Effect[]): void {
    this.#queue.push({ from: rig, effects });
    for (let carried = 0; carried < CARRIED_MAX; carried++) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      for (const effect of next.effects) this.#carry(next.from, effect);
    }
    throw new Error("The mesh never comes to rest.");
  }

  #carry(from: Rig, effect: Effect): void {
    if (effect.type === "emit" && effect.event.type === "rejected")
      this.refusals.add(`${from.node}<${effect.event.from}: ${effect.event.reason}`);
    if (this.muted.has(from.node)) return;
    if (effect.type === "publish") {
      const { topic, bytes } = effect;
      for (const to of this.#rigs.values())
        if (to !== from) this.#give(to, { type: "gossip", topic, from: from.node, bytes });
    }
    if (effect.type !== "send") return;
    const to = this.#rigs.get(effect.to);
    const { channel, bytes } = effect;
    if (to !== undefined) this.#give(to, { type: "message", channel, from: from.node, bytes });
  }

  #give(to: Rig, input: Input): void {
    this.#queue.push({ from: to, effects: [...to.input(input), ...to.settle()] });
  }
}
