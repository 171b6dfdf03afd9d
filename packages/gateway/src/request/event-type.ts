/** The types that `?type=` may name. One that does not exist would be a stream that stays silent for ever, so it is refused. */
import { z } from "zod";
import { EVENT_TYPE_PREFIX, type StreamEvent } from "../json/event.ts";

/** Each type once: the compiler demands an entry for every event of core. */
const EVENT_TYPES: Readonly<Record<StreamEvent["type"], true>> = {
  "robot-status": true,
  "robot-state": true,
  "robot-beat": true,
  "robot-retired": true,
  "two-homes": true,
  "node-status": true,
  "region-status": true,
  verdict: true,
  rejected: true,
  quarantined: true,
  rollback: true,
  forked: true,
  twin: true,
  "twin-over": true,
  stalled: true,
  "clock-stepped": true,
  statement: true,
  "authority-stale": true,
  "charter-disputed": true,
  "root-row": true,
  started: true,
  synced: true,
  lost: true,
};

const names = Object.keys(EVENT_TYPES) as [StreamEvent["type"], ...StreamEvent["type"][]];

/** A type as events carry it, or without the prefix; gives it without. */
export const eventTypeSchema: z.ZodType<StreamEvent["type"]> = z
  .string()
  .max(64)
  .transform((text) =>
    text.startsWith(EVENT_TYPE_PREFIX) ? text.slice(EVENT_TYPE_PREFIX.length) : text,
  )
  .pipe(z.enum(names, { error: ({ input }) => unknownType(String(input)) }));

function unknownType(text: string): string {
  const quoted = JSON.stringify(text);
  const near = names
    .map((name) => ({ name, edits: editsBetween(text, name) }))
    .toSorted((a, b) => a.edits - b.edits)[0];
  return near !== undefined && near.edits <= Math.max(2, near.name.length / 4)
    ? `there is no event type ${quoted}; did you mean '${near.name}'`
    : `there is no event type ${quoted}, but ${names.join(", ")}`;
}

/** How many letters must be put in, left out or replaced. */
function editsBetween(a: string, b: string): number {
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    last = row;
  }
  return last[b.length] ?? 0;
}
