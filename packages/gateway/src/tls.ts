/** HTTPS: the pair of files that a gateway serves with, and what a server needs of them. */
import type { Server } from "node:http";
import type { Server as SecureServer } from "node:https";

/** Certificate (with its chain) and key in PEM, read and checked by the caller. */
export interface GatewayTls {
  readonly cert: string;
  readonly key: string;
  /** When the certificate expires, for `/metrics`. */
  readonly expiresWallMs: number;
}

/** Whether a server speaks TLS: then its connections are ready with `secureConnection`. */
function isSecure(server: Server | SecureServer): server is SecureServer {
  return "setSecureContext" in server;
}

/** Under which event a server hands over connections that can carry requests. */
export function connectionEvent(server: Server | SecureServer): "connection" | "secureConnection" {
  return isSecure(server) ? "secureConnection" : "connection";
}

/** New connections get the new certificate; those that are open keep theirs. */
export function renewTls(server: Server | SecureServer, { cert, key }: GatewayTls): void {
  if (isSecure(server)) server.setSecureContext({ cert, key });
}
