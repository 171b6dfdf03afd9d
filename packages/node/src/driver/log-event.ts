/** Which of core's events an operator wants in the log, and how loud. */
import type { CoreEvent } from "@pulsemesh/core";
import type { NodeLogger } from "../api.ts";

export function logEvent(logger: NodeLogger, event: CoreEvent): void {
  const { type, ...fields } = event;
  switch (type) {
    case "verdict":
    case "node-status":
    case "robot-status":
    case "robot-retired":
    case "started":
      logger.info(fields, type);
      break;
    case "quarantined":
    case "rollback":
    case "forked":
    case "two-homes":
    case "stalled":
    case "clock-stepped":
      logger.warn(fields, type);
      break;
    case "twin":
      logger.error(
        fields,
        "another process runs under this node's key: its disk is a copy of this one. Nothing is acknowledged until one of the two is stopped and given a data folder of its own",
      );
      break;
    case "twin-over":
      logger.warn(fields, "the other process under this node's key is gone, working on");
      break;
    case "robot-state":
    case "robot-beat":
    case "rejected":
    case "synced":
      logger.debug(fields, type);
      break;
  }
}
