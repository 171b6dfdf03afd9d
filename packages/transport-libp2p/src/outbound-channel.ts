/**
 * The sending side of one channel to one peer: a bounded queue in front of one long-lived stream. A frame leaves the queue
 * only when the stream takes it, and the next one waits until the stream has drained, so the queue's limits are the whole
 * memory that a slow or stopped peer can cost. Nothing is retried here: a frame that fails is answered `false`, core decides.
 */
import type { Stream } from "@libp2p/interface";
import { encodeFrame } from "./frames.ts";

/** Limits of a channel's queue. */
export interface QueueLimits {
  readonly bytesMax: number;
  readonly framesMax: number;
}

/** Most bytes and frames that may wait for one peer on `direct`. */
export const DIRECT_QUEUE_BYTES_MAX: number = 256 * 1024;
export const DIRECT_QUEUE_FRAMES_MAX: number = 256;
/** Most bytes and frames that may wait for one peer on `sync`. */
export const SYNC_QUEUE_BYTES_MAX: number = 2 * 1024 * 1024;
export const SYNC_QUEUE_FRAMES_MAX: number = 256;

/** What of a stream the sender needs: `send` answers false when it must wait for `drain`. */
export type SendStream = Pick<
  Stream,
  "send" | "abort" | "status" | "writableNeedsDrain" | "addEventListener" | "removeEventListener"
>;

export interface OutboundDeps {
  /** Opens the stream; rejects when the peer is gone or refuses. */
  readonly open: () => Promise<SendStream>;
  /** Calls `task` after `delayMs`; answers how to call it off. */
  readonly after: (delayMs: number, task: () => void) => () => void;
}

interface Waiting {
  readonly frame: Uint8Array;
  readonly answer: (sent: boolean) => void;
}

export class OutboundChannel {
  readonly #deps: OutboundDeps;
  readonly #limits: QueueLimits;
  readonly #drainTimeoutMs: number;
  #queue: Waiting[] = [];
  #bytes = 0;
  #stream: SendStream | undefined;
  #pumping = false;
  #closed = false;

  constructor(deps: OutboundDeps, limits: QueueLimits, drainTimeoutMs: number) {
    this.#deps = deps;
    this.#limits = limits;
    this.#drainTimeoutMs = drainTimeoutMs;
  }

  /** Bytes waiting; never above the limit. */
  get waitingBytes(): number {
    return this.#bytes;
  }

  /** Queues one frame; false at once when there is no room, else whether the stream took it. */
  send(body: Uint8Array): Promise<boolean> {
    const frame = encodeFrame(body);
    const full =
      this.#queue.length >= this.#limits.framesMax ||
      this.#bytes + frame.length > this.#limits.bytesMax;
    if (this.#closed || full) return Promise.resolve(false);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#queue.push({ frame, answer: resolve });
    this.#bytes += frame.length;
    if (!this.#pumping) void this.#pump();
    return promise;
  }

  /** Answers everything that waits with false and drops the stream. */
  close(): void {
    this.#closed = true;
    this.#failAll();
    this.#stream?.abort(new Error("channel closed"));
    this.#stream = undefined;
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    while (!this.#closed && this.#queue.length > 0) {
      try {
        const stream = await this.#ready();
        this.#sendNext(stream);
      } catch {
        // The stream broke or cannot be opened: what waits is answered, the next frame opens a new one.
        this.#stream?.abort(new Error("stream failed"));
        this.#stream = undefined;
        this.#failAll();
      }
    }
    this.#pumping = false;
  }

  #sendNext(stream: SendStream): void {
    const next = this.#queue[0];
    if (next === undefined || this.#closed) return;
    stream.send(next.frame);
    this.#queue.shift();
    this.#bytes -= next.frame.length;
    next.answer(true);
  }

  /** The stream, open and drained. */
  async #ready(): Promise<SendStream> {
    if (this.#stream === undefined || this.#stream.status !== "open") {
      const opened = await this.#deps.open();
      if (this.#closed) {
        opened.abort(new Error("channel closed"));
        throw new Error("channel closed");
      }
      this.#stream = opened;
    }
    if (this.#stream.writableNeedsDrain) await this.#drained(this.#stream);
    return this.#stream;
  }

  /** Own waiting, as the library's `onDrain()` answers at once from the second time on. */
  #drained(stream: SendStream): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onDrain = (): void => resolve();
    const onClose = (): void => reject(new Error("stream closed"));
    const callOff = this.#deps.after(this.#drainTimeoutMs, () =>
      reject(new Error("stream does not drain")),
    );
    stream.addEventListener("drain", onDrain);
    stream.addEventListener("close", onClose);
    return promise.finally(() => {
      callOff();
      stream.removeEventListener("drain", onDrain);
      stream.removeEventListener("close", onClose);
    });
  }

  #failAll(): void {
    const waiting = this.#queue;
    this.#queue = [];
    this.#bytes = 0;
    for (const { answer } of waiting) answer(false);
  }
}
