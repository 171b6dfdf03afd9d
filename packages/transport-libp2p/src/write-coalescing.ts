/**
 * Gathers what a connection writes within one turn of the event loop into one write to the socket.
 *
 * Under libp2p each encrypted message reaches the socket as two writes (a two-byte length, then the rest), and opening one
 * stream takes a dozen tiny messages. With `noDelay` each is a system call and a packet of its own: measured, 128 writes of
 * 36 bytes on average to bring one connection up, a third of its cost. Nagle's algorithm would gather them too, but holds them back for a
 * round trip; corking until the end of the turn holds them back for nothing.
 *
 * It hangs in the place that libp2p keeps for a private network's cipher, because that sees every connection before its first byte.
 */
import { Socket } from "node:net";
import type { ConnectionProtector } from "@libp2p/interface";

/** To be passed to a host as `connectionProtector`; it protects nothing. */
export function writeCoalescing(): () => ConnectionProtector {
  return () => ({
    protect(connection) {
      const socket: unknown = Reflect.get(connection, "socket");
      if (socket instanceof Socket) coalesce(socket);
      return Promise.resolve(connection);
    },
  });
}

/** Corks `socket` at the first write of a turn until its end. */
export function coalesce(socket: Pick<Socket, "cork" | "uncork" | "write">): void {
  const write: (...args: Parameters<Socket["write"]>) => boolean = socket.write.bind(socket);
  let corked = false;
  const uncork = (): void => {
    corked = false;
    socket.uncork();
  };
  const corkAndWrite = (...args: Parameters<Socket["write"]>): boolean => {
    if (!corked) {
      corked = true;
      socket.cork();
      setImmediate(uncork);
    }
    return write(...args);
  };
  Object.assign(socket, { write: corkAndWrite });
}
