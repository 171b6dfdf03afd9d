/**
 * What was learned of a robot's regularity, on disk (rule RG6): row `robot-regularity/<id>`, written with a beat and once in a while only, as losing the
 * last minutes of it costs nobody anything.
 */
import type { StoreRow } from "../driver/store.ts";
import type { Env } from "../env.ts";
import { isRobotId, type RobotId } from "../ids.ts";
import { isBytes } from "../wire/fields.ts";
import { isPage } from "./interval-book.ts";
import type { LocalRobot } from "./local-robot.ts";
import { scheduleToJson } from "./schedule.ts";

/** Keys of these rows start with this. */
export const REGULARITY_ROW_PREFIX: string = "robot-regularity/";
/** A robot's row is written once in so many seconds at most. */
export const REGULARITY_EVERY_SECONDS: number = 300;

const ROW_VERSION = 1;

interface StoredPage {
  readonly page: Uint8Array;
  /** What it was learned under, as text. */
  readonly schedule: string;
}

export class RegularityRows {
  readonly #env: Env;
  /** Between restore and start. */
  readonly #stored = new Map<RobotId, StoredPage>();

  constructor(env: Env) {
    this.#env = env;
  }

  /** Takes a stored row; returns false, and reports it, when it is damaged. Others are ignored. */
  restore({ key, value }: StoreRow): boolean {
    if (!key.startsWith(REGULARITY_ROW_PREFIX)) return true;
    const id = key.slice(REGULARITY_ROW_PREFIX.length);
    const stored = isRobotId(id) ? this.#decode(value) : undefined;
    if (stored === undefined) {
      this.#env.out.emit({ type: "quarantined", what: key, reason: "malformed" });
      return false;
    }
    this.#stored.set(id, stored);
    return true;
  }

  /** What was stored of a robot, if it has the same schedule still. Each is taken once. */
  take(robot: LocalRobot): Uint8Array | undefined {
    const stored = this.#stored.get(robot.id);
    this.#stored.delete(robot.id);
    return stored?.schedule === scheduleText(robot) ? stored.page : undefined;
  }

  write(robot: LocalRobot, page: Uint8Array): void {
    const row = [ROW_VERSION, scheduleToJson(robot.schedule), page];
    const value = this.#env.ports.codec.encode(row);
    this.#env.out.persist([{ type: "put", key: REGULARITY_ROW_PREFIX + robot.id, value }]);
  }

  /** All robots that there are have taken theirs. */
  endRestore(): void {
    this.#stored.clear();
  }

  delete(robot: LocalRobot): void {
    this.#env.out.persist([{ type: "del", key: REGULARITY_ROW_PREFIX + robot.id }]);
  }

  #decode(bytes: Uint8Array): StoredPage | undefined {
    let row: unknown;
    try {
      row = this.#env.ports.codec.decode(bytes);
    } catch {
      return undefined;
    }
    if (!Array.isArray(row) || row[0] !== ROW_VERSION) return undefined;
    const [, schedule, page] = row as readonly unknown[];
    if (!isBytes(page) || !isPage(page)) return undefined;
    return { page, schedule: JSON.stringify(schedule) };
  }
}

function scheduleText(robot: LocalRobot): string {
  return JSON.stringify(scheduleToJson(robot.schedule));
}
