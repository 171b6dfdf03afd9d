/** Opens a running node to robots and people: HTTP on one address, loopback unless somebody insists. */
import { PulsemeshError } from "@pulsemesh/core";
import type { NodeLogger, NodeMetric, PulsemeshNode } from "@pulsemesh/node";
import type { FastifyInstance } from "fastify";
import { isLoopback } from "./guard/loopback.ts";
import { TokenGuard } from "./guard/token.ts";
import type { ReloadJson } from "./json/reload.ts";
import { HTTP_CLOSE_WAIT_MS_MAX } from "./limits.ts";
import { buildServer } from "./server.ts";
import { type GatewayTls, renewTls } from "./tls.ts";
import { openUnixDoor, type UnixDoor, type UnixDoorOptions } from "./unix-door.ts";

export const DEFAULT_HTTP_HOST: string = "127.0.0.1";
export const DEFAULT_HTTP_PORT: number = 7_420;

export interface GatewayOptions {
  /** Address to listen on, without brackets. @default "127.0.0.1" */
  readonly host?: string | undefined;
  /** 0 … 65535; 0 lets the system choose. @default 7420 */
  readonly port?: number | undefined;
  /** Allows an address beyond loopback without `tls` and `token`, where anybody who reaches the port may read and write. @default false */
  readonly insecureHttp?: boolean | undefined;
  /** A Unix socket to serve as well. @default none */
  readonly socket?: UnixDoorOptions | undefined;
  /** What runs, for `pulsemesh_build_info`. @default "unknown" */
  readonly version?: string | undefined;
  readonly logger?: NodeLogger | undefined;
  /** Serves HTTPS with this certificate. @default HTTP */
  readonly tls?: GatewayTls | undefined;
  /** Requests must bear it, but for probes and what comes by the socket. @default none */
  readonly token?: string | undefined;
  /** What `POST /-/reload` does. @default answers `config-none` */
  readonly reload?: (() => Promise<ReloadJson>) | undefined;
  /** What `POST /-/leave` does. @default stops the node with a goodbye */
  readonly leave?: (() => void) | undefined;
  /** Added to `/metrics`. */
  readonly extraMetrics?: (() => readonly NodeMetric[]) | undefined;
}

export interface Gateway extends AsyncDisposable {
  /** To call it by from this machine, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** `unix:/PATH` of the socket; undefined without one. */
  readonly socketUrl: string | undefined;
  /** Takes another certificate or token from now on; one that was not given at the start is not taken. */
  renew(changes: {
    readonly tls?: GatewayTls | undefined;
    readonly token?: string | undefined;
  }): void;
  /** Ends event streams, lets requests under way finish for at most a second, closes. Idempotent. */
  close(): Promise<void>;
}

const UNGUARDED =
  "any process on this machine may invite, grant and revoke here, as the issuer's key is here and no token is asked for: give this node one with --token-file";

/**
 * Serves a node over HTTP.
 * @throws PulsemeshError `http-insecure`, `address-in-use`, `address-invalid` or `option-invalid`
 * @example
 * const gateway = await startGateway(node, { port: 0 });
 * await fetch(`${gateway.url}/heartbeat/security_bot`, { method: "POST" });
 */
export async function startGateway(
  node: PulsemeshNode,
  options: GatewayOptions = {},
): Promise<Gateway> {
  const { logger, version, tls, reload, leave, extraMetrics } = options;
  const token = options.token === undefined ? undefined : new TokenGuard(options.token);
  const host = listenHost(options);
  const port = listenPort(options);
  const localOnly = isLoopback(host);
  const more = { logger, version, tls, token, reload, leave, extraMetrics };
  const app = buildServer(node, { localOnly, ...more });
  try {
    await app.listen({ host, port });
  } catch (error) {
    await app.close();
    throw listenError(error, host, port);
  }
  const door = await openDoor(app, options.socket);
  const socketUrl = door?.url;
  const bound = boundPort(app, port);
  const url = `${tls === undefined ? "http" : "https"}://${urlHost(host)}:${bound}`;
  if (node.issuer !== undefined && token === undefined) logger?.warn({ url }, UNGUARDED);
  logger?.info(socketUrl === undefined ? { url } : { url, socketUrl }, "HTTP open");
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= closeAll(app, door));
  const renew: Gateway["renew"] = (changes) => {
    if (changes.tls !== undefined) renewTls(app.server, changes.tls);
    if (changes.token !== undefined) token?.set(changes.token);
  };
  return { url, port: bound, socketUrl, renew, close, [Symbol.asyncDispose]: close };
}

async function openDoor(
  app: FastifyInstance,
  socket: UnixDoorOptions | undefined,
): Promise<UnixDoor | undefined> {
  if (socket === undefined) return undefined;
  try {
    return await openUnixDoor(app.server, socket);
  } catch (error) {
    await app.close();
    throw error;
  }
}

function listenHost(options: GatewayOptions): string {
  const { host = DEFAULT_HTTP_HOST } = options;
  if (!isGuarded(options)) {
    throw new PulsemeshError(
      "http-insecure",
      `Cannot serve HTTP on '${host}': it is reachable from other machines and has no password. Listen on ${DEFAULT_HTTP_HOST}, give it a certificate and a token (--tls-cert, --tls-key, --token-file), or accept the risk with --insecure-http.`,
    );
  }
  // The name would open two sockets (IPv4 and IPv6), of which the second may already belong to somebody else.
  return host.toLowerCase() === "localhost" ? DEFAULT_HTTP_HOST : host;
}

/** Whether nobody beyond this machine gets in without a secret, or somebody accepted that they do. A token alone would be read on the way. */
export function isGuarded(
  options: Pick<GatewayOptions, "host" | "insecureHttp" | "tls" | "token">,
): boolean {
  const { host = DEFAULT_HTTP_HOST, insecureHttp = false, tls, token } = options;
  return insecureHttp || isLoopback(host) || (tls !== undefined && token !== undefined);
}

function listenPort({ port = DEFAULT_HTTP_PORT }: GatewayOptions): number {
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new PulsemeshError(
    "option-invalid",
    `Cannot serve HTTP as 'port' must be a whole number from 0 to 65535: current value is ${port}.`,
  );
}

function listenError(error: unknown, host: string, port: number): PulsemeshError {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EADDRINUSE") {
    return new PulsemeshError(
      "address-in-use",
      `Cannot serve HTTP on ${urlHost(host)}:${port}: another process listens there. Stop it, or choose another port with --http.`,
      { cause: error },
    );
  }
  return new PulsemeshError(
    "address-invalid",
    `Cannot serve HTTP on ${urlHost(host)}:${port}: ${error instanceof Error ? error.message : String(error)}.`,
    { cause: error },
  );
}

function boundPort(app: FastifyInstance, fallback: number): number {
  const address = app.server.address();
  return typeof address === "object" && address !== null ? address.port : fallback;
}

function urlHost(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}

async function closeAll(app: FastifyInstance, door: UnixDoor | undefined): Promise<void> {
  const cut = setTimeout(() => app.server.closeAllConnections(), HTTP_CLOSE_WAIT_MS_MAX);
  try {
    // Both at once: closing the server ends idle connections and streams of the socket as well, for which the socket waits.
    await Promise.all([door?.close(), app.close()]);
  } finally {
    clearTimeout(cut);
  }
}
