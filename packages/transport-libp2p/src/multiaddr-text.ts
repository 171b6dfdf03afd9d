/**
 * Which multiaddrs this transport deals in: `/ip4|ip6|dns…/…/tcp/PORT[/ws]/p2p/ID`. Everything else (relays, QUIC, addresses
 * without a peer id) is refused here, once, so that nothing behind it has to ask again.
 */
import { peerIdFromString } from "@libp2p/peer-id";
import { multiaddr } from "@multiformats/multiaddr";
import type { NodeId } from "@pulsemesh/core";

/** Longest multiaddr in text form, in characters. */
export const ADDRESS_LENGTH_MAX: number = 320;

const HOSTS = new Set(["ip4", "ip6", "dns", "dns4", "dns6"]);
const LISTEN_TAILS = new Set(["tcp", "tcp/ws", "tcp/p2p", "tcp/ws/p2p"]);

/** A multiaddr of a node, in canonical text form. */
export interface NodeAddress {
  readonly node: NodeId;
  /** Ends in `/p2p/<node>`. */
  readonly text: string;
  /** The binary form, about half as long. */
  readonly bytes: Uint8Array;
  /** It names this machine, so it means something only to those on it. */
  readonly loopback: boolean;
  readonly websocket: boolean;
}

/** Addresses read before: the same few hundred come with every hello, and parsing is the larger part of its cost. */
export const READ_CACHE_ENTRIES_MAX: number = 4_096;
const cache = new Map<string, NodeAddress | undefined>();

/** Reads a multiaddr given as text or bytes; undefined when it is not one that a node can be dialled at. */
export function readAddress(address: string | Uint8Array): NodeAddress | undefined {
  if (address.length > ADDRESS_LENGTH_MAX) return undefined;
  // Text begins with a slash, which no binary form of ours does: the two kinds of keys cannot meet.
  const key = typeof address === "string" ? address : Buffer.from(address).toString("latin1");
  const known = cache.get(key);
  if (known !== undefined || cache.has(key)) return known;
  const parsed = parseAddress(address);
  if (cache.size >= READ_CACHE_ENTRIES_MAX) cache.clear();
  cache.set(key, parsed);
  return parsed;
}

function parseAddress(address: string | Uint8Array): NodeAddress | undefined {
  try {
    const parsed = multiaddr(address);
    const parts = parsed.getComponents();
    const [host, port, third] = parts;
    const last = parts.at(-1);
    if (host === undefined || port === undefined || third === undefined || last === undefined)
      return undefined;
    const websocket = third.name === "ws";
    const shapely =
      HOSTS.has(host.name) && port.name === "tcp" && parts.length === (websocket ? 4 : 3);
    if (!shapely || last.name !== "p2p" || last.value === undefined || host.value === undefined)
      return undefined;
    if (port.value === undefined || Number(port.value) < 1) return undefined;
    if (host.value === "0.0.0.0" || host.value === "::") return undefined;
    if (peerIdFromString(last.value).type !== "Ed25519") return undefined;
    const text = parsed.toString();
    // Binary forms can hold host names and ids whose text reads differently or not at all.
    if (!Buffer.from(multiaddr(text).bytes).equals(parsed.bytes)) return undefined;
    return {
      node: last.value,
      text,
      bytes: parsed.bytes,
      loopback: isLoopbackHost(host.value),
      websocket,
    };
  } catch {
    // Whatever the library has to say of foreign bytes comes to this: not an address.
    return undefined;
  }
}

/** Reads an address to listen on or to announce, which needs no peer id; undefined when it is of no kind known here. */
export function readListenAddress(text: string): string | undefined {
  if (text.length > ADDRESS_LENGTH_MAX) return undefined;
  try {
    const parsed = multiaddr(text);
    const names = parsed.getComponents().map((part) => part.name);
    const [host, ...rest] = names;
    const shapely = host !== undefined && HOSTS.has(host) && LISTEN_TAILS.has(rest.join("/"));
    return shapely ? parsed.toString() : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a host name or IP address means this machine. */
export function isLoopbackHost(host: string): boolean {
  return host.startsWith("127.") || host === "::1" || host === "localhost";
}
