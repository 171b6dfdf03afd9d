/** What robots write into, and read from, document `reported`: their port onto the merged records. */
import type { CommandErrorCode } from "../command.ts";
import type { RobotId } from "../ids.ts";
import { isJsonObject, type Json } from "../json.ts";
import type { Now } from "../now.ts";
import type { FieldWriter, RobotRecord } from "../robots/field-writer.ts";
import type { Records } from "./records.ts";

export class RecordFields implements FieldWriter {
  readonly #records: Records;

  constructor(records: Records) {
    this.#records = records;
  }

  /** Fields of beats that the records refuse (full, too large) are left out: the robot's row and the audit log still hold them. */
  write(
    robot: RobotId,
    changes: ReadonlyMap<string, Json | undefined>,
    now: Now,
  ): CommandErrorCode | undefined {
    const result = this.#records.write(robot, changes, now);
    return result.ok ? undefined : result.code;
  }

  retire(robot: RobotId, now: Now): CommandErrorCode | undefined {
    const result = this.#records.retire(robot, now);
    return result.ok ? undefined : result.code;
  }

  heed(robot: RobotId, now: Now): void {
    this.#records.heed(robot, now);
  }

  /** Where the whole does not fit into one record any more, at least the registration is said again. */
  restate(robot: RobotId, registration: ReadonlyMap<string, Json>, now: Now): void {
    this.#records.restate(robot, now);
    this.#records.write(robot, registration, now);
  }

  recordOf(robot: RobotId): RobotRecord | undefined {
    const root = this.#records.record(robot);
    const standing = this.#records.standing(robot);
    const { registrar, claimants, retiredBy, retiredWallMs, hiddenBy, unheededBy } = standing;
    if (Object.keys(root).length === 0 && retiredBy === undefined) return undefined;
    return {
      schedule: root["schedule"],
      labels: textsOf(root["labels"]),
      health: root["health"],
      floating: root["floating"] === true,
      retired: retiredBy !== undefined,
      retiredBy,
      retiredWallMs,
      hiddenBy,
      unheededBy,
      author: registrar,
      claimants,
      version: standing.version,
    };
  }
}

function textsOf(value: Json | undefined): Readonly<Record<string, string>> {
  const texts = Object.create(null) as Record<string, string>;
  if (value === undefined || !isJsonObject(value)) return texts;
  for (const [key, text] of Object.entries(value)) if (typeof text === "string") texts[key] = text;
  return texts;
}
