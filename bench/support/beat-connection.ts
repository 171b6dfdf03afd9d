/**
 * One kept-alive HTTP connection that posts beats, reduced to bytes: the generator must cost less than the server that it measures.
 * Knows just enough of HTTP to find where an answer ends, and fails on anything that it does not expect.
 */
import { connect, type Socket } from "node:net";

const HEADERS_END = Buffer.from("\r\n\r\n");
const NOTHING = Buffer.alloc(0);

export interface BeatConnectionDeps {
  readonly port: number;
  /** An answer came; requests are answered in order. */
  readonly answered: (connection: BeatConnection, status: number, sentMs: number) => void;
  readonly failed: (error: Error) => void;
}

export class BeatConnection {
  readonly #deps: BeatConnectionDeps;
  readonly #socket: Socket;
  /** When each request under way was due, the oldest first. */
  readonly #sentMs: number[] = [];
  #rest: Buffer = NOTHING;

  constructor(deps: BeatConnectionDeps) {
    this.#deps = deps;
    this.#socket = connect({ port: deps.port, host: "127.0.0.1", noDelay: true });
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#socket.on("error", deps.failed);
  }

  /** Requests that wait for their answer. */
  get waiting(): number {
    return this.#sentMs.length;
  }

  /** @param dueMs When the request should have been sent; its latency counts from there. */
  beat(robot: string, dueMs: number): void {
    this.#sentMs.push(dueMs);
    this.#socket.write(
      `POST /heartbeat/${robot} HTTP/1.1\r\nhost: 127.0.0.1:${this.#deps.port}\r\ncontent-length: 0\r\n\r\n`,
    );
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const headersEnd = bytes.indexOf(HEADERS_END);
      if (headersEnd < 0) break;
      const head = bytes.toString("latin1", 0, headersEnd);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1]);
      const end = headersEnd + HEADERS_END.length + length;
      if (!(end <= bytes.length)) break;
      bytes = bytes.subarray(end);
      this.#deps.answered(this, Number(head.slice(9, 12)), this.#sentMs.shift() ?? Number.NaN);
    }
    this.#rest = bytes;
  }
}
