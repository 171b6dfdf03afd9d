/** What a beat that was taken tells the fleet: flips of health, runs, fails and exit codes go into the chain and the log; plain beats do not. */
import type { AuditLog } from "../audit/audit-log.ts";
import type { Env } from "../env.ts";
import type { Json } from "../json.ts";
import type { Now } from "../now.ts";
import type { BeatChange, DatedBeat } from "./apply-beat.ts";
import type { FieldWriter } from "./field-writer.ts";
import type { LocalRobot } from "./local-robot.ts";

export interface BeatReportDeps {
  readonly env: Env;
  readonly fields: FieldWriter;
  readonly audit: AuditLog;
}

/** Returns whether the next pulse should say it at once. */
export function reportBeat(
  { env, fields, audit }: BeatReportDeps,
  robot: LocalRobot,
  beat: DatedBeat,
  change: BeatChange,
  now: Now,
): boolean {
  const commit = env.out.persist([]);
  env.out.emit(
    { type: "robot-beat", robot: robot.id, kind: beat.kind, atWallMs: beat.at.wallMs },
    commit,
  );
  if (!change.health && change.run === undefined) return false;
  const changes = new Map<string, Json>();
  if (change.health) changes.set("/health", robot.health);
  // A spooled report that is older than what is known is history, for the log alone.
  if (change.run !== undefined && change.contact) changes.set("/run", change.run);
  if (changes.size > 0) fields.write(robot.id, changes, now);
  audit.append(
    "beat",
    { robot: robot.id, health: robot.health, run: change.run ?? null, spooled: !beat.live },
    now,
  );
  return true;
}
