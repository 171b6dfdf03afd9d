/**
 * Collects the effects of one input. Everything persisted while one input is handled is one commit, so that a beat, its chain
 * entry and its audit entry are durable together or not at all; effects that must not be seen before name that commit.
 */
import type { CommandResult } from "./command.ts";
import type { StoreOp, StoreRange } from "./driver/store.ts";
import type { Channel, Topic, Validation } from "./driver/transport.ts";
import type { Effect } from "./effect.ts";
import type { CoreEvent } from "./event.ts";
import type { NodeId } from "./ids.ts";
import type { CommitId, LoadId, TimerId } from "./input.ts";

export class Outbox {
  #effects: Effect[] = [];
  #ops: StoreOp[] = [];
  #nextCommit: CommitId = 1;
  #nextLoad: LoadId = 1;
  #rebootAbove: number | undefined;
  readonly #timers = new Map<TimerId, { readonly generation: number; readonly atMonoMs: number }>();

  /** Answers a gossip input; at most once per input. */
  validate(result: Validation): void {
    this.#effects.push({ type: "validate", result });
  }

  publish(topic: Topic, bytes: Uint8Array, after?: CommitId): void {
    this.#effects.push({ type: "publish", topic, bytes, after });
  }

  send(to: NodeId, channel: Channel, bytes: Uint8Array, after?: CommitId): void {
    this.#effects.push({ type: "send", to, channel, bytes, after });
  }

  /** Adds to this input's commit and names it. */
  persist(ops: readonly StoreOp[]): CommitId {
    for (const op of ops) this.#ops.push(op);
    return this.#nextCommit;
  }

  load(range: StoreRange): LoadId {
    const load = this.#nextLoad++;
    this.#effects.push({ type: "load", load, range });
    return load;
  }

  /** Sets or moves a timer; the same date again is no effect. */
  setTimer(id: TimerId, atMonoMs: number): void {
    const current = this.#timers.get(id);
    if (current?.atMonoMs === atMonoMs) return;
    const generation = (current?.generation ?? 0) + 1;
    this.#timers.set(id, { generation, atMonoMs });
    this.#effects.push({ type: "set-timer", id, generation, atMonoMs });
  }

  /** Sets a timer unless it is already set to an earlier date. */
  setTimerBy(id: TimerId, atMonoMs: number): void {
    const current = this.#timers.get(id);
    if (current === undefined || current.atMonoMs > atMonoMs) this.setTimer(id, atMonoMs);
  }

  /** Whether a fired timer is the one that is set; if so it counts as spent. */
  timerFired(id: TimerId, generation: number): boolean {
    const current = this.#timers.get(id);
    if (current === undefined || current.generation !== generation) return false;
    this.#timers.set(id, { generation, atMonoMs: Number.POSITIVE_INFINITY });
    return true;
  }

  emit(event: CoreEvent, after?: CommitId): void {
    this.#effects.push({ type: "emit", event, after });
  }

  reply(id: number, result: CommandResult, after?: CommitId): void {
    this.#effects.push({ type: "reply", id, result, after });
  }

  remember(addresses: readonly string[]): void {
    if (addresses.length > 0) this.#effects.push({ type: "remember", addresses });
  }

  /** Asks for a new boot above `bootAbove`: somebody proved that this node has used it, or its clocks parted (rules PU3, PU6). */
  reboot(bootAbove: number): void {
    this.#rebootAbove = Math.max(this.#rebootAbove ?? 0, bootAbove);
  }

  /** The boot above which a new one was asked for since the last call. */
  takeReboot(): number | undefined {
    const above = this.#rebootAbove;
    this.#rebootAbove = undefined;
    return above;
  }

  /** Whether the input under way has something to persist; then its commit is the returned one. */
  pendingCommit(): CommitId | undefined {
    return this.#ops.length > 0 ? this.#nextCommit : undefined;
  }

  /** Ends an input: its effects, the persist first. */
  drain(): readonly Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    if (this.#ops.length === 0) return effects;
    const ops = this.#ops;
    this.#ops = [];
    return [{ type: "persist", commit: this.#nextCommit++, ops }, ...effects];
  }
}
