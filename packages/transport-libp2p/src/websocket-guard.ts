/**
 * WebSocket for hosts that strangers can reach. The library's listener waits for ever for a caller that says nothing, or half of an HTTP
 * request (Node's own time limits belong to servers that listen themselves, and its HTTP server does not), cannot stop while such a
 * caller holds on, and takes messages of 100 MiB before anybody has proved who he is. It listens for no errors of its sockets, so that one
 * frame with a wrong bit, from anybody, ends the process. It aborts a connection by a close code that no WebSocket may send, which
 * throws, and leaves the connection open for ever. And it takes web pages for nodes. This mends all six.
 */
import type { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Server, Socket } from "node:net";
import type { Listener, Transport } from "@libp2p/interface";
import { webSockets } from "@libp2p/websockets";

/**
 * Largest WebSocket message. A connection writes what one encryption call gives, at most 64 KiB and some bytes each; the rest is room for
 * other implementations.
 */
const WEBSOCKET_MESSAGE_BYTES_MAX: number = 1024 * 1024;

/** How long the other side may take to answer a close, in milliseconds. */
const CLOSE_ANSWER_MS = 2_000;

export interface WebSocketLimits {
  /** Sockets of one listener at a time, in whatever state. */
  readonly connectionsMax: number;
  /** From the connection to the end of the WebSocket handshake, in milliseconds. */
  readonly openTimeoutMs: number;
}

/** The close code that stands for a connection that broke. Only ever seen, never sent. */
const BROKEN = 1006;

type Close = (code?: number, reason?: string) => void;

interface ServerSocket extends EventEmitter {
  close: Close;
  terminate(): void;
}

type Opened = (webSocket: ServerSocket, request: IncomingMessage) => void;

/** The part of the library's listener that is used here. */
interface WebSocketListener extends Listener {
  readonly server: Server;
  readonly wsServer: {
    readonly options: { maxPayload?: number | undefined; closeTimeout?: number | undefined };
    handleUpgrade(request: IncomingMessage, socket: Socket, head: Buffer, opened: Opened): void;
  };
}

/** The part of the library's transport that is used here. */
interface WebSocketTransport extends Transport {
  _connect(...args: readonly unknown[]): Promise<{ close: Close }>;
}

type WebSocketFactory = ReturnType<typeof webSockets>;

/** `webSockets()` whose listeners keep to `limits`. */
export function boundedWebSockets(limits: WebSocketLimits): WebSocketFactory {
  const create = webSockets();
  return (components) => {
    const transport = create(components) as unknown as WebSocketTransport;
    const createListener = transport.createListener.bind(transport);
    const open = transport._connect.bind(transport);
    return Object.assign(transport, {
      async _connect(...args: readonly unknown[]) {
        const webSocket = await open(...args);
        const close = webSocket.close.bind(webSocket);
        webSocket.close = (code, reason) => (code === BROKEN ? close() : close(code, reason));
        return webSocket;
      },
      createListener: (options: Parameters<Transport["createListener"]>[0]): Listener =>
        guard(createListener(options), limits),
    }) as ReturnType<WebSocketFactory>;
  };
}

function guard(made: Listener, limits: WebSocketLimits): Listener {
  const listener = made as WebSocketListener;
  const { server, wsServer } = listener;
  /** Sockets that are no WebSockets yet, with what hangs up on them. */
  const opening = new Map<Socket, NodeJS.Timeout>();
  const settle = (socket: Socket): void => {
    clearTimeout(opening.get(socket));
    opening.delete(socket);
  };
  server.maxConnections = limits.connectionsMax;
  server.on("connection", (socket) => {
    const timer = setTimeout(() => socket.destroy(), limits.openTimeoutMs);
    opening.set(socket, timer.unref());
    socket.once("close", () => settle(socket));
  });
  wsServer.options.maxPayload = WEBSOCKET_MESSAGE_BYTES_MAX;
  wsServer.options.closeTimeout = CLOSE_ANSWER_MS;
  const upgrade = wsServer.handleUpgrade.bind(wsServer);
  wsServer.handleUpgrade = (request, socket, head, opened) => {
    if (isWebPage(request)) {
      socket.end(PAGE_REFUSAL);
      return;
    }
    settle(socket);
    upgrade(request, socket, head, (webSocket, itsRequest) => {
      // It closes itself after an error; nothing is left to do but to have heard of it.
      webSocket.on("error", ignoreClosed);
      const closeIt = webSocket.close.bind(webSocket);
      webSocket.close = (code, reason) =>
        code === BROKEN ? webSocket.terminate() : closeIt(code, reason);
      opened(webSocket, itsRequest);
    });
  };
  const close = listener.close.bind(listener);
  listener.close = async () => {
    const closing = close();
    for (const socket of opening.keys()) socket.destroy();
    await closing;
  };
  return listener;
}

/**
 * Any page that is open on this machine, or on one that reaches it, may open a WebSocket to here: unlike other requests of pages it needs
 * nobody's leave, and no trick with names (rule AD9). What a browser cannot leave out is `Origin`, which no node sends.
 */
function isWebPage({ headers }: IncomingMessage): boolean {
  return headers.origin !== undefined;
}

const PAGE_REFUSAL = "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

function ignoreClosed(): void {
  // Whoever reads from the connection learns of it by its close.
}
