import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ScriptedNode } from "../../../../test/support/scripted-node.ts";
import { EVENT_KEEP_ALIVE_MS, EVENT_STREAMS_MAX } from "../limits.ts";
import type { EventSink } from "./event-reader.ts";
import { EventFeed } from "./feed.ts";

let node: ScriptedNode;
let feed: EventFeed;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  node = new ScriptedNode();
  feed = new EventFeed(node, { stream: "s", wallMs: () => 0 });
});

afterEach(() => {
  feed.close();
  vi.useRealTimers();
});

const all = { types: [] };

function sinkTo(written: string[], ends: string[] = []): EventSink {
  return {
    write: (text) => written.push(text) > 0,
    end: () => void ends.push("end"),
    destroy: () => void ends.push("destroy"),
  };
}

async function settle(): Promise<void> {
  for (let i = 0; i < 10; i += 1) await Promise.resolve();
}

test("HT11 every reader gets the node's events, and gaps that the node itself made", async () => {
  const [one, two]: [string[], string[]] = [[], []];
  feed.add(sinkTo(one), all, undefined);
  const second = feed.add(sinkTo(two), all, undefined);
  node.emit({ type: "stalled", forMs: 5 }, { type: "lost", count: 7 });
  await settle();
  second.remove();
  node.emit({ type: "stalled", forMs: 6 });
  await settle();
  expect(one.map((text) => /event: (\S+)/.exec(text)?.[1])).toEqual(["stalled", "lost", "stalled"]);
  expect(one[1]).toContain('"data":{"count":7,"reason":"slow-gateway"}');
  expect(two).toHaveLength(2);
});

test("HT12 quiet streams get a comment every 15 s", () => {
  const written: string[] = [];
  feed.add(sinkTo(written), all, undefined);
  vi.advanceTimersByTime(EVENT_KEEP_ALIVE_MS * 3);
  expect(written).toEqual([": still here\n\n", ": still here\n\n", ": still here\n\n"]);
});

test("HT12 more than EVENT_STREAMS_MAX streams are refused until one ends", () => {
  const readers = Array.from({ length: EVENT_STREAMS_MAX }, () => {
    feed.assertRoom();
    return feed.add(sinkTo([]), all, undefined);
  });
  expect(() => feed.assertRoom()).toThrow(expect.objectContaining({ code: "event-streams-max" }));
  readers[0]?.remove();
  expect(() => feed.assertRoom()).not.toThrow();
});

test("HT11 when the node stops, streams end and none is opened", async () => {
  const ends: string[] = [];
  feed.add(sinkTo([], ends), all, undefined);
  await node.stop();
  await settle();
  expect(ends).toEqual(["end"]);
  expect(() => feed.assertRoom()).toThrow(expect.objectContaining({ code: "stopped" }));
});
