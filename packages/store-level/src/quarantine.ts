/**
 * Where rows go that failed their checksum, as found, for whoever wants to know why. A disk that goes on to spoil rows, or somebody who spoils
 * them, must not fill it: it holds so many rows and so many bytes over all openings. What earlier openings left makes room, as what is being
 * spoiled now tells more; where it is full of this opening's, further rows are deleted. What is deleted is counted.
 */
import type { StoreOp } from "@pulsemesh/core";
import type { Database } from "./level-database.ts";

/** Rows that are kept at most. */
export const QUARANTINE_ROWS_MAX: number = 1_000;
/** Bytes of their keys and values that are kept at most. */
export const QUARANTINE_BYTES_MAX: number = 16 * 1024 * 1024;

const PREFIX = "quarantine/";
const END = "quarantine0";

/** Of one opening of the database. */
export class Quarantine {
  /** Bytes by physical key; rows of earlier openings come before this one's. Unknown until the first row comes, as it seldom does. */
  #held: Map<string, number> | undefined;
  readonly #earlier = new Set<string>();
  #bytes = 0;
  #discarded = 0;

  /** Rows, new and old, that were deleted for want of room. */
  get discarded(): number {
    return this.#discarded;
  }

  /** What takes the row in, and what had to make room; nothing where there is no room. To be written in the order of the calls. */
  async take(database: Database, key: string, value: Uint8Array): Promise<readonly StoreOp[]> {
    const held = (this.#held ??= await this.#read(database));
    const place = PREFIX + key;
    const bytes = place.length + value.length;
    this.#drop(place);
    const ops: StoreOp[] = [];
    for (const oldest of this.#earlier) {
      if (this.#hasRoom(bytes)) break;
      this.#drop(oldest);
      this.#discarded += 1;
      ops.push({ type: "del", key: oldest });
    }
    if (!this.#hasRoom(bytes)) {
      this.#discarded += 1;
      return [...ops, { type: "del", key: place }];
    }
    held.set(place, bytes);
    this.#bytes += bytes;
    return [...ops, { type: "put", key: place, value }];
  }

  async #read(database: Database): Promise<Map<string, number>> {
    const held = new Map<string, number>();
    for await (const [place, value] of database.rows({ gte: PREFIX, lt: END })) {
      const bytes = place.length + value.length;
      held.set(place, bytes);
      this.#earlier.add(place);
      this.#bytes += bytes;
    }
    return held;
  }

  #drop(place: string): void {
    this.#bytes -= this.#held?.get(place) ?? 0;
    this.#held?.delete(place);
    this.#earlier.delete(place);
  }

  #hasRoom(bytes: number): boolean {
    return (
      (this.#held?.size ?? 0) < QUARANTINE_ROWS_MAX && this.#bytes + bytes <= QUARANTINE_BYTES_MAX
    );
  }
}
