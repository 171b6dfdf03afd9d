import { ROOT_ROW_BYTES_MAX } from "@pulsemesh/core";
import { expect, test } from "vitest";
import {
  EXPELLED_LATELY_MAX,
  EXPELLED_LATELY_MS,
  FORMER_BYTES_MAX,
  FORMER_BYTES_PER_SECOND,
  FORMER_ROW_AGAIN_MS,
  FORMER_ROWS_AT_ONCE_MAX,
  FORMER_TELLING_MAX,
  FORMER_TOLD_MAX,
  FormerRows,
} from "./former-rows.ts";

const LONG = new Uint8Array(ROOT_ROW_BYTES_MAX);
const SHORT = new Uint8Array(1);
/** The two of {@link LONG} that are told at once. */
const BOTH = FORMER_BYTES_MAX / ROOT_ROW_BYTES_MAX;

function rig() {
  const clock = { nowMs: 0 };
  const rows = new FormerRows(() => clock.nowMs);
  /** Told all of it, or so much, at once. */
  const told = (node: string, row: Uint8Array = SHORT, bytes: number = row.length): boolean => {
    const isTold = rows.begin(node, row);
    if (isTold) rows.end(node, bytes);
    return isTold;
  };
  return { clock, rows, told };
}

test("ME2, P6 who is let in no longer is told a row FORMER_ROWS_AT_ONCE_MAX times, then every FORMER_ROW_AGAIN_MS, and one at a time, expelled lately or not", () => {
  const { clock, rows, told } = rig();
  rows.expelled(["lately"]);
  for (const node of ["lately", "long ago"]) {
    expect([rows.begin(node, SHORT), rows.begin(node, SHORT)]).toEqual([true, false]);
    rows.end(node, 1);
    const more = Array.from({ length: FORMER_ROWS_AT_ONCE_MAX }, () => told(node));
    expect(more.filter(Boolean)).toHaveLength(FORMER_ROWS_AT_ONCE_MAX - 1);
  }
  clock.nowMs = FORMER_ROW_AGAIN_MS - 1;
  for (const node of ["lately", "long ago"])
    expect([rows.mayAsk(node, SHORT), told(node)]).toEqual([false, false]);
  clock.nowMs += 1;
  for (const node of ["lately", "long ago"])
    expect([rows.mayAsk(node, SHORT), told(node), told(node)]).toEqual([true, true, false]);
});

test("ME2, P6 an answer that was broken off counts as one, be it before its first byte", () => {
  const { told } = rig();
  expect([told("a", LONG, 0), told("a", LONG, 0), told("a", LONG, 0)]).toEqual([true, true, false]);
});

test("ME2 another row is news to all, and the same one written anew is not", () => {
  const { told } = rig();
  const row = Uint8Array.of(1, 2);
  expect([told("a", row), told("a", row), told("a", row)]).toEqual([true, true, false]);
  expect(told("a", Uint8Array.of(1, 2))).toBe(false);
  expect([told("a", Uint8Array.of(1, 3)), told("a", Uint8Array.of(1, 3))]).toEqual([true, true]);
});

test("ME2, P6 all that were not expelled lately share FORMER_BYTES_MAX, and FORMER_BYTES_PER_SECOND after that; whom this node has expelled lately they take nothing from", () => {
  const { clock, rows, told } = rig();
  rows.expelled(["expelled", "other"]);
  expect(told("expelled", LONG)).toBe(true);
  const first = Array.from({ length: BOTH + 1 }, (_, at) => told(`n${at}`, LONG));
  expect(first).toEqual([true, true, false]);
  expect(told("other", LONG)).toBe(true);
  clock.nowMs = (ROOT_ROW_BYTES_MAX / FORMER_BYTES_PER_SECOND) * 1_000 - 1;
  expect(told("b", LONG)).toBe(false);
  clock.nowMs += 1;
  expect([told("b", LONG), told("c", LONG)]).toEqual([true, false]);
});

test("ME2, P6 who was told the row goes without before one that was not: a row of any length is kept for that one", () => {
  const { clock, told } = rig();
  expect([told("a", LONG), told("a", LONG)]).toEqual([true, false]);
  clock.nowMs = (ROOT_ROW_BYTES_MAX / FORMER_BYTES_PER_SECOND) * 1_000;
  expect([told("a", LONG), told("b", LONG), told("c", LONG)]).toEqual([true, true, false]);
});

test("ME2, P6 what is under way is set aside, and what was not sent of it in the end is there for others, what was sent is not", () => {
  const { rows, told } = rig();
  for (const node of ["a", "b"]) expect(rows.begin(node, LONG)).toBe(true);
  expect(told("c", LONG)).toBe(false);
  rows.end("a", ROOT_ROW_BYTES_MAX);
  expect(told("c", LONG)).toBe(false);
  rows.end("b", 1);
  expect(told("c", LONG)).toBe(false);
  const other = new Uint8Array(ROOT_ROW_BYTES_MAX - 1);
  expect([told("c", other), told("d", SHORT)]).toEqual([true, false]);
});

test("ME2, P6 FORMER_TELLING_MAX nodes are told at a time, those that were told before only with half of the places free; the expelled take none", () => {
  const { rows, told } = rig();
  expect(told("again")).toBe(true);
  const half = Array.from({ length: FORMER_TELLING_MAX / 2 }, (_, at) => `n${at}`);
  rows.expelled(["expelled"]);
  expect(rows.begin("expelled", SHORT)).toBe(true);
  for (const node of half.slice(1)) expect(rows.begin(node, SHORT)).toBe(true);
  expect(rows.begin("again", SHORT)).toBe(true);
  rows.end("again", 1);
  expect(told("late")).toBe(true);
  expect(rows.begin("n0", SHORT)).toBe(true);
  expect(told("late")).toBe(false);
  for (const node of half) expect(rows.begin(`${node} too`, SHORT)).toBe(true);
  expect(told("one more")).toBe(false);
  rows.end("n0", 1);
  expect(told("one more")).toBe(true);
});

test("P6 of FORMER_TOLD_MAX nodes it is known that they were told, the latest", () => {
  const { rows, told } = rig();
  const nodes = Array.from({ length: FORMER_TOLD_MAX + 1 }, (_, at) => `n${at}`);
  for (const node of nodes) {
    expect([told(node), told(node)]).toEqual([true, true]);
  }
  expect([rows.mayAsk("n0", SHORT), rows.mayAsk("n1", SHORT)]).toEqual([true, false]);
});

test("ME2, P6 of EXPELLED_LATELY_MAX nodes it is known for EXPELLED_LATELY_MS that they were expelled, the latest", () => {
  const { clock, rows, told } = rig();
  const nodes = Array.from({ length: EXPELLED_LATELY_MAX + 1 }, (_, at) => `n${at}`);
  rows.expelled(nodes);
  expect([told("stranger", LONG), told("stranger 2", LONG)]).toEqual([true, true]);
  expect([told("n0"), told("n1", LONG), rows.isExpelledLately("n1")]).toEqual([false, true, true]);
  clock.nowMs = EXPELLED_LATELY_MS - 1;
  rows.expelled(["again"]);
  expect(told("n2", LONG)).toBe(true);
  expect([told("stranger 3", LONG), told("stranger 4", LONG)]).toEqual([true, true]);
  clock.nowMs = EXPELLED_LATELY_MS;
  expect([told("n3", LONG), told("again", LONG)]).toEqual([false, true]);
});

type Doing = "reads it" | "reads nothing" | "breaks off";
/** What a stream takes that is not read. */
const WINDOW_BYTES = 832 * 1_024;
const WHOLE: readonly Doing[] = ["reads it", "reads nothing", "breaks off"];

/** Whether one that was never told is told a row within `forMs`, though so many keys ask before it each second, and each does this with its answer. */
function isTold(keys: number, bytes: number, doing: Doing, forMs: number): boolean {
  const { clock, rows } = rig();
  const row = new Uint8Array(bytes);
  const attackers = Array.from({ length: keys }, (_, at) => `n${at}`);
  const held: { readonly node: string; readonly untilMs: number }[] = [];
  const sent = doing === "reads it" ? bytes : Math.min(bytes, WINDOW_BYTES);
  for (; clock.nowMs < forMs; clock.nowMs += 1_000) {
    while (held[0] !== undefined && held[0].untilMs <= clock.nowMs) {
      rows.end(held[0].node, sent);
      held.shift();
    }
    for (const node of attackers) {
      if (!rows.begin(node, row)) continue;
      if (doing === "reads nothing") held.push({ node, untilMs: clock.nowMs + 8_000 });
      else rows.end(node, sent);
    }
    if (rows.begin("honest", row)) return true;
  }
  return false;
}

test.each([
  [ROOT_ROW_BYTES_MAX, 23, "reads it"],
  [1_048_576, 81, "reads it"],
  [307_200, 279, "reads it"],
  [10_240, 7_604, "reads nothing"],
] as const)(
  "ME2, P6 to keep one that was not told from a row of %i bytes for ten minutes takes %i keys of former members, each of which %s",
  { timeout: 60_000 },
  (bytes, keys, doing) => {
    const tenMinutesMs = 600_000;
    for (const each of WHOLE) expect(isTold(keys - 1, bytes, each, tenMinutesMs)).toBe(true);
    expect(isTold(keys, bytes, doing, tenMinutesMs)).toBe(false);
  },
);

test("ME2, P6 keys that have kept one from being told are used up: three that ask without end keep the longest row from it for a minute, and never again", () => {
  for (const doing of WHOLE) expect(isTold(3, ROOT_ROW_BYTES_MAX, doing, 58_000)).toBe(true);
  const { clock, rows, told } = rig();
  for (; clock.nowMs < 4 * FORMER_ROW_AGAIN_MS; clock.nowMs += 1_000) {
    for (const node of ["a", "b", "c"]) told(node, LONG);
    if (clock.nowMs % 60_000 !== 0 || clock.nowMs === 0) continue;
    expect(rows.begin(`honest ${clock.nowMs}`, LONG)).toBe(true);
    rows.end(`honest ${clock.nowMs}`, LONG.length);
  }
});
