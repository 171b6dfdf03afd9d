/**
 * The fastify instance: registers the route table, guards every request, and gives every error the same shape. fastify is used
 * bare (no schemas, no logger): validation is zod's, beats cost a map look-up, a guard and a command.
 */
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { NodeLogger, NodeMetric, PulsemeshNode } from "@pulsemesh/node";
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { Connections } from "./connections.ts";
import type { GatewayContext } from "./context.ts";
import { EventFeed } from "./events/feed.ts";
import { authorityOf, hostFault } from "./guard/authority.ts";
import { isCrossSite, isLocalHost } from "./guard/browser.ts";
import { isLoopback } from "./guard/loopback.ts";
import type { TokenGuard } from "./guard/token.ts";
import type { ReloadJson } from "./json/reload.ts";
import {
  HTTP_BODY_BYTES_MAX,
  HTTP_CHECK_EVERY_MS,
  HTTP_CONNECTIONS_MAX,
  HTTP_HEADERS_BYTES_MAX,
  HTTP_HEADERS_WAIT_MS_MAX,
  HTTP_IDLE_MS_MAX,
  HTTP_KEEP_ALIVE_MS,
  HTTP_REQUEST_WAIT_MS_MAX,
  HTTP_WAITING_MAX,
  SHARED_CALLERS_MAX,
} from "./limits.ts";
import { HttpMetrics } from "./metrics/http-metrics.ts";
import { answerOf, HttpProblem, PROBLEM_MEDIA_TYPE, problemJson } from "./problem.ts";
import { acceptAnyType } from "./request/any-type.ts";
import { parseQueryString } from "./request/query.ts";
import { fastifyPath, methodsOf, type Route } from "./route.ts";
import { routeTable } from "./routes/table.ts";
import type { GatewayTls } from "./tls.ts";
import { Turns } from "./turns.ts";
import { UnfinishedBodies } from "./unfinished-bodies.ts";
import { cameByUnixSocket } from "./unix-door.ts";

export interface ServerOptions {
  /** Bound to loopback: then only loopback names are served (DNS rebinding). */
  readonly localOnly: boolean;
  /** @default "unknown" */
  readonly version?: string | undefined;
  readonly logger?: NodeLogger | undefined;
  /** Serves HTTPS. @default HTTP */
  readonly tls?: GatewayTls | undefined;
  /** @default everybody */
  readonly token?: TokenGuard | undefined;
  readonly reload?: (() => Promise<ReloadJson>) | undefined;
  readonly leave?: (() => void) | undefined;
  readonly extraMetrics?: (() => readonly NodeMetric[]) | undefined;
}

/** Routes have no fastify schemas. Said so, fastify does not load its compilers, 136 files with ajv. */
const NO_SCHEMAS = { buildValidator: noSchemas, buildSerializer: noSchemas };

/** Builds a server that does not listen yet; tests talk to it with `inject`. It takes the node's events until it is closed. */
export function buildServer(node: PulsemeshNode, options: ServerOptions): FastifyInstance {
  const context: GatewayContext = {
    node,
    feed: new EventFeed(node),
    metrics: new HttpMetrics(),
    version: options.version ?? "unknown",
    logger: options.logger,
    reload: options.reload,
    leave: options.leave ?? ((): void => void node.stop({ mode: "leave" })),
    hasToken: options.token !== undefined,
    extraMetrics: options.extraMetrics ?? (() => []),
  };
  const app = fastify({
    bodyLimit: HTTP_BODY_BYTES_MAX,
    requestTimeout: HTTP_REQUEST_WAIT_MS_MAX,
    keepAliveTimeout: HTTP_KEEP_ALIVE_MS,
    connectionTimeout: HTTP_IDLE_MS_MAX,
    forceCloseConnections: "idle",
    exposeHeadRoutes: false,
    ...listenerOptions(options),
    // Longer than any request line, so that a long robot id is answered as one, not as an unknown page.
    routerOptions: { maxParamLength: HTTP_HEADERS_BYTES_MAX, querystringParser: parseQueryString },
    schemaController: { compilersFactory: NO_SCHEMAS },
    frameworkErrors: (error, _request, reply) => void sendError(context, error, reply),
    clientErrorHandler: answerBrokenRequest,
  });
  app.server.headersTimeout = HTTP_HEADERS_WAIT_MS_MAX;
  app.server.maxConnections = HTTP_CONNECTIONS_MAX;
  app.server.on("drop", () => (context.metrics.droppedConnections += 1));
  const evicted = (): void => void (context.metrics.evictedConnections += 1);
  new Connections(app.server, evicted);
  new UnfinishedBodies(app.server, evicted);
  // What a beat expects beyond 100-continue is no reason to refuse it.
  app.server.on("checkExpectation", (request, response) =>
    app.server.emit("request", request, response),
  );
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  // Before the server waits for its connections: streams would never end by themselves.
  app.addHook("preClose", (done) => {
    context.feed.close();
    done();
  });
  const routes = routeTable(context);
  const turns = new Turns();
  for (const route of routes) addRoute(app, context, { ...options, turns }, route);
  addFallbacks(app, context, options, routes);
  return app;
}

/** For node:http or node:https; the types of fastify know one server or the other, and all that is asked of ours is what both have. */
function listenerOptions({ tls }: ServerOptions): { readonly http: object } {
  const options = {
    maxHeaderSize: HTTP_HEADERS_BYTES_MAX,
    connectionsCheckingInterval: HTTP_CHECK_EVERY_MS,
    // Ours is checked with the rest and answered as a problem.
    requireHostHeader: false,
  };
  if (tls === undefined) return { http: options };
  const { cert, key } = tls;
  const secure = { cert, key, minVersion: "TLSv1.2", handshakeTimeout: HTTP_HEADERS_WAIT_MS_MAX };
  return { https: { ...options, ...secure } } as unknown as { readonly http: object };
}

function noSchemas(): never {
  throw new Error("A route has a fastify schema; validation is zod's.");
}

/** What speaks against serving this request at all. */
function refusalOf(
  { raw }: FastifyRequest,
  { localOnly, token }: ServerOptions,
  { writes, open = false, operates = false }: Pick<Route, "writes" | "open" | "operates">,
): HttpProblem | undefined {
  const fault = hostFault(raw);
  if (fault !== undefined) return new HttpProblem("request-invalid", fault);
  const host = authorityOf(raw);
  if (localOnly && !isLocalHost(host) && !cameByUnixSocket(raw.socket)) {
    return new HttpProblem(
      "host-forbidden",
      "This node serves loopback names only, not this Host.",
    );
  }
  if (isCrossSite(raw.headers, host, writes)) {
    return new HttpProblem("origin-forbidden", "A browser sent this for a page of another site.");
  }
  if (open || cameByUnixSocket(raw.socket)) return undefined;
  if (token !== undefined)
    return token.admits(raw.headers.authorization) ? undefined : tokenWrong();
  // A page whose name was led to this machine is on it, too; it cannot choose its `Host` (rule HT18).
  const isNear = isThisMachine(raw.socket.remoteAddress) && isLocalHost(host);
  return operates && !isNear ? operatorOnly() : undefined;
}

/** An address as the socket gives it, which is an IPv4 one within IPv6 where both are listened on. */
function isThisMachine(address: string | undefined): boolean {
  return address !== undefined && isLoopback(address.replace(/^::ffff:/i, ""));
}

/** Who opens HTTP with --insecure-http lets everybody read and write what robots do, not end the node or take its store. */
function operatorOnly(): HttpProblem {
  return new HttpProblem(
    "operator-only",
    "Without a token this node takes that from its own machine only.",
  );
}

/** Says whether one more may be answered, while so many at most are. */
function atMost(callersMax: number): (reply: FastifyReply) => boolean {
  const callers = new Set<FastifyReply>();
  return (reply) => {
    if (callers.size >= callersMax || reply.raw.destroyed) return false;
    callers.add(reply);
    const leave = (): void => void callers.delete(reply);
    reply.raw.once("finish", leave).once("close", leave);
    return true;
  };
}

function tooManyCallers(): HttpProblem {
  const detail = `${SHARED_CALLERS_MAX} callers wait for the same answer already.`;
  return new HttpProblem("not-ready", detail, { "retry-after": "5" }, "Ask again in a moment.");
}

function tooManyWaiting(): HttpProblem {
  const detail = `Of one connection at most ${HTTP_WAITING_MAX} requests wait for the answers to others.`;
  return new HttpProblem("request-invalid", detail);
}

function tokenWrong(): HttpProblem {
  const detail = "This node answers only who sends its token.";
  return new HttpProblem("token-wrong", detail, { "www-authenticate": 'Bearer realm="pulsemesh"' });
}

/** Hooks hang on the route itself: what they need is in their closure, not looked up for every beat. */
function addRoute(
  app: FastifyInstance,
  { metrics }: GatewayContext,
  options: ServerOptions & { readonly turns: Turns },
  route: Route,
): void {
  const counts = metrics.route(route.path);
  const timed = route.endless !== true;
  const anyBody = route.body?.types.includes("*/*") === true;
  const admit = atMost(SHARED_CALLERS_MAX);
  app.route({
    method: [...route.methods],
    url: fastifyPath(route.path),
    onRequest: (request, reply, done) => {
      if (anyBody) acceptAnyType(request);
      const refusal = refusalOf(request, options, route);
      if (anyBody || refusal !== undefined) return done(refusal);
      // Its turn first: a response that never gets its connection never says that it is over.
      const begin = (): void =>
        done(route.shared === true && !admit(reply) ? tooManyCallers() : undefined);
      if (!options.turns.wait(request.raw, reply.raw, begin)) done(tooManyWaiting());
    },
    onResponse: (request, reply, done) => {
      counts.add(request.method, reply.statusCode);
      if (timed) metrics.observe(reply.elapsedTime);
      done();
    },
    handler: route.handle,
  });
}

function addFallbacks(
  app: FastifyInstance,
  context: GatewayContext,
  options: ServerOptions,
  routes: readonly Route[],
): void {
  const counts = context.metrics.route("");
  app.setErrorHandler((error, _request, reply) => sendError(context, error, reply));
  app.setNotFoundHandler((request, reply) => {
    const problem = refusalOf(request, options, { writes: true }) ?? missing(routes, request);
    void sendError(context, problem, reply);
    counts.add(request.method, reply.statusCode);
  });
}

function missing(routes: readonly Route[], { method, url }: FastifyRequest): HttpProblem {
  const allow = methodsOf(routes, url).join(", ");
  return allow === ""
    ? new HttpProblem("not-found", "There is nothing at this path.")
    : new HttpProblem("method-not-allowed", `This path takes ${allow}, not ${method}.`, { allow });
}

function sendError(context: GatewayContext, error: unknown, reply: FastifyReply): FastifyReply {
  const { problem, headers } = answerOf(error);
  if (problem.code === "internal") {
    context.logger?.error({ err: error, url: reply.request.url }, "request failed");
  }
  return reply
    .code(problem.status)
    .headers(headers)
    .type(PROBLEM_MEDIA_TYPE)
    .send(JSON.stringify(problem));
}

/** Answers what never became a request: garbage, headers too large, senders too slow. */
function answerBrokenRequest(error: Error & { readonly code?: string }, socket: Socket): void {
  // Whoever cannot do the handshake could not read an answer either.
  if (
    error.code === "ECONNRESET" ||
    error.code?.startsWith("ERR_SSL") === true ||
    !socket.writable
  ) {
    socket.destroy();
    return;
  }
  const problem = brokenRequestProblem(error.code);
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ""}\r\n` +
      `content-type: ${PROBLEM_MEDIA_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}

function brokenRequestProblem(code: string | undefined): ReturnType<typeof problemJson> {
  switch (code) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return problemJson("request-timed-out", "The request did not arrive in time.");
    case "HPE_HEADER_OVERFLOW":
      return problemJson("headers-too-large", "The request line and headers exceed 16 KiB.");
    default:
      return problemJson("request-invalid", "This is no valid HTTP request.");
  }
}
