/** What is said where a node would write of a robot that its grant is not about (rule ME1). */
import type { CommandResult } from "../command.ts";
import type { RobotId } from "../ids.ts";

export function notGranted(robot: RobotId, isRevoked: boolean): CommandResult {
  const detail = isRevoked
    ? "the key of this node was revoked, so nobody would show what it writes; nothing was changed"
    : `the grant of this node is not about robot ${robot}; nothing was changed`;
  return { ok: false, code: "robot-not-granted", detail };
}
