/**
 * What a home does when another node retires a robot that it hosts (rules CH4, P4).
 *
 * Until there are grants any key may publish a claim and a retired marker, so neither deletes what this node has of a robot that
 * beats here, nor turns its beats away: the home says again what the record said, above the marker, and tells its operator who did it. Not
 * more often than once in {@link RESTATE_EVERY_MS} a robot, so that a flood of markers costs the home next to nothing; the next beat
 * after that makes up for what was left out. A marker of somebody without a claim has no effect at all, and is told once.
 */
import type { AuditLog } from "../audit/audit-log.ts";
import type { Env } from "../env.ts";
import type { NodeId, RobotId } from "../ids.ts";
import type { Now } from "../now.ts";
import type { FieldWriter } from "./field-writer.ts";
import type { LocalRobot } from "./local-robot.ts";
import { registrationFields } from "./registration.ts";

/** A robot's record is said again at most this often. */
const RESTATE_EVERY_MS = 10_000;

export interface RetirementDeps {
  readonly env: Env;
  readonly fields: FieldWriter;
  readonly audit: AuditLog;
}

export class Retirements {
  readonly #deps: RetirementDeps;
  readonly #restatedMonoMs = new Map<RobotId, number>();
  readonly #toldOf = new Map<RobotId, NodeId>();

  constructor(deps: RetirementDeps) {
    this.#deps = deps;
  }

  /** Looks at a hosted robot's record; true when it was said again. */
  answer(robot: LocalRobot, now: Now): boolean {
    const { env, fields } = this.#deps;
    const record = fields.recordOf(robot.id);
    const by = record?.retiredBy;
    if (by === undefined) this.#tell(robot.id, record?.unheededBy, "unheeded", now);
    if (by === undefined || by === env.identity.self) return false;
    const restatedMonoMs = this.#restatedMonoMs.get(robot.id) ?? Number.NEGATIVE_INFINITY;
    if (now.monoMs - restatedMonoMs < RESTATE_EVERY_MS) return false;
    this.#restatedMonoMs.set(robot.id, now.monoMs);
    this.#toldOf.delete(robot.id);
    this.#tell(robot.id, by, "restated", now);
    fields.restate(robot.id, registrationFields(robot), now);
    return true;
  }

  forget(robot: RobotId): void {
    this.#restatedMonoMs.delete(robot);
    this.#toldOf.delete(robot);
  }

  #tell(robot: RobotId, by: NodeId | undefined, outcome: string, now: Now): void {
    if (by === undefined || this.#toldOf.get(robot) === by) return;
    this.#toldOf.set(robot, by);
    const { env, audit } = this.#deps;
    env.out.emit({ type: "rejected", reason: "retired-elsewhere", from: by });
    audit.appendReject("retired-elsewhere", { from: by, robot, outcome }, now);
  }
}
