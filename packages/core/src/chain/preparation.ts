/**
 * A foreign snapshot on its way in (rule CH2): its parts are gated and read one by one, and take over at once when all have passed. Whoever
 * holds everything before it writes the parts itself, see {@link PartsIntake}.
 */
import type { Env } from "../env.ts";
import type { RecordTable } from "../state/record-table.ts";
import { generationClientId } from "./client-id.ts";
import type { Entry, SnapshotPayload } from "./entry.ts";
import type { EpochLog } from "./epoch-log.ts";
import { PartsIntake, type IntakeSource, type IntakeState } from "./parts-intake.ts";

/** Foreign snapshots being taken in at a time; further ones wait with whoever has them. */
export const PREPARATIONS_MAX: number = 64;

export class Preparation {
  readonly log: EpochLog;
  readonly entry: Entry;
  readonly intake: PartsIntake;

  /** `from`: the parts at hand, or what they can be written from. */
  constructor(
    env: Env,
    what: {
      readonly log: EpochLog;
      readonly entry: Entry;
      readonly manifest: SnapshotPayload;
      readonly table: RecordTable;
    },
    from: IntakeSource,
  ) {
    const { log, entry, manifest: named, table } = what;
    this.log = log;
    this.entry = entry;
    const clientId = generationClientId(env, log, entry.seq);
    this.intake = new PartsIntake(env, { generation: log, clientId, named, table }, from);
  }

  get state(): IntakeState {
    return this.intake.state;
  }

  /** Takes the next part, if there is one. */
  step(): void {
    this.intake.step();
  }
}
