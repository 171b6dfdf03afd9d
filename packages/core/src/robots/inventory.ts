/**
 * Robots as inventory: what operators and this node's own configuration ask for, at whatever node they ask (rules VE7, CH4).
 *
 * A robot that nobody has heard of is hosted here until it beats somewhere else. One that another node hosts is edited in the fleet's
 * record, field by field; its home takes that over and judges by it. Who retires one that lives elsewhere is refused: its home would say
 * at once that it lives (promise P4), and nobody is served by an answer that does not last.
 */
import type { AuditLog } from "../audit/audit-log.ts";
import type {
  CommandErrorCode,
  CommandResult,
  RegisterCommand,
  RetireCommand,
} from "../command.ts";
import type { StoreRow } from "../driver/store.ts";
import type { Env } from "../env.ts";
import type { RobotId } from "../ids.ts";
import type { Now } from "../now.ts";
import { AppliedConfig } from "./applied-config.ts";
import type { FieldWriter, RobotRecord } from "./field-writer.ts";
import type { LocalRobots } from "./local-robots.ts";
import {
  auditedFields,
  changesFor,
  termsOf,
  unwritten,
  type Refusal,
  type RegistrationTerms,
} from "./registration.ts";
import type { RobotLiveness } from "./robot-statuses.ts";

export interface InventoryDeps {
  readonly env: Env;
  readonly fields: FieldWriter;
  readonly audit: AuditLog;
  readonly local: LocalRobots;
  readonly view: (robot: RobotId, now: Now) => RobotLiveness | undefined;
}

export class Inventory {
  readonly #deps: InventoryDeps;
  readonly #applied: AppliedConfig;

  constructor(deps: InventoryDeps) {
    this.#deps = deps;
    this.#applied = new AppliedConfig(deps.env);
  }

  /** Takes one stored row; others are ignored. */
  restore(row: StoreRow): void {
    this.#applied.restore(row);
  }

  /** Registers a robot, or changes schedule, labels and mark of one. */
  register(reply: number, command: RegisterCommand, now: Now): void {
    this.#deps.env.out.answer(reply, this.#register(command, now));
  }

  /** Takes a robot out of the fleet's inventory for good. */
  retire(reply: number, command: RetireCommand, now: Now): void {
    this.#deps.env.out.answer(reply, this.#retire(command, now));
  }

  #register(command: RegisterCommand, now: Now): CommandResult {
    const { env, fields, local } = this.#deps;
    const terms = termsOf(env, command, now);
    if ("code" in terms) return terms;
    const { robot } = command;
    const found = fields.recordOf(robot);
    const isConfig = command.origin === "config";
    if (isConfig && found !== undefined && this.#applied.isApplied(robot, terms))
      return { ok: true };
    const record = found?.retired === true ? undefined : found;
    const fault = preconditionFault(command, record);
    if (fault !== undefined) return fault;
    // A home that had not made up its mind about the retirement is spared that.
    if (found?.retired === true) local.forget(robot, now);
    const result =
      record !== undefined && this.#isElsewhere(robot, now)
        ? this.#edit(robot, record, terms, now)
        : local.register(robot, terms, record, now);
    if (isConfig && result.ok) this.#applied.remember(robot, terms);
    return result;
  }

  #retire({ robot, ifVersion }: RetireCommand, now: Now): CommandResult {
    const { env, fields, audit, local, view } = this.#deps;
    const record = fields.recordOf(robot);
    if (record?.retired === true) {
      const { retiredBy: by = env.identity.self, retiredWallMs: atWallMs = now.wallMs } = record;
      // Where it lives, or may, what another node says of it counts for nothing; what is said here does.
      if (local.get(robot) !== undefined) {
        fields.heed(robot, now);
        local.forget(robot, now);
        audit.append(
          "robot-retired",
          { robot, by: env.identity.self, home: env.identity.self },
          now,
        );
      }
      return { ok: true, retired: { by, atWallMs, isOld: true } };
    }
    const shown = view(robot, now);
    if (shown === undefined) return refusal("robot-unknown", `no robot ${robot} is known`);
    const fault = preconditionFault({ ifVersion }, record);
    if (fault !== undefined) return fault;
    const { node: home, status } = shown;
    if (home !== undefined && home !== env.identity.self && isProtected(status)) {
      return refusal(
        "robot-alive",
        `robot ${robot} is ${status} at its home ${home}; only its home retires a robot that lives`,
      );
    }
    const code = fields.retire(robot, now);
    if (code !== undefined && code !== "robot-unknown") return unwritten(code, robot);
    local.forget(robot, now);
    audit.append("robot-retired", { robot, by: env.identity.self, home: home ?? null }, now);
    const atWallMs = Math.floor(now.wallMs);
    return { ok: true, retired: { by: env.identity.self, atWallMs, isOld: false } };
  }

  /** Whether another node judges it. One whose home has left is anybody's. */
  #isElsewhere(robot: RobotId, now: Now): boolean {
    const { env, local, view } = this.#deps;
    if (local.get(robot) !== undefined) return false;
    const shown = view(robot, now);
    return shown?.node !== undefined && shown.node !== env.identity.self && shown.status !== "left";
  }

  #edit(robot: RobotId, record: RobotRecord, terms: RegistrationTerms, now: Now): CommandResult {
    const { env, fields, audit } = this.#deps;
    const changes = changesFor(record, terms);
    if (changes.size === 0) return { ok: true };
    const code = fields.write(robot, changes, now);
    if (code !== undefined) return unwritten(code, robot);
    const by = env.identity.self;
    audit.append("robot-edited", { robot, by, fields: auditedFields(changes) }, now);
    return { ok: true };
  }
}

/** A robot whose death its home has not said yet: else a retirement could hide it. */
function isProtected(status: RobotLiveness["status"]): boolean {
  return status === "up" || status === "late" || status === "new" || status === "paused";
}

function preconditionFault(
  {
    ifVersion,
    ifUnknown,
  }: { readonly ifVersion?: string | undefined; readonly ifUnknown?: boolean | undefined },
  record: RobotRecord | undefined,
): Refusal | undefined {
  if (ifUnknown === true && record !== undefined)
    return refusal("precondition-failed", "the robot is registered already");
  if (ifVersion !== undefined && record?.version !== ifVersion)
    return refusal("precondition-failed", "the robot's record has changed since it was read");
  return undefined;
}

function refusal(code: CommandErrorCode, detail: string): Refusal {
  return { ok: false, code, detail };
}
