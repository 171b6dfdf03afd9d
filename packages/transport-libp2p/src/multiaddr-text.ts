/**
 * Which multiaddrs this transport deals in: `/ip4|ip6|dns…/…/tcp/PORT[/ws]/p2p/ID`, and `/dnsaddr/NAME/p2p/ID`, which stands for those that
 * a text record names. Everything else (relays, QUIC, addresses without a peer id) is refused here, once, so that nothing behind it has
 * to ask again.
 */
import { BlockList, isIPv4, isIPv6 } from "node:net";
import { peerIdFromString } from "@libp2p/peer-id";
import { multiaddr } from "@multiformats/multiaddr";
import type { NodeId } from "@pulsemesh/core";

/** Longest multiaddr in text form, in characters. */
export const ADDRESS_LENGTH_MAX: number = 320;

export type Reach = "loopback" | "link" | "private" | "public";
const REACHES: readonly Reach[] = ["loopback", "link", "private", "public"];

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8);
LOOPBACK.addSubnet("0.0.0.0", 8);
LOOPBACK.addAddress("::1", "ipv6");
LOOPBACK.addAddress("::", "ipv6");
/** What means something on one link alone; and where providers of machines answer each with its own secrets, which is no node's address. */
const LINK = new BlockList();
LINK.addSubnet("169.254.0.0", 16);
LINK.addSubnet("fe80::", 10, "ipv6");
for (const metadata of ["100.100.100.200", "168.63.129.16", "192.0.0.192"])
  LINK.addAddress(metadata);
LINK.addAddress("fd00:ec2::254", "ipv6");
/** Networks of an organisation or a provider's inside. */
const PRIVATE = new BlockList();
PRIVATE.addSubnet("10.0.0.0", 8);
PRIVATE.addSubnet("100.64.0.0", 10);
PRIVATE.addSubnet("172.16.0.0", 12);
PRIVATE.addSubnet("192.168.0.0", 16);
PRIVATE.addSubnet("fc00::", 7, "ipv6");

const HOSTS = new Set<string>(["ip4", "ip6", "dns", "dns4", "dns6"]);
const LISTEN_TAILS = new Set(["tcp", "tcp/ws", "tcp/p2p", "tcp/ws/p2p"]);

/** What stands in front of the port: an IP address, a name, or a name whose text records hold whole addresses. */
type HostKind = "ip4" | "ip6" | "dns" | "dns4" | "dns6" | "dnsaddr";

/** A multiaddr of a node, in canonical text form. */
export interface NodeAddress {
  readonly node: NodeId;
  /** Ends in `/p2p/<node>`. */
  readonly text: string;
  /** The binary form, about half as long. */
  readonly bytes: Uint8Array;
  /** From how far it means something: from this machine, from its link, from a private network, or from anywhere. */
  readonly reach: Reach;
  readonly websocket: boolean;
  readonly hostKind: HostKind;
  readonly host: string;
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
    const [host, port] = parts;
    const last = parts.at(-1);
    const shape = parts.map(({ name }) => name).join("/");
    if (host?.value === undefined || last?.value === undefined || !isDialable(shape))
      return undefined;
    const isRecord = host.name === "dnsaddr";
    if (!isRecord && !(Number(port?.value) >= 1)) return undefined;
    if (host.value === "0.0.0.0" || host.value === "::") return undefined;
    if (peerIdFromString(last.value).type !== "Ed25519") return undefined;
    const text = parsed.toString();
    // Binary forms can hold host names and ids whose text reads differently or not at all.
    if (!Buffer.from(multiaddr(text).bytes).equals(parsed.bytes)) return undefined;
    return {
      node: last.value,
      text,
      bytes: parsed.bytes,
      reach: reachOf(host.value),
      websocket: parts[2]?.name === "ws",
      hostKind: host.name as HostKind,
      host: host.value,
    };
  } catch {
    // Whatever the library has to say of foreign bytes comes to this: not an address.
    return undefined;
  }
}

/** Whether the parts of an address are those of one that a node can be dialled at. */
function isDialable(shape: string): boolean {
  if (shape === "dnsaddr/p2p") return true;
  const [host = "", ...rest] = shape.split("/");
  return HOSTS.has(host) && ["tcp/p2p", "tcp/ws/p2p"].includes(rest.join("/"));
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

/** From how far a host name or IP address means the same machine. */
export function reachOf(host: string): Reach {
  if (host === "localhost" || host.endsWith(".localhost")) return "loopback";
  const family = isIPv6(host) ? "ipv6" : "ipv4";
  if (family === "ipv4" && !isIPv4(host)) return "public";
  if (LOOPBACK.check(host, family)) return "loopback";
  if (LINK.check(host, family)) return "link";
  return PRIVATE.check(host, family) ? "private" : "public";
}

/**
 * Whether an address can mean something to somebody at `remote` (a host of a connection): nobody elsewhere knows what leads where on
 * this machine or behind this router, so who names such addresses all the same may only want to have them knocked at.
 */
export function isBelievable(address: NodeAddress, remote: string): boolean {
  return REACHES.indexOf(address.reach) >= REACHES.indexOf(reachOf(remote));
}
