/**
 * How much this node has written into a document: robots and bytes over all its live epochs, because its next snapshot has to hold them
 * all. A write beyond the limits is refused before it is made; a snapshot that cannot be written would let the chain grow for ever.
 */
import type { RobotId } from "../ids.ts";
import { AUTHOR_LIVE_BYTES_MAX, AUTHOR_ROBOTS_MAX } from "../chain/limits.ts";

export class OwnVolume {
  readonly #bytesOf = new Map<RobotId, number>();
  #bytes = 0;

  /** Why a record of so many bytes may not be written; what gets smaller always may. */
  refuses(robot: RobotId, recordBytes: number): "robots-max" | "state-too-large" | undefined {
    const before = this.#bytesOf.get(robot);
    if (before === undefined && this.#bytesOf.size >= AUTHOR_ROBOTS_MAX) return "robots-max";
    const addedBytes = robot.length + recordBytes - (before ?? 0);
    return addedBytes > 0 && this.#bytes + addedBytes > AUTHOR_LIVE_BYTES_MAX
      ? "state-too-large"
      : undefined;
  }

  set(robot: RobotId, recordBytes: number): void {
    const bytes = robot.length + recordBytes;
    this.#bytes += bytes - (this.#bytesOf.get(robot) ?? 0);
    this.#bytesOf.set(robot, bytes);
  }
}
