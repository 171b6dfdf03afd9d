/**
 * The fastify instance: registers the route table, guards every request, and gives every error the same shape. fastify is used
 * bare (no schemas, no logger): validation is zod's, beats cost a map look-up, a guard and a command.
 */
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { GatewayContext } from "./context.ts";
import { isCrossSite, isLocalHost } from "./guard/browser.ts";
import {
  HTTP_BODY_BYTES_MAX,
  HTTP_CHECK_EVERY_MS,
  HTTP_CONNECTIONS_MAX,
  HTTP_HEADERS_BYTES_MAX,
  HTTP_HEADERS_WAIT_MS_MAX,
  HTTP_IDLE_MS_MAX,
  HTTP_KEEP_ALIVE_MS,
  HTTP_REQUEST_WAIT_MS_MAX,
} from "./limits.ts";
import type { RouteCounts } from "./metrics/http-metrics.ts";
import { answerOf, HttpProblem, PROBLEM_MEDIA_TYPE, problemJson } from "./problem.ts";
import { parseQueryString } from "./request/query.ts";
import { fastifyPath, methodsOf, type Route } from "./route.ts";
import { routeTable } from "./routes/table.ts";

export interface ServerOptions {
  /** Bound to loopback: then only loopback names are served (DNS rebinding). */
  readonly localOnly: boolean;
}

interface RouteConfig {
  readonly writes?: boolean | undefined;
  readonly counts?: RouteCounts | undefined;
}

/** Builds a server that does not listen yet; tests talk to it with `inject`. */
export function buildServer(context: GatewayContext, options: ServerOptions): FastifyInstance {
  const app = fastify({
    bodyLimit: HTTP_BODY_BYTES_MAX,
    requestTimeout: HTTP_REQUEST_WAIT_MS_MAX,
    keepAliveTimeout: HTTP_KEEP_ALIVE_MS,
    connectionTimeout: HTTP_IDLE_MS_MAX,
    forceCloseConnections: "idle",
    exposeHeadRoutes: false,
    http: {
      maxHeaderSize: HTTP_HEADERS_BYTES_MAX,
      connectionsCheckingInterval: HTTP_CHECK_EVERY_MS,
    },
    // Longer than any request line, so that a long robot id is answered as one, not as an unknown page.
    routerOptions: { maxParamLength: HTTP_HEADERS_BYTES_MAX, querystringParser: parseQueryString },
    frameworkErrors: (error, _request, reply) => void sendError(context, error, reply),
    clientErrorHandler: answerBrokenRequest,
  });
  app.server.headersTimeout = HTTP_HEADERS_WAIT_MS_MAX;
  app.server.maxConnections = HTTP_CONNECTIONS_MAX;
  app.server.on("drop", () => (context.metrics.droppedConnections += 1));
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  addHooks(app, context, options);
  const routes = routeTable(context);
  for (const route of routes) addRoute(app, context, route);
  addFallbacks(app, context, routes);
  return app;
}

function addHooks(app: FastifyInstance, context: GatewayContext, options: ServerOptions): void {
  app.addHook("onRequest", (request, _reply, done) => {
    const { headers } = request;
    if (options.localOnly && !isLocalHost(headers.host)) {
      return done(
        new HttpProblem("host-forbidden", "This node serves loopback names only, not this Host."),
      );
    }
    if (isCrossSite(headers, configOf(request).writes ?? true)) {
      return done(
        new HttpProblem("origin-forbidden", "A browser sent this for a page of another site."),
      );
    }
    done();
  });
  app.addHook("onResponse", (request, reply, done) => {
    configOf(request).counts?.add(request.method, reply.statusCode);
    context.metrics.observe(reply.elapsedTime);
    done();
  });
}

function addRoute(app: FastifyInstance, context: GatewayContext, route: Route): void {
  const config: RouteConfig = { writes: route.writes, counts: context.metrics.route(route.path) };
  app.route({
    method: [...route.methods],
    url: fastifyPath(route.path),
    config,
    handler: route.handle,
  });
}

function configOf(request: FastifyRequest): RouteConfig {
  return request.routeOptions.config as RouteConfig;
}

function addFallbacks(
  app: FastifyInstance,
  context: GatewayContext,
  routes: readonly Route[],
): void {
  const counts = context.metrics.route("");
  app.setErrorHandler((error, _request, reply) => sendError(context, error, reply));
  app.setNotFoundHandler((request, reply) => {
    const methods = methodsOf(routes, request.url);
    const problem =
      methods.length === 0
        ? new HttpProblem("not-found", "There is nothing at this path.")
        : new HttpProblem(
            "method-not-allowed",
            `This path takes ${methods.join(", ")}, not ${request.method}.`,
            { allow: methods.join(", ") },
          );
    void sendError(context, problem, reply);
    counts.add(request.method, reply.statusCode);
  });
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
  if (error.code === "ECONNRESET" || !socket.writable) {
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
