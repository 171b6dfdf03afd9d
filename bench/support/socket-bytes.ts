/** What the sockets of this process have carried: libp2p's frames, encryption and control messages included, TCP's own headers not. */
import { subscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";

export interface SocketBytes {
  readonly bytesOut: number;
  readonly bytesIn: number;
  /** Open now. */
  readonly sockets: number;
}

export class SocketMeter {
  readonly #open = new Set<Socket>();
  #endedOut = 0;
  #endedIn = 0;

  /** Counts every socket that is made from now on, whoever makes it. */
  constructor() {
    const meet = (message: unknown): void =>
      this.#meet((message as { readonly socket: Socket }).socket);
    subscribe("net.client.socket", meet);
    subscribe("net.server.socket", meet);
  }

  get total(): SocketBytes {
    let bytesOut = this.#endedOut;
    let bytesIn = this.#endedIn;
    for (const socket of this.#open) {
      bytesOut += socket.bytesWritten;
      bytesIn += socket.bytesRead;
    }
    return { bytesOut, bytesIn, sockets: this.#open.size };
  }

  #meet(socket: Socket): void {
    this.#open.add(socket);
    socket.once("close", () => {
      this.#open.delete(socket);
      this.#endedOut += socket.bytesWritten;
      this.#endedIn += socket.bytesRead;
    });
  }
}
