/**
 * Requests that come on a connection before the answers to those ahead of them were taken. Node hands them all over at once and keeps what
 * they are answered until its turn comes: 64 KiB of requests for the list of robots were answered by 800 MB that nobody took. So what may
 * have a long answer is looked at when its turn has come, as it would be by a caller that waits; beats, whose answer is `OK`, go on.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { HTTP_WAITING_MAX } from "./limits.ts";

export class Turns {
  readonly #waiting = new WeakMap<Socket, number>();

  /** Calls `begin` once the answer can go out; false, and never, where too many of the connection wait already. */
  wait({ socket }: IncomingMessage, response: ServerResponse, begin: () => void): boolean {
    if (!isBehindOthers(response)) {
      begin();
      return true;
    }
    const waiting = this.#waiting.get(socket) ?? 0;
    if (waiting >= HTTP_WAITING_MAX) return false;
    this.#waiting.set(socket, waiting + 1);
    response.once("socket", () => {
      this.#waiting.set(socket, (this.#waiting.get(socket) ?? 1) - 1);
      // The response is still being given its socket.
      process.nextTick(begin);
    });
    return true;
  }
}

/** Whether others on its connection are to be answered before; it is given the connection when its turn comes. */
export function isBehindOthers(response: ServerResponse): boolean {
  return response.socket === null;
}
