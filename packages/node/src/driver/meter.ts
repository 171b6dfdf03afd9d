/** Counts around core, never inside it (STYLE rule 15). Labels are literal unions, so their number is bounded. */
import type {
  CoreEvent,
  Effect,
  ErrorCode,
  Input,
  AdmissionRefusal,
  TransportRejectReason,
} from "@pulsemesh/core";

/** One counter with one label. */
export class LabelledCounter {
  readonly #counts = new Map<string, number>();

  add(label: string, by: number = 1): void {
    this.#counts.set(label, (this.#counts.get(label) ?? 0) + by);
  }

  get(label: string): number {
    return this.#counts.get(label) ?? 0;
  }

  /** Sorted by label. */
  entries(): readonly (readonly [label: string, count: number])[] {
    return [...this.#counts].toSorted(([a], [b]) => (a < b ? -1 : 1));
  }
}

export class Meter {
  readonly inputs: LabelledCounter = new LabelledCounter();
  readonly effects: LabelledCounter = new LabelledCounter();
  /** What was dropped, by core or by the transport, by the issuer or because the node was busy, by reason. */
  readonly rejected: LabelledCounter = new LabelledCounter();
  /** Nodes that were asked for their root statements, by what became of the answer. */
  readonly rootRows: LabelledCounter = new LabelledCounter();
  readonly verdicts: LabelledCounter = new LabelledCounter();
  readonly events: LabelledCounter = new LabelledCounter();
  /** Lives of core that ended before the node did, by reason. */
  readonly rebuilds: LabelledCounter = new LabelledCounter();
  commits = 0;
  commitFailures = 0;
  sendFailures = 0;
  lateTimers = 0;
  /** Milliseconds spent inside `core.handle`. */
  handleMs = 0;
  /** Longest single `core.handle`, in milliseconds. */
  handleMsMax = 0;
  /** Event-loop lag as last measured, in milliseconds (p99). */
  lagMs = 0;
  /** Inputs that came over the network; tells whether sockets still bring something. */
  networkInputs = 0;

  input(input: Input, tookMs: number): void {
    this.inputs.add(input.type);
    this.handleMs += tookMs;
    this.handleMsMax = Math.max(this.handleMsMax, tookMs);
  }

  effect(effect: Effect): void {
    this.effects.add(effect.type);
    if (effect.type === "emit") this.#event(effect.event);
  }

  refused(reason: TransportRejectReason | AdmissionRefusal | ErrorCode): void {
    this.rejected.add(reason);
  }

  #event(event: CoreEvent): void {
    this.events.add(event.type);
    if (event.type === "rejected") this.rejected.add(event.reason);
    if (event.type === "root-row") this.rootRows.add(event.result);
    if (event.type === "verdict") this.verdicts.add(event.kind);
  }
}
