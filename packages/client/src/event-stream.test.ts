import fc from "fast-check";
import { expect, test } from "vitest";
import { EVENT_CHARACTERS_MAX, EventStreamParser } from "./event-stream.ts";

const stream =
  ': hello\n\nretry: 250\n\nid: s-1\nevent: lost\ndata: {"a":1}\n\nid: s-2\r\ndata: one\r\ndata:two\r\n\r\ndata\rdata: x\r\r';

const events = [
  { id: "s-1", event: "lost", data: '{"a":1}' },
  { id: "s-2", event: "message", data: "one\ntwo" },
  { id: "s-2", event: "message", data: "\nx" },
];

test("HT23 the stream's events are the same however its text was cut into pieces", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length), { maxLength: 12 }), (cuts) => {
      const parser = new EventStreamParser();
      const at = [0, ...cuts.toSorted((a, b) => a - b), stream.length];
      const pieces = at.slice(1).map((end, i) => stream.slice(at[i], end));
      // The last lone \r is complete only when something follows it.
      expect([...pieces, ":\n"].flatMap((piece) => parser.push(piece))).toEqual(events);
      expect(parser.retryMs).toBe(250);
    }),
  );
});

test("HT23 unknown fields, wrong retries and ids with NUL are ignored", () => {
  const parser = new EventStreamParser();
  expect(parser.push("retry: soon\nid: a\0b\ncolour: red\ndata: x\n\n")).toEqual([
    { id: undefined, event: "message", data: "x" },
  ]);
  expect(parser.retryMs).toBeUndefined();
});

test("HT23 an event over EVENT_CHARACTERS_MAX is refused, on one line or on many", () => {
  const line = new EventStreamParser();
  expect(() => line.push(`data: ${"x".repeat(EVENT_CHARACTERS_MAX)}`)).toThrow(RangeError);
  const lines = new EventStreamParser();
  const kibibyte = `data: ${"x".repeat(1_023)}\n`;
  expect(() => {
    for (let i = 0; i < 1_200; i += 1) lines.push(kibibyte);
  }).toThrow(RangeError);
});
