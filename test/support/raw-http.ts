/** Speaks to an HTTP port in raw bytes, to send what no HTTP client would. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

export interface RawConnection {
  readonly socket: Socket;
  /** Everything received so far. */
  readonly text: () => string;
  /** Resolves when the other side has closed, with everything received. */
  readonly closed: Promise<string>;
}

/** Opens a connection; errors count as closed. */
export async function openRaw(port: number, first: string | Buffer = ""): Promise<RawConnection> {
  const socket = connect({ port, host: "127.0.0.1" });
  const chunks: Buffer[] = [];
  const text = (): string => Buffer.concat(chunks).toString("latin1");
  const closed = new Promise<string>((resolve) => {
    socket.on("data", (chunk: Buffer) => void chunks.push(chunk));
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(text()));
  });
  await once(socket, "connect");
  if (first.length > 0) socket.write(first);
  return { socket, text, closed };
}
