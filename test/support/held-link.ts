/**
 * A TCP relay whose bytes can be held back and let go later, in order: a link that stalls without closing, as bad radio does.
 * When one end dies while bytes are held, the other end still gets them at release.
 */
import { connect, createServer, type Server, type Socket } from "node:net";

/** Bytes that are kept while the link is held; a test that needs more is wrong. */
const HELD_BYTES_MAX = 64 * 1024 * 1024;

interface Direction {
  readonly to: Socket;
  readonly held: Buffer[];
  ended: boolean;
}

export class HeldLink implements AsyncDisposable {
  readonly #server: Server;
  readonly #directions = new Set<Direction>();
  #isHeld = false;
  #heldBytes = 0;
  #severedUntilMs = 0;

  constructor(targetPort: number) {
    this.#server = createServer((inbound) => {
      if (performance.now() < this.#severedUntilMs) return void inbound.destroy();
      const outbound = connect(targetPort, "127.0.0.1");
      this.#join(inbound, outbound);
      this.#join(outbound, inbound);
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return address.port;
  }

  /** Directions that are open: two for each connection. */
  get openDirections(): number {
    return this.#directions.size;
  }

  hold(): void {
    this.#isHeld = true;
  }

  /** Lets go of what was held, `bytesMax` of each direction at most; the link stays held unless all of it went. */
  release(bytesMax: number = Number.POSITIVE_INFINITY): void {
    let rest = false;
    for (const direction of this.#directions) {
      for (let sent = 0; direction.held.length > 0 && sent < bytesMax;) {
        const chunk = direction.held.shift() as Buffer;
        sent += chunk.length;
        this.#heldBytes -= chunk.length;
        direction.to.write(chunk);
      }
      rest ||= direction.held.length > 0;
      if (direction.held.length === 0 && direction.ended) this.#close(direction);
    }
    this.#isHeld = rest;
  }

  /** Closes every connection, and those that are tried within `forMs`. */
  sever(forMs: number): void {
    this.#severedUntilMs = performance.now() + forMs;
    for (const { to } of this.#directions) to.destroy();
    this.#directions.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { to } of this.#directions) to.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #join(from: Socket, to: Socket): void {
    const direction: Direction = { to, held: [], ended: false };
    this.#directions.add(direction);
    from.on("data", (chunk: Buffer) => {
      if (!this.#isHeld) return void to.write(chunk);
      this.#heldBytes += chunk.length;
      if (this.#heldBytes > HELD_BYTES_MAX) throw new Error("too much is held back");
      direction.held.push(chunk);
    });
    const ended = (): void => {
      direction.ended = true;
      if (direction.held.length === 0 && !this.#isHeld) this.#close(direction);
    };
    from.on("end", ended);
    from.on("close", ended);
    from.on("error", ended);
  }

  #close(direction: Direction): void {
    this.#directions.delete(direction);
    direction.to.end();
  }
}
