/**
 * HTTP of a node that looks for its fleet: a first `--join` waits until a member answers, however long that takes, and supervisors and
 * robots should hear "alive, not ready" meanwhile instead of nothing. It holds no data and takes none; the gateway opens in its place.
 */
import { createServer, type ServerResponse } from "node:http";
import type { HostPort } from "../host-port.ts";

const connectionsMost = 64;
const requestMsMost = 5_000;
const retryAfterSeconds = "1";

const problem = JSON.stringify({
  type: "urn:pulsemesh:problem:not-ready",
  title: "Not ready",
  status: 503,
  detail: "The node looks for its fleet: no member has answered yet.",
  code: "not-ready",
  changed: false,
  next: "Wait until GET /readyz answers 200, then repeat.",
});

/**
 * Answers at `at` until disposed: `/livez` with 200, everything else with 503 `not-ready`.
 * @returns undefined when it cannot listen there, which the gateway will say better
 */
export async function openWaitingDoor(at: HostPort): Promise<AsyncDisposable | undefined> {
  const server = createServer({ requestTimeout: requestMsMost }, (request, response) => {
    request.resume();
    const isProbe = request.method === "GET" || request.method === "HEAD";
    if (isProbe && request.url === "/livez") answer(response, 200, "text/plain", "ok");
    else answer(response, 503, "application/problem+json", problem);
  });
  server.maxConnections = connectionsMost;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  server.once("error", () => resolve(false));
  server.listen({ ...at, exclusive: true }, () => resolve(true));
  if (!(await promise)) return undefined;
  return {
    [Symbol.asyncDispose]: () => {
      const { promise: closed, resolve: onClosed } = Promise.withResolvers<void>();
      server.close(() => onClosed());
      server.closeAllConnections();
      return closed;
    },
  };
}

function answer(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    "content-type": `${type}; charset=utf-8`,
    "cache-control": "no-store",
    // The port changes hands, and connections that stay open would not.
    connection: "close",
    ...(status === 503 ? { "retry-after": retryAfterSeconds } : {}),
  });
  response.end(body);
}
