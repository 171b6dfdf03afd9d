/**
 * What a home does when another node retires a robot that it hosts (rules CH4, P4, ADR 0013).
 *
 * Until there are grants any key may publish a claim and a retired marker, so one never hides a robot that lives, nor a death that was not
 * said yet: where the home's own word was not `down` when the marker came, the home says again what the record said, above the marker, and
 * tells its operator who did it. Not more often than once in {@link RESTATE_EVERY_MS} a robot, so that a flood of markers costs the home next
 * to nothing. A home that was away when the marker came gives the robot its `startup` to show life, and one that the robot seems to have left
 * its deadline. A robot that was called `down`, or that shows no life by then, is retired by the marker. A marker of somebody without a
 * claim has no effect at all, and is told once.
 */
import type { AuditLog } from "../audit/audit-log.ts";
import type { Env } from "../env.ts";
import type { NodeId, RobotId } from "../ids.ts";
import type { Now } from "../now.ts";
import type { FieldWriter } from "./field-writer.ts";
import type { LocalRobot } from "./local-robot.ts";
import { DeadlineHeap } from "./deadline-heap.ts";
import { downMonoMs } from "./deadlines.ts";
import { registrationFields } from "./registration.ts";

/** A robot's record is said again at most this often. */
const RESTATE_EVERY_MS = 10_000;

export interface RetirementDeps {
  readonly env: Env;
  readonly fields: FieldWriter;
  readonly audit: AuditLog;
}

/** `heeded`: nothing is left to host. `restated`: the record says again what it said. */
export type RetirementAnswer = "none" | "restated" | "heeded";

/** Why the home looks: the record changed or time passed, the robot beats here, or it beats at another node now. */
export type RetirementCause = "look" | "beat" | "left";

interface Pending {
  /** `restate` it lived when the marker came; `silence` it has until then to show life; `left` the same, while it beats at another node. */
  readonly kind: "restate" | "silence" | "left";
  readonly atMonoMs: number;
}

export class Retirements {
  readonly #deps: RetirementDeps;
  readonly #restatedMonoMs = new Map<RobotId, number>();
  readonly #toldOf = new Map<RobotId, NodeId>();
  readonly #pending = new Map<RobotId, Pending>();
  /** Their dates: one liar makes all robots of a home wait, and every beat asks for the first. */
  readonly #dates = new DeadlineHeap();
  readonly #graceMonoMs = new Map<RobotId, number>();

  constructor(deps: RetirementDeps) {
    this.#deps = deps;
  }

  /** When the first decision is due that waits; infinite when none does. */
  get nextMonoMs(): number {
    return this.#dates.peek()?.atMs ?? Number.POSITIVE_INFINITY;
  }

  /** Robots whose decision is due, each once: it is for {@link answer} to let it wait again. */
  due(nowMonoMs: number): readonly RobotId[] {
    const due: RobotId[] = [];
    for (
      let next = this.#dates.peek();
      next !== undefined && next.atMs <= nowMonoMs;
      next = this.#dates.peek()
    ) {
      this.#dates.delete(next.id);
      due.push(next.id);
    }
    return due;
  }

  /** This node starts: what it had not called `down` before has its `startup` to show that it lives. */
  onStart(robot: LocalRobot, now: Now): void {
    if (robot.status === "down") return;
    this.#graceMonoMs.set(robot.id, now.monoMs + robot.schedule.startupMs);
  }

  /** Looks at a hosted robot's record. */
  answer(robot: LocalRobot, cause: RetirementCause, now: Now): RetirementAnswer {
    const { env, fields } = this.#deps;
    const record = fields.recordOf(robot.id);
    // Also where it was registered again above the marker: else whoever does both at once would hide a life and its death.
    const by = record?.hiddenBy ?? record?.retiredBy;
    if (by === undefined || by === env.identity.self) {
      this.#decided(robot.id);
      this.#tell(robot.id, record?.unheededBy, "unheeded", now);
      return "none";
    }
    const pending =
      this.#pending.get(robot.id) ?? this.#graceOf(robot, now) ?? leftBy(robot, cause);
    if (pending === undefined)
      return robot.status === "down" ? this.#heed(robot, by, now) : this.#restate(robot, by, now);
    if (pending.kind === "restate" || cause === "beat") return this.#restate(robot, by, now);
    if (now.monoMs < pending.atMonoMs) {
      this.#wait(robot.id, pending);
      return "none";
    }
    return pending.kind === "left" ? "heeded" : this.#heed(robot, by, now);
  }

  forget(robot: RobotId): void {
    this.#restatedMonoMs.delete(robot);
    this.#toldOf.delete(robot);
    this.#decided(robot);
    this.#graceMonoMs.delete(robot);
  }

  #wait(robot: RobotId, pending: Pending): void {
    this.#pending.set(robot, pending);
    this.#dates.set(robot, pending.atMonoMs);
  }

  #decided(robot: RobotId): void {
    this.#pending.delete(robot);
    this.#dates.delete(robot);
  }

  #graceOf({ id, status }: LocalRobot, now: Now): Pending | undefined {
    const atMonoMs = this.#graceMonoMs.get(id);
    if (atMonoMs === undefined || status !== "down" || now.monoMs >= atMonoMs) return undefined;
    return { kind: "silence", atMonoMs };
  }

  #heed(robot: LocalRobot, by: NodeId, now: Now): RetirementAnswer {
    const { env, fields, audit } = this.#deps;
    // What this node wrote about it shrinks to a marker as well, with the same stamp: it may be somebody's new robot by now.
    fields.heed(robot.id, now);
    audit.append("robot-retired", { robot: robot.id, by, home: env.identity.self }, now);
    return "heeded";
  }

  #restate(robot: LocalRobot, by: NodeId, now: Now): RetirementAnswer {
    const dueMonoMs = (this.#restatedMonoMs.get(robot.id) ?? -Infinity) + RESTATE_EVERY_MS;
    if (now.monoMs < dueMonoMs) {
      this.#wait(robot.id, { kind: "restate", atMonoMs: dueMonoMs });
      return "none";
    }
    this.#decided(robot.id);
    this.#restatedMonoMs.set(robot.id, now.monoMs);
    this.#toldOf.delete(robot.id);
    this.#tell(robot.id, by, "restated", now);
    this.#deps.fields.restate(robot.id, registrationFields(robot), now);
    return "restated";
  }

  #tell(robot: RobotId, by: NodeId | undefined, outcome: string, now: Now): void {
    if (by === undefined || this.#toldOf.get(robot) === by) return;
    this.#toldOf.set(robot, by);
    const { env, audit } = this.#deps;
    env.out.emit({ type: "rejected", reason: "retired-elsewhere", from: by });
    audit.appendReject("retired-elsewhere", { from: by, robot, outcome }, now);
  }
}

/** It beats at another node now, or somebody says so: here it is not missed before its deadline. */
function leftBy(robot: LocalRobot, cause: RetirementCause): Pending | undefined {
  return cause === "left" ? { kind: "left", atMonoMs: downMonoMs(robot) + 1 } : undefined;
}
