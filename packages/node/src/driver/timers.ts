/**
 * Core's timers on a real clock. Each is planned for a date, not a delay, so nothing drifts.
 *
 * A timer that comes more than 50 ms late means that the loop stood still (a long task, SIGSTOP, a suspended machine), and then
 * whatever others sent meanwhile lies unread in the sockets while the timer phase runs first. Judging silence at that moment
 * would accuse everybody. So a late timer lets the sockets be read first, for as long as they bring something, within a limit.
 */
import type { TimerId } from "@pulsemesh/core";
import type { Clock } from "./clock.ts";

/** Later than this, and the loop is taken to have stood still. */
export const TIMER_LATE_MS: number = 50;
/** Turns that a late timer waits at least; one is not enough, since decryption and decoding take turns of their own. */
export const LATE_TURNS_MIN: number = 2;
/** Turns that it waits at most, however much keeps coming. */
export const LATE_TURNS_MAX: number = 64;
/** How long it waits at most, in ms, where the turns are long: a flood must not keep this node from pulsing, or it would pass for dead. */
export const LATE_WAIT_MS_MAX: number = 250;

export interface TimersDeps {
  readonly clock: Clock;
  readonly fire: (id: TimerId, generation: number) => void;
  /** Network inputs so far; grows while sockets bring something. */
  readonly networkInputs: () => number;
  /** Called once per time that the loop is found to have stood still, with how late the timer was. */
  readonly late: (lateMs: number) => void;
}

interface Planned {
  readonly generation: number;
  readonly atMonoMs: number;
  readonly cancel: () => void;
}

export class Timers {
  readonly #deps: TimersDeps;
  readonly #planned = new Map<TimerId, Planned>();
  /** Timers that are due and wait for the sockets; undefined while the loop keeps time. */
  #waiting:
    | { readonly id: TimerId; readonly generation: number; readonly atMonoMs: number }[]
    | undefined;
  #hasEnded = false;

  constructor(deps: TimersDeps) {
    this.#deps = deps;
  }

  /** Sets or moves a timer. */
  set(id: TimerId, generation: number, atMonoMs: number): void {
    if (this.#hasEnded) return;
    this.#planned.get(id)?.cancel();
    if (!Number.isFinite(atMonoMs)) {
      this.#planned.delete(id);
      return;
    }
    // Rounded up: a timer that fires early would only be set again.
    const delayMs = Math.ceil(atMonoMs - this.#deps.clock.now().monoMs);
    const cancel = this.#deps.clock.after(delayMs, () => this.#wake(id));
    this.#planned.set(id, { generation, atMonoMs, cancel });
  }

  /** Calls everything off, for good. */
  end(): void {
    this.#hasEnded = true;
    for (const { cancel } of this.#planned.values()) cancel();
    this.#planned.clear();
  }

  #wake(id: TimerId): void {
    const timer = this.#planned.get(id);
    if (timer === undefined) return;
    const lateMs = this.#deps.clock.now().monoMs - timer.atMonoMs;
    if (lateMs < 0) {
      this.set(id, timer.generation, timer.atMonoMs);
      return;
    }
    this.#planned.delete(id);
    const due = { id, generation: timer.generation, atMonoMs: timer.atMonoMs };
    if (this.#waiting !== undefined) {
      this.#waiting.push(due);
    } else if (lateMs > TIMER_LATE_MS) {
      this.#waiting = [due];
      this.#deps.late(lateMs);
      const untilMonoMs = this.#deps.clock.now().monoMs + LATE_WAIT_MS_MAX;
      this.#drainSockets(1, this.#deps.networkInputs(), untilMonoMs);
    } else {
      this.#deps.fire(due.id, due.generation);
    }
  }

  #drainSockets(turn: number, inputsBefore: number, untilMonoMs: number): void {
    this.#deps.clock.afterSockets(() => {
      if (this.#hasEnded) return;
      const inputs = this.#deps.networkInputs();
      const mayWait = turn < LATE_TURNS_MAX && this.#deps.clock.now().monoMs < untilMonoMs;
      if (turn < LATE_TURNS_MIN || (inputs > inputsBefore && mayWait)) {
        this.#drainSockets(turn + 1, inputs, untilMonoMs);
        return;
      }
      const due = (this.#waiting ?? []).toSorted((a, b) => a.atMonoMs - b.atMonoMs);
      this.#waiting = undefined;
      for (const { id, generation } of due) {
        if (!this.#hasEnded) this.#deps.fire(id, generation);
      }
    });
  }
}
