/** Takes a node's events once, keeps the newest, and feeds every open stream. Lives as long as the gateway. */
import { randomBytes } from "node:crypto";
import type { PulsemeshNode } from "@pulsemesh/node";
import { HttpProblem } from "../problem.ts";
import { EVENT_KEEP_ALIVE_MS, EVENT_STREAMS_MAX } from "../limits.ts";
import type { StreamEvent } from "../json/event.ts";
import { type EventFilter, EventReader, type EventSink } from "./event-reader.ts";
import { EventRing } from "./event-ring.ts";

export interface FeedOptions {
  /** Tells this feed's event ids from every other's. @default random */
  readonly stream?: string | undefined;
  /** @default Date.now */
  readonly wallMs?: (() => number) | undefined;
}

export class EventFeed {
  readonly #ring: EventRing;
  readonly #readers = new Set<EventReader>();
  readonly #wallMs: () => number;
  readonly #abort = new AbortController();
  readonly #keepAlive: NodeJS.Timeout;
  #ended = false;

  constructor(node: PulsemeshNode, options: FeedOptions = {}) {
    const stream = options.stream ?? randomBytes(6).toString("hex");
    this.#wallMs = options.wallMs ?? Date.now;
    this.#ring = new EventRing(stream, `pulsemesh://${node.fleet}/${node.id}`);
    this.#keepAlive = setInterval(() => {
      for (const reader of this.#readers) reader.keepAlive();
    }, EVENT_KEEP_ALIVE_MS).unref();
    void this.#take(node.events({ signal: this.#abort.signal }));
  }

  get streams(): number {
    return this.#readers.size;
  }

  /** @throws HttpProblem `event-streams-max`, or `stopped` after the end; before anything is written */
  assertRoom(): void {
    if (this.#ended) throw new HttpProblem("stopped", "The node is stopping: no more events.");
    if (this.#readers.size < EVENT_STREAMS_MAX) return;
    throw new HttpProblem(
      "event-streams-max",
      `${EVENT_STREAMS_MAX} event streams are open, which is the most that a node serves.`,
      { "retry-after": "5" },
    );
  }

  /** Starts a reader; call `remove` when its connection is gone. */
  add(
    sink: EventSink,
    filter: EventFilter,
    lastId: string | undefined,
  ): { readonly drained: () => void; readonly remove: () => void } {
    const reader = new EventReader(
      { ring: this.#ring, sink, wallMs: this.#wallMs },
      { filter, lastId },
    );
    this.#readers.add(reader);
    reader.pump();
    return {
      drained: () => reader.drained(),
      remove: () => void this.#readers.delete(reader),
    };
  }

  /** Ends every stream. Idempotent. */
  close(): void {
    this.#ended = true;
    clearInterval(this.#keepAlive);
    this.#abort.abort();
    for (const reader of this.#readers) reader.end();
    this.#readers.clear();
  }

  async #take(events: ReturnType<PulsemeshNode["events"]>): Promise<void> {
    try {
      for await (const event of events) {
        if (this.#ended) break;
        this.#push(
          event.type === "lost"
            ? { type: "lost", count: event.count, reason: "slow-gateway" }
            : event,
        );
      }
    } catch {
      // The node is gone; its owner hears of it elsewhere. Readers get an end and come back to whatever runs then.
    }
    this.close();
  }

  #push(event: StreamEvent): void {
    this.#ring.push(event, this.#wallMs());
    for (const reader of this.#readers) reader.pump();
  }
}
