/** The ledger as it would be after the part of an update that has been read: nothing is entered until all of it has passed. */
import { compareText } from "@pulsemesh/core";
import type { GateCode, RobotId } from "@pulsemesh/core";
import type { ByteReader } from "./byte-reader.ts";
import type { Ledger, Placed, Plan } from "./ledger.ts";
import { GENERATION_CLOCKS_MAX, GENERATION_ROBOTS_MAX, LIVE_BYTES_MAX } from "./limits.ts";

export class Draft {
  readonly ledger: Ledger;
  readonly #placed: Placed[] = [];
  /** Newest item of each robot that the update touches. */
  readonly #newest: Map<RobotId, Placed> = new Map();
  readonly #deleted: Set<RobotId> = new Set();
  #nextClock: number;
  #liveBytes: number;
  #robotCount: number;

  constructor(ledger: Ledger) {
    this.ledger = ledger;
    this.#nextClock = ledger.nextClock;
    this.#liveBytes = ledger.liveBytes;
    this.#robotCount = ledger.robotCount;
  }

  get nextClock(): number {
    return this.#nextClock;
  }

  newestEnd(robot: RobotId): number | undefined {
    return this.#newest.get(robot)?.end ?? this.ledger.newestEnd(robot);
  }

  /** The robot whose newest item ends at this clock: older items are nobody's origin any more. */
  robotEndingAt(clock: number): RobotId | undefined {
    // A delta touches at most eight robots; the parts of a snapshot have no origins and never ask.
    for (const [robot, placed] of this.#newest) if (placed.end === clock) return robot;
    const robot = this.ledger.robotAt(clock);
    return robot !== undefined && this.newestEnd(robot) === clock ? robot : undefined;
  }

  /** Enters the next struct; refuses through `reader` a run that would use up the generation's clocks. */
  place(reader: ByteReader, robot: RobotId | undefined, length: number, liveBytes: number): void {
    if (this.#nextClock + length > GENERATION_CLOCKS_MAX) reader.refuse("too-many-structs");
    if (reader.refusal !== undefined) return;
    this.#nextClock += length;
    const placed: Placed = { robot, end: this.#nextClock - 1, liveBytes };
    this.#placed.push(placed);
    if (robot === undefined) return;
    if (this.newestEnd(robot) === undefined) this.#robotCount++;
    this.#liveBytes += liveBytes - this.#liveBytesOf(robot);
    this.#newest.set(robot, placed);
  }

  /** Enters a range of the delete set: robots whose newest item lies in it are deleted. */
  remove(clock: number, length: number): void {
    if (length <= this.#robotCount) {
      for (let at = clock; at < clock + length; at++) this.#removeRobot(this.robotEndingAt(at));
      return;
    }
    for (const robots of [this.ledger.robots(), this.#newest.keys()]) {
      for (const robot of robots) {
        const end = this.newestEnd(robot) ?? -1;
        if (end >= clock && end < clock + length) this.#removeRobot(robot);
      }
    }
  }

  /** The limits of a whole generation, asked once at the end. */
  overLimit(): GateCode | undefined {
    if (this.#robotCount > GENERATION_ROBOTS_MAX) return "too-many-structs";
    return this.#liveBytes > LIVE_BYTES_MAX ? "too-large" : undefined;
  }

  plan(): Plan {
    return {
      placed: this.#placed,
      deleted: [...this.#deleted].sort(compareText),
      nextClock: this.#nextClock,
    };
  }

  #removeRobot(robot: RobotId | undefined): void {
    if (robot === undefined || this.#deleted.has(robot)) return;
    this.#liveBytes -= this.#liveBytesOf(robot);
    this.#deleted.add(robot);
  }

  #liveBytesOf(robot: RobotId): number {
    if (this.#deleted.has(robot)) return 0;
    return this.#newest.get(robot)?.liveBytes ?? this.ledger.liveBytesOf(robot);
  }
}
