/**
 * Room for bodies that are still on their way. Each is bounded and so is their number, but the product of both is more memory than a small
 * machine has: so together they are bounded as well, and the one that began first makes room. What has arrived whole is never cut.
 */
import type { IncomingMessage, Server } from "node:http";
import { HTTP_UNFINISHED_BYTES_MAX } from "./limits.ts";

const lookEveryMs = 50;
/** Shorter ones are not looked at: as many as there are connections take less than the limit. */
const smallBytes = 64 * 1024;

export class UnfinishedBodies {
  /** Bytes that its connection had brought when its headers were read, by request; the oldest first. */
  readonly #before = new Map<IncomingMessage, number>();
  readonly #evicted: () => void;
  #isLooking = false;

  constructor(server: Server, evicted: () => void) {
    this.#evicted = evicted;
    server.prependListener("request", (request) => {
      if (!mayBeLong(request)) return;
      this.#before.set(request, request.socket.bytesRead);
      this.#lookSoon();
    });
  }

  #lookSoon(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    setTimeout(() => this.#look(), lookEveryMs).unref();
  }

  #look(): void {
    this.#isLooking = false;
    let bytes = 0;
    for (const [request, before] of this.#before) {
      if (request.complete || request.socket.destroyed) this.#before.delete(request);
      else bytes += request.socket.bytesRead - before;
    }
    for (const [{ socket }, before] of this.#before) {
      if (bytes <= HTTP_UNFINISHED_BYTES_MAX) break;
      bytes -= socket.bytesRead - before;
      this.#evicted();
      socket.destroy();
    }
    if (this.#before.size > 0) this.#lookSoon();
  }
}

function mayBeLong({ headers }: IncomingMessage): boolean {
  const length = headers["content-length"];
  return headers["transfer-encoding"] !== undefined || Number(length ?? 0) > smallBytes;
}
