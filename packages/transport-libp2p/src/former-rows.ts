/**
 * Which of those that are let in no longer are told the row of root statements now (rule ME2), as a state machine whose clock is handed to it: a statement
 * that they have not heard may be why, and who is let in nowhere can ask for it nowhere else. Each has shown a grant by who is or was an issuer here, so none
 * is a stranger; but whoever was revoked, or was granted something by a thief of an issuer's key, can show one as well, and asks for what may be thousands of
 * times as long as his question.
 *
 * So a row is news to each once. Who was told it before, be it in part, has read it or did not want to: it is told little more, and nothing of what is kept
 * for those that were not, so that a few who ask again and again keep nobody waiting. Whoever keeps others from being told uses up a key for each row's
 * length, and one that is used up comes back when another row stands. Those whom this node has itself expelled a short while ago, all of which may ask at
 * once, share nothing with anybody.
 *
 * Rejected: to take only a whole answer for one, as whoever breaks off before the last byte would never have been told; to charge what is broken off in full,
 * as that spends what is shared for less than it costs to read; and to let those that found no room wait in line, as who has the keys to be before somebody
 * can be in line before him as well.
 */
import { ROOT_ROW_BYTES_MAX } from "@pulsemesh/core";
import type { NodeId } from "@pulsemesh/core";

/** Answers of one row that one of them is told, whole or not: a second one, as the first may have been lost with its link. */
export const FORMER_ROWS_AT_ONCE_MAX: number = 2;
/** After those it is told the same row so long after the last time: who has lost it meanwhile has lost its disk. */
export const FORMER_ROW_AGAIN_MS: number = 1_800_000;
/** Who was expelled so long ago shares what there is with the others. */
export const EXPELLED_LATELY_MS: number = 600_000;
/** Most of them: as many former members as a book keeps. */
export const EXPELLED_LATELY_MAX: number = 1_024;
/** Bytes that all others are told at once: two rows of any length, of which one is kept for whoever was not told. */
export const FORMER_BYTES_MAX: number = 2 * ROOT_ROW_BYTES_MAX;
/** What they are told in a second after that. */
export const FORMER_BYTES_PER_SECOND: number = 128 * 1024;
/** Of those, nodes that are told at a time, as each holds a connection by it; with half of them taken who was told before waits. */
export const FORMER_TELLING_MAX: number = 128;
/** Nodes of which it is known that they were told the row that stands; who was told first is forgotten first. More than are told of a short row in 10 min. */
export const FORMER_TOLD_MAX: number = 16_384;

interface Told {
  readonly times: number;
  readonly atMs: number;
}

export class FormerRows {
  readonly #nowMs: () => number;
  /** Until when it is one, in the order in which that ends. */
  readonly #expelled = new Map<NodeId, number>();
  /** Of each answer that is under way what is set aside for it of the bytes that are shared; undefined where it shares none. */
  readonly #telling = new Map<NodeId, number | undefined>();
  /** Of those the ones that share. */
  #sharing = 0;
  /** The row that was told last, and who was told it, in the order of the last time. */
  #row: Uint8Array | undefined;
  readonly #told = new Map<NodeId, Told>();
  #leftBytes = FORMER_BYTES_MAX;
  #atMs: number;

  /** @param nowMs monotonic milliseconds */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#atMs = nowMs();
  }

  /** This node parts from them. */
  expelled(nodes: readonly NodeId[]): void {
    const nowMs = this.#nowMs();
    for (const node of nodes) {
      this.#expelled.delete(node);
      this.#expelled.set(node, nowMs + EXPELLED_LATELY_MS);
    }
    for (const [node, untilMs] of this.#expelled) {
      if (untilMs > nowMs && this.#expelled.size <= EXPELLED_LATELY_MAX) break;
      this.#expelled.delete(node);
    }
  }

  /** Whether this node has expelled `node` lately. */
  isExpelledLately(node: NodeId): boolean {
    return (this.#expelled.get(node) ?? -Infinity) > this.#nowMs();
  }

  /** Whether `node` may be told this row, as far as it is up to that one: there may be no room now. */
  mayAsk(node: NodeId, row: Uint8Array): boolean {
    if (this.#telling.has(node)) return false;
    const told = this.#isSameRow(row) ? this.#told.get(node) : undefined;
    if (told === undefined || told.times < FORMER_ROWS_AT_ONCE_MAX) return true;
    return this.#nowMs() - told.atMs >= FORMER_ROW_AGAIN_MS;
  }

  /** Whether `node` is told this row now: then {@link end} follows. */
  begin(node: NodeId, row: Uint8Array): boolean {
    if (!this.mayAsk(node, row)) return false;
    if (!this.#isSameRow(row)) this.#told.clear();
    this.#row = row;
    const isShared = !this.isExpelledLately(node);
    const times = this.#told.get(node)?.times ?? 0;
    if (isShared && !this.#hasRoom(row.length, times === 0)) return false;
    if (isShared) {
      this.#leftBytes -= row.length;
      this.#sharing += 1;
    }
    this.#telling.set(node, isShared ? row.length : undefined);
    this.#remember(node, { times: times + 1, atMs: this.#nowMs() });
    return true;
  }

  /** What it was told in the end: what was set aside, and not sent, is there for others. */
  end(node: NodeId, sentBytes: number): void {
    const keptBytes = this.#telling.get(node);
    this.#telling.delete(node);
    if (keptBytes === undefined) return;
    this.#sharing -= 1;
    this.#leftBytes += Math.max(0, keptBytes - sentBytes);
  }

  /** The same bytes are the same row, also where they were written anew. */
  #isSameRow(row: Uint8Array): boolean {
    if (this.#row === row) return true;
    return this.#row?.length === row.length && Buffer.compare(this.#row, row) === 0;
  }

  #hasRoom(bytes: number, isNews: boolean): boolean {
    const nowMs = this.#nowMs();
    const earned = ((nowMs - this.#atMs) / 1_000) * FORMER_BYTES_PER_SECOND;
    this.#leftBytes = Math.min(FORMER_BYTES_MAX, this.#leftBytes + earned);
    this.#atMs = nowMs;
    if (this.#sharing >= (isNews ? FORMER_TELLING_MAX : FORMER_TELLING_MAX / 2)) return false;
    const keptBytes = isNews ? 0 : ROOT_ROW_BYTES_MAX;
    return bytes + keptBytes <= this.#leftBytes;
  }

  #remember(node: NodeId, told: Told): void {
    this.#told.delete(node);
    for (const oldest of this.#told.keys()) {
      if (this.#told.size < FORMER_TOLD_MAX) break;
      this.#told.delete(oldest);
    }
    this.#told.set(node, told);
  }
}
