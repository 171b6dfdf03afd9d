import type { CoreEvent } from "@pulsemesh/core";
import { describe, expect, test } from "vitest";
import { EVENT_READERS_MAX, EventHub, EVENTS_WAITING_MAX, type LostEvents } from "./event-hub.ts";

const event = (boot: number): CoreEvent => ({ type: "started", boot });

async function read(
  events: AsyncIterable<CoreEvent | LostEvents>,
): Promise<(CoreEvent | LostEvents)[]> {
  const seen: (CoreEvent | LostEvents)[] = [];
  for await (const each of events) seen.push(each);
  return seen;
}

describe("EventHub", () => {
  test("P6 a reader sees what happens from its call on, in order, until the hub ends", async () => {
    const hub = new EventHub();
    hub.publish(event(1));
    const events = hub.read();
    hub.publish(event(2));
    const seen = read(events);
    hub.publish(event(3));
    hub.end();
    expect(await seen).toEqual([event(2), event(3)]);
    expect(await read(hub.read())).toEqual([]);
  });

  test("P6 a reader that is too slow loses the oldest beyond EVENTS_WAITING_MAX and is told how many", async () => {
    const hub = new EventHub();
    const events = hub.read();
    for (let boot = 1; boot <= EVENTS_WAITING_MAX + 3; boot++) hub.publish(event(boot));
    hub.end();
    const seen = await read(events);
    expect(seen[0]).toEqual({ type: "lost", count: 3 });
    expect(seen[1]).toEqual(event(4));
    expect(seen).toHaveLength(EVENTS_WAITING_MAX + 1);
    expect(hub.lost).toBe(3);
  });

  test("P6 a reader ends with its signal, also while it waits, and makes room", async () => {
    const hub = new EventHub();
    const abort = new AbortController();
    const seen = read(hub.read(abort.signal));
    hub.publish(event(1));
    abort.abort();
    hub.publish(event(2));
    expect(await seen).toEqual([event(1)]);
    expect(await read(hub.read(AbortSignal.abort()))).toEqual([]);
  });

  test("P6 EVENT_READERS_MAX readers at a time; leaving the loop makes room", async () => {
    const hub = new EventHub();
    const readers = Array.from({ length: EVENT_READERS_MAX }, () => hub.read());
    expect(() => hub.read()).toThrow(expect.objectContaining({ code: "event-streams-max" }));
    hub.publish(event(1));
    for await (const _ of readers[0]!) break;
    expect(() => hub.read()).not.toThrow();
  });
});
