/** What every node says of every other one at the moment, kept from the events that cores emit. */
import type { NodeReason, Status } from "@pulsemesh/core";

export interface BoardEntry {
  readonly status: Status;
  readonly reason: NodeReason | undefined;
  readonly sinceMs: number;
}

const NOT_HEARD: BoardEntry = { status: "unknown", reason: "not-heard", sinceMs: 0 };

export class StatusBoard {
  readonly #rows: BoardEntry[][];

  constructor(nodes: number) {
    this.#rows = Array.from({ length: nodes }, () =>
      Array.from({ length: nodes }, () => NOT_HEARD),
    );
  }

  /** What `viewer` says of `subject`. */
  get(viewer: number, subject: number): BoardEntry {
    return this.#rows[viewer]?.[subject] ?? NOT_HEARD;
  }

  set(viewer: number, subject: number, entry: BoardEntry): void {
    const row = this.#rows[viewer];
    if (row !== undefined) row[subject] = entry;
  }

  /** A node has started: it knows nothing of anybody. */
  clear(viewer: number, nowMs: number): void {
    this.#rows[viewer]?.fill({ ...NOT_HEARD, sinceMs: nowMs });
  }
}

/** Whether a status says that the node shows life: `late` does, unless it only waits for a verdict. */
export function saysAlive(entry: BoardEntry): boolean {
  return entry.status === "up" || (entry.status === "late" && entry.reason !== "suspected");
}
