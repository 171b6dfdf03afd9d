import type { CoreEvent } from "@pulsemesh/core";
import { expect, test } from "vitest";
import type { NodeLogger } from "../api.ts";
import { EVENT_LINES_PER_SECOND_MAX, EventLog, ROWS_SAID_MAX } from "./log-event.ts";

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

test("ME2 P6 why the root statements of a node were not taken is said once and what helps, and of ROWS_SAID_MAX nodes it is known that it was", () => {
  const { lines, log } = recorded();
  const row = (from: string, result: "company" | "taken" | "known"): void =>
    log.log({ type: "root-row", from, result });
  for (let at = 0; at < 3; at += 1) row("n", "company");
  expect(lines).toEqual([expect.stringContaining("`pulsemesh key publish`")]);
  row("n", "taken");
  row("n", "known");
  row("n", "company");
  expect(lines).toHaveLength(4);
  for (let at = 0; at < ROWS_SAID_MAX; at += 1) {
    if (at % EVENT_LINES_PER_SECOND_MAX === 0) log.nextSecond();
    row(`n${at}`, "company");
  }
  log.nextSecond();
  lines.splice(0);
  row(`n${ROWS_SAID_MAX - 1}`, "company");
  expect(lines).toEqual([]);
  row("n", "company");
  expect(lines).toHaveLength(1);
});
