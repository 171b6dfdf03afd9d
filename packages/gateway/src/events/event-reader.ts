/**
 * One reader of the event stream. It is fed from the ring as fast as its socket takes bytes and not faster: when a write says
 * "full", nothing more is written until it drains, and what the ring forgot meanwhile is reported as one `lost` event. So a
 * reader holds at most one socket buffer, however slow it is.
 */
import type { LostEvent } from "../json/event.ts";
import { EVENT_READER_BLOCKED_ROUNDS_MAX } from "../limits.ts";
import type { EventRing, RingEvent } from "./event-ring.ts";

export interface EventSink {
  /** False when the reader should wait for {@link EventReader.drained}. */
  write(text: string): boolean;
  /** Ends the stream; bytes already written may still arrive. */
  end(): void;
  /** Cuts the connection. */
  destroy(): void;
}

export interface EventFilter {
  /** Event types; empty takes all. */
  readonly types: readonly string[];
  /** Only events about this robot. */
  readonly robot?: string | undefined;
}

export class EventReader {
  readonly #ring: EventRing;
  readonly #sink: EventSink;
  readonly #filter: EventFilter;
  readonly #wallMs: () => number;
  #position: number;
  #blocked = false;
  #blockedRounds = 0;

  constructor(
    deps: { readonly ring: EventRing; readonly sink: EventSink; readonly wallMs: () => number },
    options: { readonly filter: EventFilter; readonly lastId?: string | undefined },
  ) {
    this.#ring = deps.ring;
    this.#sink = deps.sink;
    this.#wallMs = deps.wallMs;
    this.#filter = options.filter;
    const { position, lost } = deps.ring.resume(options.lastId);
    this.#position = position;
    if (lost !== undefined) this.#writeLost({ type: "lost", ...lost });
  }

  /** Writes what is new, as far as the sink takes it. */
  pump(): void {
    while (!this.#blocked && this.#position < this.#ring.next) {
      const missed = this.#ring.first - this.#position;
      if (missed > 0) {
        this.#position = this.#ring.first;
        this.#writeLost({ type: "lost", count: missed, reason: "slow-reader" });
        continue;
      }
      const event = this.#ring.at(this.#position);
      this.#position += 1;
      if (event !== undefined && this.#wants(event)) this.#write(event.frame());
    }
  }

  drained(): void {
    this.#blocked = false;
    this.#blockedRounds = 0;
    this.pump();
  }

  /** Called every keep-alive interval: a comment for the quiet, the end for who has been blocked too long. */
  keepAlive(): void {
    if (!this.#blocked) {
      this.#write(": still here\n\n");
      return;
    }
    this.#blockedRounds += 1;
    if (this.#blockedRounds >= EVENT_READER_BLOCKED_ROUNDS_MAX) this.#sink.destroy();
  }

  end(): void {
    this.#sink.end();
  }

  #wants(event: RingEvent): boolean {
    const { types, robot } = this.#filter;
    // A gap concerns everybody, whatever they filter for.
    if (event.type === "lost") return true;
    return (
      (types.length === 0 || types.includes(event.type)) &&
      (robot === undefined || (event.subject === robot && isAboutRobot(event)))
    );
  }

  /** The gap's id is that of the last event before where reading goes on, so that a resume from it repeats and loses nothing. */
  #writeLost(lost: LostEvent): void {
    this.#write(this.#ring.frameOf(lost, this.#position - 1, this.#wallMs()));
  }

  #write(text: string): void {
    if (!this.#sink.write(text)) this.#blocked = true;
  }
}

function isAboutRobot(event: RingEvent): boolean {
  return event.type.startsWith("robot-") || event.type === "two-homes";
}
