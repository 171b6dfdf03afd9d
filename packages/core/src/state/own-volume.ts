/**
 * How much this node has written into a document: robots, retired markers and bytes over all its live epochs, because its next snapshot has to
 * hold them all. A write beyond the limits is refused before it is made; a snapshot that cannot be written would let the chain grow for ever.
 *
 * A retired marker stays for good (rule CH4), so it does not take the place of a robot that lives: it counts among the ids alone, of which
 * there may be many more. To retire a robot adds no id, and is never refused for their number.
 */
import type { RobotId } from "../ids.ts";
import { AUTHOR_IDS_MAX, AUTHOR_LIVE_BYTES_MAX, AUTHOR_ROBOTS_MAX } from "../chain/limits.ts";

/** What one record counts. */
export interface RecordVolume {
  readonly bytes: number;
  /** It is nothing but a retired marker. */
  readonly isMarker: boolean;
}

/** What an author has written, against its limits. */
export interface WrittenIds {
  readonly robots: number;
  readonly markers: number;
}

export class OwnVolume {
  readonly #of = new Map<RobotId, RecordVolume>();
  #bytes = 0;
  #markers = 0;

  get ids(): WrittenIds {
    return { robots: this.#of.size - this.#markers, markers: this.#markers };
  }

  /** Why such a record may not be written; what gets smaller always may. */
  refuses(robot: RobotId, record: RecordVolume): "robots-max" | "state-too-large" | undefined {
    const before = this.#of.get(robot);
    if (before === undefined && this.#of.size >= AUTHOR_IDS_MAX) return "robots-max";
    const isOneMore = !record.isMarker && before?.isMarker !== false;
    if (isOneMore && this.ids.robots >= AUTHOR_ROBOTS_MAX) return "robots-max";
    const addedBytes = robot.length + record.bytes - (before?.bytes ?? 0);
    return addedBytes > 0 && this.#bytes + addedBytes > AUTHOR_LIVE_BYTES_MAX
      ? "state-too-large"
      : undefined;
  }

  set(robot: RobotId, { bytes: recordBytes, isMarker }: RecordVolume): void {
    const before = this.#of.get(robot);
    const bytes = robot.length + recordBytes;
    this.#bytes += bytes - (before?.bytes ?? 0);
    this.#markers += Number(isMarker) - Number(before?.isMarker ?? false);
    this.#of.set(robot, { bytes, isMarker });
  }
}
