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
  readonly #awayHashes: Int32Array;
  readonly #downHashes: Int32Array;
  readonly #aliveCounts: Int32Array;
  #changes = 0;

  constructor(nodes: number) {
    this.#rows = Array.from({ length: nodes }, () =>
      Array.from({ length: nodes }, () => NOT_HEARD),
    );
    this.#downHashes = new Int32Array(nodes);
    this.#aliveCounts = new Int32Array(nodes);
    let all = 0;
    for (let node = 0; node < nodes; node++) all ^= hashOf(node);
    this.#awayHashes = new Int32Array(nodes).map((_, viewer) => all ^ hashOf(viewer));
  }

  /** Grows with everything that any node changes its mind about. */
  get changes(): number {
    return this.#changes;
  }

  /** What `viewer` says of `subject`. */
  get(viewer: number, subject: number): BoardEntry {
    return this.#rows[viewer]?.[subject] ?? NOT_HEARD;
  }

  set(viewer: number, subject: number, entry: BoardEntry): void {
    const row = this.#rows[viewer];
    const before = row?.[subject];
    if (row === undefined || before === undefined) return;
    row[subject] = entry;
    this.#changes += 1;
    if (viewer === subject) return;
    const wasAlive = saysAlive(before);
    if (wasAlive !== saysAlive(entry)) {
      this.#awayHashes[viewer] = (this.#awayHashes[viewer] as number) ^ hashOf(subject);
      this.#aliveCounts[subject] = (this.#aliveCounts[subject] as number) + (wasAlive ? -1 : 1);
    }
    if ((before.status === "down") !== (entry.status === "down"))
      this.#downHashes[viewer] = (this.#downHashes[viewer] as number) ^ hashOf(subject);
  }

  /** A node has started: it knows nothing of anybody. */
  clear(viewer: number, nowMs: number): void {
    const entry = { ...NOT_HEARD, sinceMs: nowMs };
    const { length } = this.#rows;
    for (let subject = 0; subject < length; subject++) this.set(viewer, subject, entry);
  }

  /** Equal for two nodes exactly when they call the same others alive, and so on for {@link hashOfNodes} of all that they do not. */
  awayHash(viewer: number): number {
    return this.#awayHashes[viewer] as number;
  }

  /** The same for those that a node calls `down`. */
  downHash(viewer: number): number {
    return this.#downHashes[viewer] as number;
  }

  /** How many say of a node that it is alive; those that do not run count as they last spoke. */
  aliveCount(subject: number): number {
    return this.#aliveCounts[subject] as number;
  }
}

/** A set of nodes as one number, in any order: two sets are equal when their numbers are, but for one chance in four billion. */
export function hashOfNodes(nodes: Iterable<number>): number {
  let hash = 0;
  for (const node of nodes) hash ^= hashOf(node);
  return hash;
}

function hashOf(node: number): number {
  let word = Math.imul(node + 1, 0x9e37_79b1);
  word = Math.imul(word ^ (word >>> 16), 0x85eb_ca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2_ae35);
  return word ^ (word >>> 16);
}

/** Whether a status says that the node shows life: `late` does, unless it only waits for a verdict. */
export function saysAlive(entry: BoardEntry): boolean {
  return entry.status === "up" || (entry.status === "late" && entry.reason !== "suspected");
}
