import type { CoreEvent } from "@pulsemesh/core";
import { expect, test } from "vitest";
import type { NodeLogger } from "../api.ts";
import { EVENT_LINES_PER_SECOND_MAX, EventLog } from "./log-event.ts";

const rollback: CoreEvent = { type: "rollback", author: "n", epoch: 1, seq: 2 };
const rejected: CoreEvent = { type: "rejected", reason: "rate", from: "n" };

function recorded(): { readonly lines: string[]; readonly log: EventLog } {
  const lines: string[] = [];
  const line = (fields: object, message: string): void =>
    void lines.push(`${message} ${JSON.stringify(fields)}`);
  const logger: NodeLogger = { debug: line, info: line, warn: line, error: line };
  return { lines, log: new EventLog(logger) };
}

test("DU1 P6 of one type EVENT_LINES_PER_SECOND_MAX events are lines of the log in a second, the others are counted", () => {
  const { lines, log } = recorded();
  for (let i = 0; i < EVENT_LINES_PER_SECOND_MAX + 7; i += 1) log.log(rollback);
  expect(lines).toHaveLength(EVENT_LINES_PER_SECOND_MAX);
  log.log({ type: "forked", author: "n", epoch: 1, seq: 2 });
  expect(lines.at(-1)).toContain("forked");
  log.nextSecond();
  expect(lines.at(-1)).toContain('{"type":"rollback","leftOut":7}');
  log.log(rollback);
  log.nextSecond();
  expect(lines).toHaveLength(EVENT_LINES_PER_SECOND_MAX + 3);
});

test("DU1 P6 of events that are lines at the level debug alone nothing is counted", () => {
  const { lines, log } = recorded();
  for (let i = 0; i < EVENT_LINES_PER_SECOND_MAX + 7; i += 1) log.log(rejected);
  log.nextSecond();
  expect(lines).toHaveLength(EVENT_LINES_PER_SECOND_MAX);
});
