/** HTTP listen addresses, `HOST:PORT`, and the search for a free port when one is taken. */
import { PulsemeshError } from "@pulsemesh/core";
import { createServer } from "node:net";

export interface HostPort {
  readonly host: string;
  readonly port: number;
  /** `::` means IPv6 alone, as the mesh listens, and not IPv4 as well. @default false */
  readonly ipv6Only?: boolean | undefined;
}

const portLast = 65_535;
const freePortTries = 50;
const lookupMsMost = 3_000;

/**
 * Reads `HOST:PORT`, `:PORT`, `PORT` or `[IPV6]:PORT`.
 * @throws PulsemeshError `address-invalid`
 */
export function parseHostPort(text: string, flag: string): HostPort {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^[\]:\s/]*)):(\d{1,5})$/i.exec(
    /^\d+$/.test(text) ? `:${text}` : text,
  );
  const port = Number(match?.[3] ?? Number.NaN);
  if (match === null || !(port <= portLast)) {
    const meant = /^[A-Za-z][A-Za-z0-9.-]*$|^\d+\.\d+\.\d+\.\d+$/.test(text)
      ? ` Did you mean ${text}:7420?`
      : "";
    throw new PulsemeshError(
      "address-invalid",
      `Cannot use ${flag} '${text}' as it must be HOST:PORT with a port from 0 to ${portLast}.${meant}`,
    );
  }
  return { host: match[1] ?? (match[2] === "" ? "127.0.0.1" : (match[2] ?? "")), port };
}

/** Written back, with brackets around IPv6. */
export function formatHostPort({ host, port }: HostPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Host and port of a TCP multiaddr such as `/ip4/127.0.0.1/tcp/7421`; undefined for other kinds. */
export function hostPortOfMultiaddr(text: string): HostPort | undefined {
  const match = /^\/(?:ip4|ip6|dns4|dns6|dns)\/([^/]+)\/tcp\/(\d+)(?:\/|$)/.exec(text);
  if (match?.[1] === undefined) return undefined;
  const [, host, port] = match;
  return { host, port: Number(port), ...(host.includes(":") ? { ipv6Only: true } : {}) };
}

/** Why nobody can listen at an address now: somebody does, it is not this machine's, or this user may not. */
export type ListenTrouble = "taken" | "not-local" | "forbidden";

/** What would go wrong if this process listened there now; undefined when nothing would. */
export async function listenTrouble({
  host,
  port,
  ipv6Only = false,
}: HostPort): Promise<ListenTrouble | undefined> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<ListenTrouble | undefined>();
  server.once("error", (error: NodeJS.ErrnoException) => resolve(troubleOf(error.code)));
  server.listen({ host, port, ipv6Only, exclusive: true }, () =>
    server.close(() => resolve(undefined)),
  );
  // A name that no server answers for is looked up for a long time.
  const limit = setTimeout(() => resolve("not-local"), lookupMsMost);
  try {
    return await promise;
  } finally {
    clearTimeout(limit);
  }
}

function troubleOf(code: string | undefined): ListenTrouble {
  if (code === "EADDRINUSE") return "taken";
  return code === "EACCES" || code === "EPERM" ? "forbidden" : "not-local";
}

/** Whether this process could listen there now. */
export async function isFree(at: HostPort): Promise<boolean> {
  return (await listenTrouble(at)) === undefined;
}

/** The first free port above `taken`; undefined when none of the next few is. */
export async function nearestFreePort(taken: HostPort): Promise<number | undefined> {
  for (let port = taken.port + 1; port <= portLast && port <= taken.port + freePortTries; port++) {
    if (await isFree({ ...taken, port })) return port;
  }
  return undefined;
}
