/** Hands core's events to any number of readers, each at its own pace and none at the expense of the node. */
import { type CoreEvent, PulsemeshError } from "@pulsemesh/core";

/** Told to a reader that was too slow: so many of the oldest events are gone. */
export interface LostEvents {
  readonly type: "lost";
  readonly count: number;
}

/** Events that wait for one reader; the oldest beyond that are lost. */
export const EVENTS_WAITING_MAX: number = 1_000;
/** Readers at a time. The gateway needs one for all its streams. */
export const EVENT_READERS_MAX: number = 256;

export class EventHub {
  readonly #readers = new Set<Reader>();
  #ended = false;
  #lost = 0;

  /** Events lost to slow readers so far. */
  get lost(): number {
    return this.#lost;
  }

  publish(event: CoreEvent): void {
    for (const reader of this.#readers) this.#lost += reader.push(event);
  }

  /**
   * Events from this call on; ends with the hub, with `signal`, or when the reader stops.
   * @throws PulsemeshError `event-streams-max`
   */
  read(signal?: AbortSignal): AsyncIterable<CoreEvent | LostEvents> {
    if (this.#readers.size >= EVENT_READERS_MAX) {
      throw new PulsemeshError(
        "event-streams-max",
        `Cannot read events as ${EVENT_READERS_MAX} readers do already. Nothing was changed; end one of them first.`,
      );
    }
    const reader = new Reader(() => this.#readers.delete(reader));
    if (this.#ended || signal?.aborted === true) {
      reader.end();
    } else {
      this.#readers.add(reader);
      signal?.addEventListener("abort", () => reader.end(), { once: true });
    }
    return reader;
  }

  /** Ends every reader after what it has waiting. */
  end(): void {
    this.#ended = true;
    for (const reader of this.#readers) reader.end();
  }
}

class Reader implements AsyncIterableIterator<CoreEvent | LostEvents> {
  readonly #onEnd: () => void;
  readonly #waiting: CoreEvent[] = [];
  #lost = 0;
  #ended = false;
  #wake: PromiseWithResolvers<void> | undefined;

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Returns how many events had to go for it. */
  push(event: CoreEvent): number {
    this.#waiting.push(event);
    const tooMany = this.#waiting.length > EVENTS_WAITING_MAX ? 1 : 0;
    if (tooMany > 0) this.#waiting.shift();
    this.#lost += tooMany;
    this.#wakeUp();
    return tooMany;
  }

  end(): void {
    this.#ended = true;
    this.#onEnd();
    this.#wakeUp();
  }

  async next(): Promise<IteratorResult<CoreEvent | LostEvents>> {
    for (;;) {
      if (this.#lost > 0) {
        const count = this.#lost;
        this.#lost = 0;
        return { done: false, value: { type: "lost", count } };
      }
      const event = this.#waiting.shift();
      if (event !== undefined) return { done: false, value: event };
      if (this.#ended) return { done: true, value: undefined };
      this.#wake ??= Promise.withResolvers<void>();
      await this.#wake.promise;
    }
  }

  return(): Promise<IteratorResult<CoreEvent | LostEvents>> {
    this.#waiting.length = 0;
    this.#lost = 0;
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  #wakeUp(): void {
    this.#wake?.resolve();
    this.#wake = undefined;
  }
}
