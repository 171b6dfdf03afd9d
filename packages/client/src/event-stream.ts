/** Cuts a text/event-stream into events (HTML standard, section 9.2.6), however the bytes were split on the way. */

/** Longest single event taken, in characters; a stream that exceeds it is no gateway's. */
export const EVENT_CHARACTERS_MAX: number = 1024 * 1024;

export interface ServerSentEvent {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: string;
}

export class EventStreamParser {
  #buffer = "";
  #id: string | undefined;
  #event = "";
  #data: string[] = [];
  #size = 0;
  /** The server's wish for the pause before a reconnect. */
  retryMs: number | undefined;

  /**
   * Takes a piece of the stream, returns the events that it completed.
   * @throws RangeError when an event exceeds {@link EVENT_CHARACTERS_MAX}
   */
  push(text: string): readonly ServerSentEvent[] {
    const events: ServerSentEvent[] = [];
    this.#buffer += text;
    // A lone \r at the end may be the first half of \r\n: it waits for the next piece.
    const lines = this.#buffer.split(/\r\n|\n|\r(?!$)/);
    this.#buffer = lines.pop() ?? "";
    for (const line of lines) {
      const event = this.#takeLine(line);
      if (event !== undefined) events.push(event);
    }
    if (this.#buffer.length + this.#size > EVENT_CHARACTERS_MAX) {
      throw new RangeError(`an event is longer than ${EVENT_CHARACTERS_MAX} characters`);
    }
    return events;
  }

  #takeLine(line: string): ServerSentEvent | undefined {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") {
      this.#data.push(value);
      this.#size += value.length;
    } else if (field === "event") this.#event = value;
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    else if (field === "retry" && /^\d{1,9}$/.test(value)) this.retryMs = Number(value);
    return undefined;
  }

  #dispatch(): ServerSentEvent | undefined {
    const data = this.#data.join("\n");
    const event = this.#event === "" ? "message" : this.#event;
    const empty = this.#data.length === 0;
    this.#data = [];
    this.#size = 0;
    this.#event = "";
    return empty ? undefined : { id: this.#id, event, data };
  }
}
