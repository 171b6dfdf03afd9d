/**
 * An HTTP server that says a few fixed things to supervisors, beside or in place of the gateway. It holds no data and takes none, so it may
 * stand where the gateway may not.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { Socket } from "node:net";
import type { HostPort } from "./host-port.ts";

/** Open connections; a further one takes the place of the oldest, so that nobody can hold the port against a supervisor. */
export const PROBE_CONNECTIONS_MAX: number = 64;

const requestMsMost = 5_000;
const retryAfterSeconds = "1";

export interface SmallAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** What every probe that holds is answered. */
export const answerOk: SmallAnswer = { status: 200, type: "text/plain", body: "ok" };

export interface SmallServer extends AsyncDisposable {
  /** Where it listens; the port that the system chose where 0 was asked for. */
  readonly port: number;
  /** To serve a Unix socket as well. */
  readonly http: Server;
}

/**
 * Answers at `at` until disposed.
 * @param tls - speaks HTTPS with it
 * @param answerTo - called with the path of each GET and HEAD, and with undefined for other methods
 * @returns the error where it cannot listen
 */
export async function openSmallServer(
  at: HostPort,
  answerTo: (probe: string | undefined) => SmallAnswer,
  tls?: { readonly cert: string; readonly key: string },
): Promise<SmallServer | Error> {
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    request.resume();
    const isProbe = request.method === "GET" || request.method === "HEAD";
    answer(response, answerTo(isProbe ? request.url?.split("?", 1)[0] : undefined));
  };
  const options = { requestTimeout: requestMsMost };
  const server =
    tls === undefined
      ? createServer(options, listener)
      : createSecureServer({ ...options, cert: tls.cert, key: tls.key }, listener);
  makeRoom(server);
  const { promise, resolve } = Promise.withResolvers<Error | undefined>();
  server.once("error", resolve);
  server.listen({ ...at, exclusive: true }, () => resolve(undefined));
  const error = await promise;
  if (error !== undefined) return error;
  const bound = server.address();
  return {
    port: typeof bound === "object" && bound !== null ? bound.port : at.port,
    http: server,
    [Symbol.asyncDispose]: () => {
      const { promise: closed, resolve: onClosed } = Promise.withResolvers<void>();
      server.close(() => onClosed());
      server.closeAllConnections();
      return closed;
    },
  };
}

/** Callers get their answer within a moment: who has been there for longest is who waits for nothing. */
function makeRoom(server: Server): void {
  const open = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    const [oldest] = open;
    if (open.size >= PROBE_CONNECTIONS_MAX) oldest?.destroy();
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
}

function answer(response: ServerResponse, { status, type, body }: SmallAnswer): void {
  response.writeHead(status, {
    "content-type": `${type}; charset=utf-8`,
    "cache-control": "no-store",
    // The port changes hands, and connections that stay open would not.
    connection: "close",
    ...(status === 503 ? { "retry-after": retryAfterSeconds } : {}),
  });
  response.end(body);
}
