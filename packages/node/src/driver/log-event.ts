/**
 * Which of core's events an operator wants in the log, and how loud. Many of them say what others did, who can do it thousands of times a
 * second: so of each type a second has a bounded number of lines, and what was left out is counted. Readers of events and of the audit log
 * have bounds of their own.
 */
import type { CoreEvent } from "@pulsemesh/core";
import type { NodeLogger } from "../api.ts";

/** Lines about events of one type in a second. */
export const EVENT_LINES_PER_SECOND_MAX: number = 100;

export class EventLog {
  readonly #logger: NodeLogger;
  readonly #counts = new Map<CoreEvent["type"], number>();

  constructor(logger: NodeLogger) {
    this.#logger = logger;
  }

  log(event: CoreEvent): void {
    const count = (this.#counts.get(event.type) ?? 0) + 1;
    this.#counts.set(event.type, count);
    if (count <= EVENT_LINES_PER_SECOND_MAX) logEvent(this.#logger, event);
  }

  /** Call it each second: says what was left out of the one that is over. */
  nextSecond(): void {
    for (const [type, count] of this.#counts) {
      const leftOut = count - EVENT_LINES_PER_SECOND_MAX;
      // Nobody asked for lines of these.
      if (leftOut <= 0 || QUIET.has(type)) continue;
      this.#logger.warn(
        { type, leftOut },
        "more events of one type in a second than the log takes",
      );
    }
    this.#counts.clear();
  }
}

const QUIET: ReadonlySet<CoreEvent["type"]> = new Set([
  "robot-state",
  "robot-beat",
  "rejected",
  "synced",
]);

const STALE =
  "nothing was heard of the fleet's authority for a day: ended grants of known members are honoured, nobody new is let in";

function logEvent(logger: NodeLogger, event: CoreEvent): void {
  const { type, ...fields } = event;
  switch (type) {
    case "verdict":
    case "node-status":
    case "robot-status":
    case "robot-retired":
    case "started":
    case "statement":
      logger.info(fields, type);
      break;
    case "quarantined":
    case "rollback":
    case "forked":
    case "two-homes":
    case "stalled":
    case "clock-stepped":
    case "region-status":
      logger.warn(fields, type);
      break;
    case "twin":
      logger.error(
        fields,
        "another process runs under this node's key: its disk is a copy of this one. Nothing is acknowledged until one of the two is stopped and given a data folder of its own",
      );
      break;
    case "charter-disputed":
      logger.warn(fields, "there are two charters with one number: somebody else has the key");
      break;
    case "authority-stale":
      logger.warn(fields, event.isStale ? STALE : "the fleet's authority was heard of again");
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
