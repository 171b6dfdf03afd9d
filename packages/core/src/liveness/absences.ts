/**
 * Since when members that may be offline (rule VE9) are silent, over restarts of this node.
 *
 * Silence is measured on the monotonic clock, which ends with the process, and a silence of weeks outlasts many processes. So when such a
 * member was heard last is on disk by the wall clock: exact once it is silent; while it is heard, the moment until which it may go on to be
 * heard before the row is written again, so that a crash makes its absence begin late and never early. Only a sign of life moves the row:
 * a reader that restarts neither accuses at once nor begins anew each time, and a wrong clock spoils its own time and not the row.
 */
import type { StoreRow } from "../driver/store.ts";
import type { Env } from "../env.ts";
import type { NodeId } from "../ids.ts";
import type { Now } from "../now.ts";
import type { Subject } from "./subject.ts";

/** Rows `seen/<node>`: dag-cbor wall ms. */
const SEEN_ROW_PREFIX = "seen/";
/** A row of a member that is heard is written anew after this share of what it is allowed … */
const SAVE_SHARE = 0.01;
/** … but at the latest after so long … */
const SAVE_AT_LEAST_EVERY_MS = 3_600_000;
/** … and not before so long, or who says that it may be offline for a moment costs everybody a write with each of its pulses. */
const SAVE_AT_MOST_EVERY_MS = 10_000;
/** 2020. What was written by an earlier clock was written before anybody set it, and would call a silence of decades. */
const CLOCK_SET_WALL_MS = 1_577_836_800_000;

export class Absences {
  readonly #env: Env;
  /** By wall clock, of members that may be offline: until when they count as heard. */
  readonly #seenWallMs = new Map<NodeId, number>();
  /** Of those, the ones that are known from an earlier run alone. */
  readonly #recalled = new Set<NodeId>();

  constructor(env: Env) {
    this.#env = env;
  }

  restore(rows: readonly StoreRow[]): void {
    for (const { key, value } of rows) {
      if (!key.startsWith(SEEN_ROW_PREFIX)) continue;
      const wallMs = this.#decode(value);
      if (typeof wallMs === "number" && Number.isSafeInteger(wallMs))
        this.#seenWallMs.set(key.slice(SEEN_ROW_PREFIX.length), wallMs);
      else this.#env.out.emit({ type: "quarantined", what: key, reason: "malformed" });
    }
  }

  /** A member is followed from now on: it was heard last when the disk says so, if that says anything. */
  follow(subject: Subject, now: Now): void {
    if (this.#seenWallMs.has(subject.node)) this.#recalled.add(subject.node);
    this.recall(subject, now);
  }

  /** The wall clock may have been set: what only an earlier run knows is measured by it anew. Whoever was heard in this run has a date. */
  recall(subject: Subject, now: Now): void {
    const wallMs = this.#seenWallMs.get(subject.node);
    if (wallMs === undefined || wallMs < CLOCK_SET_WALL_MS) return;
    if (!this.#recalled.has(subject.node)) return;
    subject.seenBeforeMonoMs = now.monoMs - Math.max(0, now.wallMs - wallMs);
    subject.savedMonoMs = subject.seenBeforeMonoMs;
  }

  /** Looks whether the row of a subject has to be written or deleted; cheap when not. */
  note(subject: Subject, now: Now): void {
    const { node, mayBeOfflineMs } = subject;
    const saved = this.#seenWallMs.get(node);
    if (mayBeOfflineMs === undefined) {
      if (saved !== undefined) this.#forget(node);
      return;
    }
    const { seenMonoMs } = subject;
    const seenWallMs = Math.floor(now.wallMs - (now.monoMs - seenMonoMs));
    // Pulses that arrive late and later are no silence yet, and each of them has another date.
    const isHeard = subject.isFresh(now.monoMs) || subject.isDelayed(now.monoMs);
    if (saved === undefined || !isHeard) {
      if (saved !== undefined && subject.savedMonoMs === seenMonoMs) return;
      subject.savedMonoMs = seenMonoMs;
      this.#save(node, seenWallMs);
    } else if (seenWallMs >= saved) {
      subject.savedMonoMs = undefined;
      const shareMs = Math.ceil(mayBeOfflineMs * SAVE_SHARE);
      const everyMs = Math.max(SAVE_AT_MOST_EVERY_MS, Math.min(SAVE_AT_LEAST_EVERY_MS, shareMs));
      this.#save(node, seenWallMs + everyMs);
    }
  }

  #save(node: NodeId, wallMs: number): void {
    this.#seenWallMs.set(node, wallMs);
    this.#recalled.delete(node);
    const value = this.#env.ports.codec.encode(wallMs);
    this.#env.out.persist([{ type: "put", key: SEEN_ROW_PREFIX + node, value }]);
  }

  #forget(node: NodeId): void {
    this.#seenWallMs.delete(node);
    this.#recalled.delete(node);
    this.#env.out.persist([{ type: "del", key: SEEN_ROW_PREFIX + node }]);
  }

  #decode(value: Uint8Array): unknown {
    try {
      return this.#env.ports.codec.decode(value);
    } catch {
      return undefined;
    }
  }
}
