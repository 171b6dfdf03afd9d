/**
 * What other nodes write about the terms of a robot that is hosted here (rule VE7, ADR 0013): the home takes it over and judges by it.
 *
 * Whatever cannot be kept (a cron line that is never due, a label that is none) is left out, so that one bad field stops no other one. Until
 * there are grants any member may edit, so what an edit costs is bounded: few cron lines are looked at in a second, the others wait; and
 * of one author few edits a second are audited one by one, of the others the number.
 */
import type { AuditLog } from "../audit/audit-log.ts";
import type { Env } from "../env.ts";
import type { RobotId } from "../ids.ts";
import type { Json } from "../json.ts";
import { RateWindow } from "../rate-window.ts";
import type { Now } from "../now.ts";
import type { Schedule } from "../view/schedule.ts";
import type { FieldWriter, RobotRecord } from "./field-writer.ts";
import { FlipAudit } from "./flip-audit.ts";
import { validLabels } from "./labels.ts";
import type { LocalRobot } from "./local-robot.ts";
import { applyTerms, auditedFields } from "./registration.ts";
import { checkSchedule, scheduleFromJson, scheduleToJson } from "./schedule.ts";

/** Cron lines of others that are looked at in a second: one that is never due takes a calendar some milliseconds. */
export const CRON_EDITS_PER_SECOND_MAX: number = 50;

export interface EditsDeps {
  readonly env: Env;
  readonly fields: FieldWriter;
  readonly audit: AuditLog;
}

export type TermChanges = ReadonlyMap<string, Json | undefined>;

const NO_CHANGES: TermChanges = new Map();

export class Edits {
  readonly #deps: EditsDeps;
  readonly #flips: FlipAudit;
  readonly #window = new RateWindow();
  readonly #waiting = new Set<RobotId>();
  #waitUntilMonoMs = Number.POSITIVE_INFINITY;

  constructor(deps: EditsDeps) {
    this.#deps = deps;
    this.#flips = new FlipAudit(deps.audit);
  }

  /** When robots that wait are to be looked at again; infinite when none does. */
  get nextMonoMs(): number {
    return this.#waiting.size === 0 ? Number.POSITIVE_INFINITY : this.#waitUntilMonoMs;
  }

  /** Robots that waited; each waits again where it must. */
  due(nowMonoMs: number): readonly RobotId[] {
    if (nowMonoMs < this.nextMonoMs) return [];
    const due = [...this.#waiting];
    this.#waiting.clear();
    return due;
  }

  /** Applies what the record says; what that changed. */
  take(robot: LocalRobot, now: Now): TermChanges {
    const record = this.#deps.fields.recordOf(robot.id);
    if (record === undefined || record.retired) return NO_CHANGES;
    const schedule = this.#scheduleOf(record, robot, now);
    if (schedule === undefined) return NO_CHANGES;
    const labels = validLabels(record.labels);
    const changes = applyTerms(robot, { schedule, labels, floating: record.floating === true });
    if (changes.size > 0) this.#tell(robot.id, record, changes, now);
    return changes;
  }

  forget(robot: RobotId): void {
    this.#waiting.delete(robot);
  }

  /** Undefined when it has to wait. */
  #scheduleOf({ schedule: leaf }: RobotRecord, robot: LocalRobot, now: Now): Schedule | undefined {
    const { id, schedule: own } = robot;
    if (JSON.stringify(leaf) === JSON.stringify(scheduleToJson(own))) return own;
    const said = scheduleFromJson(leaf);
    if (said === undefined) return own;
    if (said.type === "cron" && !this.#window.admit(now.monoMs, CRON_EDITS_PER_SECOND_MAX)) {
      this.#waiting.add(id);
      this.#waitUntilMonoMs = (Math.floor(now.monoMs / 1_000) + 1) * 1_000;
      return undefined;
    }
    return checkSchedule(said, this.#deps.env.ports.cron, now.wallMs).ok ? said : own;
  }

  #tell(robot: RobotId, record: RobotRecord, changes: TermChanges, now: Now): void {
    const { audit, env } = this.#deps;
    // Who wrote the schedule is known; of labels only that somebody did.
    const by = changes.has("/schedule") ? record.author : undefined;
    if (!this.#flips.admit(by ?? env.identity.self, now)) return;
    const fields = auditedFields(changes);
    audit.append("robot-edited", { robot, by: by ?? null, fields }, now);
  }
}
