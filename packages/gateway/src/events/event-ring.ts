/**
 * The newest events, numbered, for readers that come back (`Last-Event-ID`) or fall behind. Readers hold a position in the
 * ring instead of a queue of their own, so a slow one costs nothing; whoever falls out of the ring is told what was lost.
 * An event becomes JSON when the first reader needs it, at most once.
 */
import { EVENT_RING_MAX } from "../limits.ts";
import { eventJson, type StreamEvent, subjectOf } from "../json/event.ts";

export interface RingEvent {
  readonly type: StreamEvent["type"];
  readonly subject: string | undefined;
  /** One server-sent event: id, event type, CloudEvent. */
  readonly frame: () => string;
}

export interface Resume {
  readonly position: number;
  /** Undefined when nothing was missed. */
  readonly lost?:
    | { readonly count: number | null; readonly reason: "too-old" | "other-boot" }
    | undefined;
}

export class EventRing {
  readonly #stream: string;
  readonly #source: string;
  readonly #events: RingEvent[] = [];
  // From 1, so that the place before the first event has a number too.
  #first = 1;

  /** @param stream tells this ring's ids from those of every other start of every node */
  constructor(stream: string, source: string) {
    this.#stream = stream;
    this.#source = source;
  }

  /** Position of the oldest event held. */
  get first(): number {
    return this.#first;
  }

  /** Position that the next event will have. */
  get next(): number {
    return this.#first + this.#events.length;
  }

  push(event: StreamEvent, wallMs: number): void {
    const position = this.next;
    let frame: string | undefined;
    this.#events.push({
      type: event.type,
      subject: subjectOf(event),
      frame: () => (frame ??= this.frameOf(event, position, wallMs)),
    });
    // Shifting an array of this size is a memmove; a circular index would save nothing that can be measured.
    if (this.#events.length > EVENT_RING_MAX) {
      this.#events.shift();
      this.#first += 1;
    }
  }

  at(position: number): RingEvent | undefined {
    return this.#events[position - this.#first];
  }

  /** Writes an event as if it stood at a position; for gaps, which have no place of their own. */
  frameOf(event: StreamEvent, position: number, wallMs: number): string {
    const id = `${this.#stream}-${position}`;
    const json = eventJson(event, { id, source: this.#source, wallMs });
    return `id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify(json)}\n\n`;
  }

  /** Where a reader goes on that last saw `lastId`; without one it starts with the next event. */
  resume(lastId: string | undefined): Resume {
    if (lastId === undefined || lastId === "") return { position: this.next };
    const match = /^(\w+)-(\d{1,15})$/.exec(lastId);
    const seen = Number(match?.[2]);
    if (match?.[1] !== this.#stream || seen >= this.next) {
      return { position: this.#first, lost: { count: null, reason: "other-boot" } };
    }
    if (seen + 1 >= this.#first) return { position: seen + 1 };
    return {
      position: this.#first,
      lost: { count: this.#first - seen - 1, reason: "too-old" },
    };
  }
}
