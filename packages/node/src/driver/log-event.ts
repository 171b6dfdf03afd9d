/**
 * Which of core's events an operator wants in the log, and how loud. Many of them say what others did, who can do it thousands of times a
 * second: so of each type a second has a bounded number of lines, and what was left out is counted. Readers of events and of the audit log
 * have bounds of their own.
 */
import type { CoreEvent, NodeId, RootRowResult } from "@pulsemesh/core";
import type { NodeLogger } from "../api.ts";

/** Lines about events of one type in a second. */
export const EVENT_LINES_PER_SECOND_MAX: number = 100;

/** Nodes of which is known what was said of their root statements; beyond it all are forgotten, and said once more. */
export const ROWS_SAID_MAX: number = 256;

export class EventLog {
  readonly #logger: NodeLogger;
  readonly #counts = new Map<CoreEvent["type"], number>();
  /** What was said last of the root statements of a node: one that is refused comes again every few seconds. */
  readonly #rows = new Map<NodeId, RootRowResult>();

  constructor(logger: NodeLogger) {
    this.#logger = logger;
  }

  log(event: CoreEvent): void {
    const count = (this.#counts.get(event.type) ?? 0) + 1;
    this.#counts.set(event.type, count);
    if (count <= EVENT_LINES_PER_SECOND_MAX && this.#isNews(event)) logEvent(this.#logger, event);
  }

  #isNews(event: CoreEvent): boolean {
    if (event.type !== "root-row") return true;
    if (this.#rows.get(event.from) === event.result) return false;
    if (this.#rows.size >= ROWS_SAID_MAX) this.#rows.clear();
    this.#rows.set(event.from, event.result);
    return true;
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

function logRow(logger: NodeLogger, { from, result }: CoreEvent & { type: "root-row" }): void {
  const text = ROW_RESULTS[result];
  if (text === undefined) logger.debug({ from, result }, "root-row");
  else logger.info({ from, result }, text);
}

/** What is said of the root statements of a node that was asked, where that is more than that all is known, or counted as refused. */
const ROW_RESULTS: Readonly<Partial<Record<RootRowResult, string>>> = {
  taken:
    "the root statements of a node that was to be found were taken: they go on from what is held here",
  rotation:
    "a rotation of the root was taken from a node that was to be found; what is signed behind it is left to the members that this node knows",
  company:
    "the root statements of a node that was to be found were not taken, as this node knows members who may come: where those are gone for good, or were away as long, hand them over with `pulsemesh key publish`",
  revoked:
    "the root statements of a node were not taken, as it is revoked here: where it should not be, hand them over with `pulsemesh key publish`",
  beside:
    "the root statements of a node that was to be found were not taken: they do not go on from what is held here",
};

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
    case "root-row":
      logRow(logger, event);
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
