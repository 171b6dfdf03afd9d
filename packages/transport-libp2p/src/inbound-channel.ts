/**
 * The receiving side of one stream of one channel: cuts frames and hands them over as they come. Holds at most one partial
 * frame. A frame that is too large, malformed, or does not end in time costs the peer its stream, nothing else.
 */
import type { Stream, StreamMessageEvent } from "@libp2p/interface";
import type { TransportRejectReason } from "@pulsemesh/core";
import { FrameDecoder } from "./frames.ts";

/** What of a stream the reader needs. */
export type ReadStream = Pick<Stream, "abort" | "addEventListener" | "removeEventListener">;

export interface InboundListener {
  frame(bytes: Uint8Array): void;
  rejected(reason: TransportRejectReason): void;
  /** How many bytes the frame under way holds. */
  held(bytes: number): void;
  /** The stream is over, for whatever reason. */
  ended(): void;
}

export class InboundChannel {
  readonly #stream: ReadStream;
  readonly #listener: InboundListener;
  readonly #decoder: FrameDecoder;
  readonly #frameTimeoutMs: number;
  readonly #now: () => number;
  #partialSinceMs: number | undefined;
  #over = false;

  constructor(
    deps: {
      readonly stream: ReadStream;
      readonly listener: InboundListener;
      readonly now: () => number;
    },
    limits: { readonly frameBytesMax: number; readonly frameTimeoutMs: number },
  ) {
    this.#stream = deps.stream;
    this.#listener = deps.listener;
    this.#now = deps.now;
    this.#decoder = new FrameDecoder(limits.frameBytesMax);
    this.#frameTimeoutMs = limits.frameTimeoutMs;
    this.#stream.addEventListener("close", this.#end);
    this.#stream.addEventListener("remoteCloseWrite", this.#hangUp);
  }

  /** Begins to read; until then the stream buffers. */
  open(): void {
    this.#stream.addEventListener("message", this.#take);
  }

  /** Called now and then: ends a stream whose frame has been on its way for too long. */
  sweep(): void {
    if (this.#partialSinceMs === undefined || this.#over) return;
    if (this.#now() - this.#partialSinceMs > this.#frameTimeoutMs) this.#refuse("stream-timeout");
  }

  /** The unfinished frame makes room for others, or nobody let its sender in. */
  giveUp(reason: "overloaded" | "stream-timeout" = "overloaded"): void {
    this.#refuse(reason);
  }

  /** Drops the stream without counting anything. */
  close(): void {
    if (this.#over) return;
    this.#stream.abort(new Error("channel closed"));
    this.#end();
  }

  readonly #take = (event: StreamMessageEvent): void => {
    if (this.#over) return;
    const read = this.#decoder.read(event.data.subarray());
    // A frame that ended restarts the clock for the one that has begun behind it.
    if (!this.#decoder.partial) this.#partialSinceMs = undefined;
    else if (this.#partialSinceMs === undefined || read.frames.length > 0)
      this.#partialSinceMs = this.#now();
    for (const frame of read.frames) this.#listener.frame(frame);
    if (!read.ok) this.#refuse(read.fault);
    else if (!this.#over) this.#listener.held(this.#decoder.heldBytes);
  };

  readonly #end = (): void => {
    if (this.#over) return;
    this.#over = true;
    this.#stream.removeEventListener("message", this.#take);
    this.#stream.removeEventListener("close", this.#end);
    this.#stream.removeEventListener("remoteCloseWrite", this.#hangUp);
    this.#listener.held(0);
    this.#listener.ended();
  };

  /** A sender that has nothing more to say keeps no stream. */
  readonly #hangUp = (): void => this.close();

  #refuse(reason: TransportRejectReason): void {
    if (this.#over) return;
    this.#listener.rejected(reason);
    this.close();
  }
}
