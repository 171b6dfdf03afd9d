/** What is said where a command is about a robot of which nothing is known. */
import type { CommandResult } from "../command.ts";
import type { RobotId } from "../ids.ts";

export function robotUnknown(robot: RobotId): CommandResult {
  const detail = `no robot ${robot} is known; a first heartbeat registers it`;
  return { ok: false, code: "robot-unknown", detail };
}
