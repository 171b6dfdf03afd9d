/**
 * Since when members that may be offline (rule VE9) are silent, over restarts of this node.
 *
 * Silence is measured on the monotonic clock, which ends with the process, and a silence of weeks outlasts many processes. So when such a
 * member was heard last is on disk by the wall clock: exact once it is silent; while it is heard, the moment until which it may go on to be
 * heard before the row is written again, so that a crash makes its absence begin late and never early. Only a sign of life moves the row:
 * a reader that restarts neither accuses at once nor begins anew each time, and a wrong clock spoils one run and not the row.
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
/** … but at the latest after so long. */
const SAVE_AT_LEAST_EVERY_MS = 3_600_000;

export class Absences {
  readonly #env: Env;
  /** By wall clock, of members that may be offline: until when they count as heard. */
  readonly #seenWallMs = new Map<NodeId, number>();

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

  /** When a member that is followed from now on was heard last, by what is on disk; undefined when nothing is known. */
  seenMonoMs(node: NodeId, now: Now): number | undefined {
    const wallMs = this.#seenWallMs.get(node);
    return wallMs === undefined ? undefined : now.monoMs - Math.max(0, now.wallMs - wallMs);
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
    if (saved === undefined || !subject.isFresh(now.monoMs)) {
      if (saved !== undefined && subject.savedMonoMs === seenMonoMs) return;
      subject.savedMonoMs = seenMonoMs;
      this.#save(node, seenWallMs);
    } else if (seenWallMs >= saved) {
      subject.savedMonoMs = undefined;
      const everyMs = Math.min(SAVE_AT_LEAST_EVERY_MS, Math.ceil(mayBeOfflineMs * SAVE_SHARE));
      this.#save(node, seenWallMs + everyMs);
    }
  }

  #save(node: NodeId, wallMs: number): void {
    this.#seenWallMs.set(node, wallMs);
    const value = this.#env.ports.codec.encode(wallMs);
    this.#env.out.persist([{ type: "put", key: SEEN_ROW_PREFIX + node, value }]);
  }

  #forget(node: NodeId): void {
    this.#seenWallMs.delete(node);
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
