/**
 * The hash by which nodes compare a whole document (promise P1): SHA-256 over the records' hashes in id order. The records' hashes are
 * kept side by side, so that one changed record of ten thousand costs one hash over them and nothing else.
 */
import type { HashHex, RobotId } from "../ids.ts";
import type { HashPort } from "../ports.ts";
import { toHex } from "../wire/hex.ts";

const HASH_BYTES = 32;

export class DocumentHash {
  readonly #hashing: HashPort;
  #ids: readonly RobotId[] = [];
  #bytes: Uint8Array<ArrayBufferLike> = new Uint8Array(0);
  readonly #stale = new Set<RobotId>();

  constructor(hashing: HashPort) {
    this.#hashing = hashing;
  }

  /** A record may have changed. */
  touch(robot: RobotId): void {
    this.#stale.add(robot);
  }

  /** `ids` is sorted, and the same array as last time when the same robots are in it. */
  of(ids: readonly RobotId[], hashOf: (robot: RobotId) => Uint8Array): HashHex {
    if (ids !== this.#ids) {
      this.#bytes = this.#moved(ids, hashOf);
      this.#ids = ids;
    } else {
      for (const robot of this.#stale) {
        const i = indexOf(ids, robot);
        if (i !== undefined) this.#bytes.set(hashOf(robot), i * HASH_BYTES);
      }
    }
    this.#stale.clear();
    // A copy, as these bytes change in place: whoever hashes may keep what it knows of an array.
    return toHex(this.#hashing.sha256(this.#bytes.slice()));
  }

  /** The hashes at their new places: only those of robots that are new or stale are asked for. */
  #moved(ids: readonly RobotId[], hashOf: (robot: RobotId) => Uint8Array): Uint8Array {
    const bytes = new Uint8Array(ids.length * HASH_BYTES);
    let old = 0;
    for (const [i, robot] of ids.entries()) {
      while (old < this.#ids.length && (this.#ids[old] as RobotId) < robot) old += 1;
      const isHeld = this.#ids[old] === robot && !this.#stale.has(robot);
      const hash = isHeld
        ? this.#bytes.subarray(old * HASH_BYTES, (old + 1) * HASH_BYTES)
        : hashOf(robot);
      bytes.set(hash, i * HASH_BYTES);
    }
    return bytes;
  }
}

function indexOf(ids: readonly RobotId[], robot: RobotId): number | undefined {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ids[middle] as RobotId) < robot) low = middle + 1;
    else high = middle;
  }
  return ids[low] === robot ? low : undefined;
}
