/**
 * What robots need of the chains: writing a robot's fields as this node, and reading what the fleet wrote about it.
 * Implemented by `state/`; robots know nothing of entries, stamps or documents.
 */
import type { CommandErrorCode } from "../command.ts";
import type { NodeId, RobotId } from "../ids.ts";
import type { Json } from "../json.ts";
import type { Now } from "../now.ts";

/** One robot's record, merged over all authors, as far as robots are concerned. Leaves are as written: unchecked foreign values. */
export interface RobotRecord {
  /** Leaf `/schedule`, see `scheduleFromJson`. */
  readonly schedule?: Json | undefined;
  /** Leaves `/labels/<key>`; values that are no text are left out. */
  readonly labels: Readonly<Record<string, string>>;
  /** Leaf `/health`. */
  readonly health?: Json | undefined;
  /** Leaf `/floating`. */
  readonly floating?: boolean | undefined;
  /** A retired robot is shown nowhere (rule CH4), and new when it beats again. */
  readonly retired: boolean;
  /** Who retired it. */
  readonly retiredBy?: NodeId | undefined;
  /** When, by the clock of who did. */
  readonly retiredWallMs?: number | undefined;
  /** Who hides the claim of this node with a marker: who retired it, also where somebody has registered it again since. */
  readonly hiddenBy?: NodeId | undefined;
  /** Who retired it without a claim to it, which has no effect. */
  readonly unheededBy?: NodeId | undefined;
  /** Author of the newest stamp of `/schedule`: the home as long as nobody's pulse has said anything else. */
  readonly author?: NodeId | undefined;
  /** Nodes whose own chain holds a `/schedule` of the robot: who may be its home (rule VE6). */
  readonly claimants: readonly NodeId[];
  /** Changes whenever any field does. */
  readonly version?: string | undefined;
}

export interface FieldWriter {
  /**
   * Sets (value) or removes (undefined) fields of a robot in this node's chain of document `reported`, as one entry, within the
   * commit of the input under way. Keys are RFC 6901 pointers of leaves. Returns why nothing was written, if so.
   */
  write(
    robot: RobotId,
    changes: ReadonlyMap<string, Json | undefined>,
    now: Now,
  ): CommandErrorCode | undefined;
  /** Hides the robot for good (rule CH4). Returns why nothing was written, if so. */
  retire(robot: RobotId, now: Now): CommandErrorCode | undefined;
  /** Takes over the marker that stands: what this node wrote shrinks to it, and nothing is hidden that it does not hide. */
  heed(robot: RobotId, now: Now): void;
  /** Writes again what was written before another node retired the robot, and its registration in any case. */
  restate(robot: RobotId, registration: ReadonlyMap<string, Json>, now: Now): void;
  /** Undefined when no chain says anything about the robot. */
  recordOf(robot: RobotId): RobotRecord | undefined;
}

/** One reference token of an RFC 6901 pointer, escaped. */
export function pointerToken(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}
