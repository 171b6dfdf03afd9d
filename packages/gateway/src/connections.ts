/**
 * Room for the next caller. Connections are a shared good: one process that opens many and keeps them must not keep the robots
 * out. So beyond a limit those make room that have waited longest for their caller: kept alive and quiet, still sending a
 * request, or not taking an answer. What the node itself is at work on is never cut.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { HTTP_CONNECTIONS_KEPT_MAX, HTTP_ROOM_WAIT_MS } from "./limits.ts";
import { connectionEvent } from "./tls.ts";
import { isBehindOthers } from "./turns.ts";

/** A connection since its newest request, or since its opening. */
interface Connection {
  readonly sinceMonoMs: number;
  readonly request?: IncomingMessage;
  readonly response?: ServerResponse;
}

export class Connections {
  /** The longest waiting first: a map keeps the order of insertion. */
  readonly #open = new Map<Socket, Connection>();
  /** Called for each connection that had to make room. */
  readonly #evicted: () => void;
  /** Bare connections by their other end, while they shake hands. */
  readonly #shaking = new Map<string, Socket>();
  readonly #isSecure: boolean;
  #looking = false;

  constructor(server: Server, evicted: () => void) {
    this.#evicted = evicted;
    this.#isSecure = connectionEvent(server) === "secureConnection";
    if (this.#isSecure) {
      server.on("connection", (socket: Socket) => this.#shake(socket));
      server.on("secureConnection", (socket: Socket) => this.#replace(socket));
    } else {
      server.on("connection", (socket: Socket) => this.#add(socket));
    }
    // Before the request is routed: what is answered near the limit says that its connection will not be kept.
    server.prependListener("request", (request, response) => this.#begin(request, response));
  }

  #add(socket: Socket): void {
    this.#open.set(socket, { sinceMonoMs: performance.now() });
    socket.once("close", () => this.#open.delete(socket));
    if (this.#open.size > HTTP_CONNECTIONS_KEPT_MAX) this.#lookSoon();
  }

  #shake(socket: Socket): void {
    const peer = peerOf(socket);
    this.#shaking.set(peer, socket);
    socket.once("close", () => {
      if (this.#shaking.get(peer) === socket) this.#shaking.delete(peer);
    });
    this.#add(socket);
  }

  /** With TLS a connection is first the bare one, which may be slow to shake hands, and then the one that carries requests. */
  #replace(socket: Socket): void {
    const peer = peerOf(socket);
    const bare = this.#shaking.get(peer);
    if (bare !== undefined) this.#open.delete(bare);
    this.#shaking.delete(peer);
    this.#add(socket);
  }

  #begin(request: IncomingMessage, response: ServerResponse): void {
    if (this.#open.size >= HTTP_CONNECTIONS_KEPT_MAX) response.shouldKeepAlive = false;
    if (!isBehindOthers(response)) return this.#atWork(request, response);
    // Until then the connection waits for whatever the answer ahead of this one waits for.
    response.once("socket", () => this.#atWork(request, response));
  }

  #atWork(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    if (!this.#open.delete(socket)) return;
    this.#open.set(socket, { sinceMonoMs: performance.now(), request, response });
  }

  #lookSoon(): void {
    if (this.#looking) return;
    this.#looking = true;
    setTimeout(() => this.#makeRoom(), HTTP_ROOM_WAIT_MS).unref();
  }

  #makeRoom(): void {
    this.#looking = false;
    const before = performance.now() - HTTP_ROOM_WAIT_MS;
    for (const [socket, connection] of this.#open) {
      if (this.#open.size <= HTTP_CONNECTIONS_KEPT_MAX) return;
      // A crowd that comes at once is given the time to say what it wants. All behind this one are younger still.
      if (connection.sinceMonoMs > before) return this.#lookSoon();
      if (!waitsForCaller(connection)) continue;
      this.#open.delete(socket);
      this.#evicted();
      socket.destroy();
    }
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

/** Nothing came yet, the request is not complete, or the answer is given and it is up to the caller to take it. */
function waitsForCaller({ request, response }: Connection): boolean {
  return request?.complete !== true || response?.writableEnded === true;
}
