/**
 * A TCP relay whose bytes can be held back and let go later, in order: a link that stalls without closing, as bad radio does. Or all of them
 * can be late, in both directions.
 * When one end dies while bytes are held, the other end still gets them at release.
 */
import { connect, createServer, type Server, type Socket } from "node:net";

/** Bytes that are kept while the link is held; a test that needs more is wrong. */
const HELD_BYTES_MAX = 64 * 1024 * 1024;

interface Direction {
  readonly to: Socket;
  readonly held: Buffer[];
  /** On their way, the oldest first. */
  readonly late: { readonly chunk: Buffer; readonly dueMs: number }[];
  ended: boolean;
}

export class HeldLink implements AsyncDisposable {
  readonly #server: Server;
  readonly #directions = new Set<Direction>();
  #isHeld = false;
  #heldBytes = 0;
  #severedUntilMs = 0;
  #late = { fromMs: 0, toMs: 0, sinceMs: 0, overMs: 0 };

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

  /** Has everything come later and later, until after `overMs` it comes `byMs` later. */
  delay(byMs: number, overMs: number): void {
    this.#late = { fromMs: this.#latenessMs(), toMs: byMs, sinceMs: performance.now(), overMs };
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
    const direction: Direction = { to, held: [], late: [], ended: false };
    this.#directions.add(direction);
    from.on("data", (chunk: Buffer) => {
      if (!this.#isHeld) return this.#pass(direction, chunk);
      this.#heldBytes += chunk.length;
      if (this.#heldBytes > HELD_BYTES_MAX) throw new Error("too much is held back");
      direction.held.push(chunk);
    });
    const ended = (): void => {
      direction.ended = true;
      const isEmpty = direction.held.length === 0 && direction.late.length === 0;
      if (isEmpty && !this.#isHeld) this.#close(direction);
    };
    from.on("end", ended);
    from.on("close", ended);
    from.on("error", ended);
  }

  #latenessMs(): number {
    const { fromMs, toMs, sinceMs, overMs } = this.#late;
    const share = overMs === 0 ? 1 : Math.min((performance.now() - sinceMs) / overMs, 1);
    return fromMs + (toMs - fromMs) * share;
  }

  #pass(direction: Direction, chunk: Buffer): void {
    const { to, late } = direction;
    const byMs = this.#latenessMs();
    if (byMs === 0 && late.length === 0) return void to.write(chunk);
    late.push({ chunk, dueMs: performance.now() + byMs });
    if (late.length === 1) this.#deliverLate(direction);
  }

  /** One timer for the oldest, so that nothing overtakes. */
  #deliverLate(direction: Direction): void {
    const next = direction.late[0];
    if (next === undefined) return void (direction.ended && this.#close(direction));
    const deliver = (): void => {
      direction.to.write(next.chunk);
      direction.late.shift();
      this.#deliverLate(direction);
    };
    setTimeout(deliver, Math.max(next.dueMs - performance.now(), 0));
  }

  #close(direction: Direction): void {
    this.#directions.delete(direction);
    direction.to.end();
  }
}
