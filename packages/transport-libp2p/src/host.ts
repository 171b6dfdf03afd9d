/**
 * The libp2p host under a transport: TCP (and WebSocket where an address asks for it), Noise, Yamux, identify and ping.
 * The library's defaults are made for the open internet: five connections a second and ten handshakes at once per address,
 * and a connection that answers a ping late is cut. A fleet on one machine needs the opposite, and silence is judged elsewhere (VE0).
 */
import type { GossipSub } from "@libp2p/gossipsub";
import { identify } from "@libp2p/identify";
import type { Identify } from "@libp2p/identify";
import type { Connection, Ed25519PrivateKey, Libp2p } from "@libp2p/interface";
import { noise } from "@libp2p/noise";
import { ping } from "@libp2p/ping";
import type { Ping } from "@libp2p/ping";
import { tcp } from "@libp2p/tcp";
import { yamux } from "@libp2p/yamux";
import { createLibp2p } from "libp2p";
import type { Libp2pOptions } from "libp2p";
import { PulsemeshError } from "@pulsemesh/core";
import type { FleetId, NodeId } from "@pulsemesh/core";
import { forgetGonePeers } from "./gone-peers.ts";
import { gossipService } from "./gossip.ts";
import type { GossipGate } from "./gossip-gate.ts";
import { patientTimer } from "./patient-timer.ts";
import { protector } from "./private-network.ts";
import { PendingCallers } from "./pending-callers.ts";
import { guardPending } from "./pending-guard.ts";
import { tellingEncrypter, tellingProtector } from "./handshake-progress.ts";
import { hostLogger } from "./silent-logger.ts";
import { sparingWindows } from "./sparing-windows.ts";

/** Connections beyond the fleet's size: discovery, strangers being refused, doubles for a moment. */
const SPARE_CONNECTIONS = 50;

/**
 * The oldest inbound connection of a node that is no member, when there are too many of them: half of all connections, so that made-up keys leave
 * room for the fleet.
 */
export function strangerTooMany(
  host: Pick<Host, "getConnections">,
  isTrusted: (node: NodeId) => boolean,
  fleetSizeMax: number,
): Connection | undefined {
  const strangers = host
    .getConnections()
    .filter(
      ({ direction, remotePeer }) => direction === "inbound" && !isTrusted(remotePeer.toString()),
    );
  if (strangers.length <= Math.floor((fleetSizeMax + SPARE_CONNECTIONS) / 2)) return undefined;
  return strangers.toSorted((a, b) => a.timeline.open - b.timeline.open)[0];
}

/** How long encryption and multiplexing of a connection may take once it stands. */
export const HANDSHAKE_TIMEOUT_MS: number = 20_000;

interface LocalSearch {
  readonly askEveryMs: number;
  /** Told of each address that a member of the fleet says on the local network, again and again. */
  readonly found: (address: string) => void;
}

export interface HostSpec {
  readonly privateKey: Ed25519PrivateKey;
  readonly fleet: FleetId;
  readonly listen: readonly string[];
  readonly announce: readonly string[];
  /** How long a caller may take to become a WebSocket, in milliseconds; undefined: no WebSockets. */
  readonly websocketOpenMs: number | undefined;
  /** Undefined: nobody is looked for on the local network. */
  readonly local: LocalSearch | undefined;
  readonly fleetSizeMax: number;
  readonly floodPublish: boolean;
  readonly agent: string;
  /** Of the private network; undefined: everybody may connect. */
  readonly networkKey: Uint8Array | undefined;
  readonly gate: GossipGate;
  /** Whether a caller that has proved to be `node` is hung up on at once. */
  readonly denies: (node: NodeId) => boolean;
}

type HostServices = {
  readonly identify: Identify;
  readonly ping: Ping;
  readonly pubsub: GossipSub;
};
export type Host = Libp2p<HostServices>;

/** A host that is not started yet. */
export async function createHost(spec: HostSpec): Promise<Host> {
  const host = await createLibp2p<HostServices>({
    ...(await baseOptions(spec)),
    connectionGater: { denyInboundEncryptedConnection: (peer) => spec.denies(peer.toString()) },
    peerDiscovery: spec.local === undefined ? [] : [await discovery(spec.fleet, spec.local)],
    services: {
      identify: identify(),
      ping: ping(),
      pubsub: gossipService(spec.fleet, spec.floodPublish, spec.gate),
    },
  });
  forgetGonePeers(host);
  return host;
}

/** A host that only dials and identifies, for finding out which fleet a member is of. */
export async function createProbeHost(
  privateKey: Ed25519PrivateKey,
  websockets: boolean,
  networkKey: Uint8Array | undefined,
): Promise<Libp2p<{ readonly identify: Identify }>> {
  const spec = {
    privateKey,
    listen: [],
    announce: [],
    websocketOpenMs: websockets ? HANDSHAKE_TIMEOUT_MS : undefined,
    fleetSizeMax: 2,
    agent: "pulsemesh",
    networkKey,
  };
  return createLibp2p<{ readonly identify: Identify }>({
    ...(await baseOptions(spec)),
    services: { identify: identify({ runOnConnectionOpen: false }) },
  });
}

/**
 * Starts listening.
 * @throws PulsemeshError `address-in-use`, `address-invalid`
 */
export async function startHost(host: Host, listen: readonly string[]): Promise<void> {
  try {
    await host.start();
  } catch (cause) {
    await host.stop();
    const text = cause instanceof Error ? cause.message : "";
    const [code, what] = text.includes("EADDRINUSE")
      ? (["address-in-use", "is taken by another process"] as const)
      : (["address-invalid", "is not an address of this machine that can be listened on"] as const);
    throw new PulsemeshError(code, `Cannot listen on ${listen.join(", ")}: it ${what}.`, { cause });
  }
}

type BaseSpec = Omit<HostSpec, "fleet" | "local" | "floodPublish" | "gate" | "denies">;

async function baseOptions(spec: BaseSpec): Promise<Libp2pOptions> {
  const callers = new PendingCallers(patientTimer);
  const transports =
    spec.websocketOpenMs === undefined
      ? [tcp()]
      : [tcp(), await webSockets(spec.fleetSizeMax, spec.websocketOpenMs)];
  return {
    start: false,
    ...hostLogger(process.env["DEBUG"]),
    privateKey: spec.privateKey,
    nodeInfo: { userAgent: spec.agent },
    addresses: { listen: [...spec.listen], announce: [...spec.announce] },
    transports: transports.map((transport) => guardPending(transport, callers)),
    connectionProtector: tellingProtector(protector(spec.networkKey)),
    connectionEncrypters: [tellingEncrypter(noise())],
    streamMuxers: [sparingWindows(yamux({ enableKeepAlive: false }))],
    connectionManager: {
      maxConnections: spec.fleetSizeMax + SPARE_CONNECTIONS,
      // Beyond these two the library turns the newest away, whoever it is.
      inboundConnectionThreshold: Number.MAX_SAFE_INTEGER,
      maxIncomingPendingConnections: Infinity,
      // The transport sets its own limits to dials; these stand behind them.
      dialTimeout: 2 * HANDSHAKE_TIMEOUT_MS,
      addressDialTimeout: 2 * HANDSHAKE_TIMEOUT_MS,
      inboundUpgradeTimeout: HANDSHAKE_TIMEOUT_MS,
      reconnectRetries: 0,
    },
    // Pings are the transport's own: they measure, and only a very long silence makes it dial anew.
    connectionMonitor: { enabled: false },
  };
}

async function webSockets(
  fleetSizeMax: number,
  openTimeoutMs: number,
): Promise<NonNullable<Libp2pOptions["transports"]>[number]> {
  const { boundedWebSockets } = await import("./websocket-guard.ts");
  return boundedWebSockets({
    connectionsMax: fleetSizeMax + SPARE_CONNECTIONS,
    openTimeoutMs,
  });
}

async function discovery(
  fleet: FleetId,
  { askEveryMs, found }: LocalSearch,
): Promise<NonNullable<Libp2pOptions["peerDiscovery"]>[number]> {
  const { localDiscovery } = await import("./local-discovery.ts");
  return localDiscovery(found, { fleet, askEveryMs });
}

/** Where this host can be dialled, each ending in its id. */
export function ownAddresses(host: Host): readonly string[] {
  const suffix = `/p2p/${host.peerId.toString()}`;
  const texts = host.getMultiaddrs().map((address) => address.toString());
  return texts.map((text) => (text.endsWith(suffix) ? text : text + suffix));
}
