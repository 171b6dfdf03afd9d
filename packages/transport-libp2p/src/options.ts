/** What the owner of a transport decides, and the one place where defaults are applied. */
import type { EnrolmentDesk } from "./enrolment-desk.ts";
import { PulsemeshError } from "@pulsemesh/core";
import type { FleetId, NodeId } from "@pulsemesh/core";
import type { AddressStore } from "./address-store.ts";
import { fileAddressStore } from "./address-store.ts";
import { readAddress, readListenAddress } from "./multiaddr-text.ts";
import { systemNames } from "./name-lookup.ts";
import type { NameService } from "./name-lookup.ts";
import { isFleetId } from "./protocol-ids.ts";

/** The subset of pino that the transport uses. */
export interface TransportLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface Libp2pTransportOptions {
  /** The node key: an Ed25519 seed (32 bytes), seed and public key (64 bytes), or libp2p's protobuf form. */
  readonly privateKey: Uint8Array;
  /** The fleet to be in; undefined adopts that of the first member of `join` that answers, however long that takes. */
  readonly fleet?: FleetId | undefined;
  /** Multiaddrs to listen on. @default ["/ip4/127.0.0.1/tcp/0"] */
  readonly listen?: readonly string[] | undefined;
  /** Multiaddrs to tell others instead of those listened on (NAT, containers). @default what is listened on */
  readonly announce?: readonly string[] | undefined;
  /** Members to dial from the start, and for ever: multiaddrs ending in `/p2p/<id>`. @default [] */
  readonly join?: readonly string[] | undefined;
  /** Of a private network, as go-libp2p's `swarm.key`: who does not have it cannot connect. @default everybody can */
  readonly networkKey?: Uint8Array | undefined;
  /** Where strangers may ask to be members; it decides itself when it is open. @default nobody is answered */
  readonly desk?: EnrolmentDesk | undefined;
  /** Find members of the fleet on the local network. @default false */
  readonly mdns?: boolean | undefined;
  /** Said in hello, for people; cut after 128 bytes. @default "pulsemesh" */
  readonly agent?: string | undefined;
  /** Where addresses survive restarts: a JSON file, or callbacks. @default not kept */
  readonly addresses?: string | AddressStore | undefined;
  /** Largest fleet to be ready for, 2 … 10,000; sets the connection limits (this and 50 more). @default 1,000 */
  readonly fleetSizeMax?: number | undefined;
  /** Who answers for host names. @default the hosts file and name servers of this machine */
  readonly names?: NameService | undefined;
  /** @default none */
  readonly logger?: TransportLogger | undefined;
  /** Gives up the search for the fleet of `join`. Has no effect once the transport exists. */
  readonly signal?: AbortSignal | undefined;
  /** Overrides for tests and experiments; see {@link TransportTuning}. */
  readonly tuning?: Partial<TransportTuning> | undefined;
}

/** Time limits and switches with measured defaults, in milliseconds. */
export interface TransportTuning {
  /** From the opening of an inbound hello stream to the end of its hello. @default 5,000 */
  readonly helloTimeoutMs: number;
  /** From an own hello to its answer: whoever dialled can wait, and starting anew would only add to the peer's load. @default 20,000 */
  readonly helloAnswerMs: number;
  /** From an inbound connection to the end of its hello, with the grant in it (rule ME3). @default 5,000 */
  readonly helloGraceMs: number;
  /** From an inbound connection on a WebSocket address to the end of the WebSocket handshake. @default 20,000 */
  readonly websocketOpenMs: number;
  /** From the first byte of a frame to its last. @default 30,000 */
  readonly frameTimeoutMs: number;
  /** How long a peer may take to make room for the next frame. @default 30,000 */
  readonly drainTimeoutMs: number;
  /** Between two measurements of a round trip. @default 4,000 */
  readonly pingEveryMs: number;
  /**
   * Without an answer for this long a second connection is tried; if it comes about first, both are closed. After a cut of
   * some seconds TCP may try again only as much later, and heals by itself.
   * @default 13,000
   */
  readonly probeAfterMs: number;
  /** Without an answer for this long a connection is closed, to be dialled anew; no evidence of anything (VE0). @default 60,000 */
  readonly silentConnectionMs: number;
  /** Between two questions who is on the local network, with `mdns`. @default 10,000 */
  readonly askLocalEveryMs: number;
  /** Send own gossip to every subscriber rather than to the mesh. @default true */
  readonly floodPublish: boolean;
}

export interface ResolvedOptions {
  readonly listen: readonly string[];
  readonly announce: readonly string[];
  readonly join: readonly string[];
  readonly mdns: boolean;
  readonly agent: string;
  readonly addresses: AddressStore | undefined;
  readonly fleetSizeMax: number;
  readonly names: NameService;
  readonly logger: TransportLogger;
  readonly hasNetworkKey: boolean;
  readonly tuning: TransportTuning;
}

const DEFAULT_TUNING: TransportTuning = {
  helloTimeoutMs: 5_000,
  helloAnswerMs: 20_000,
  helloGraceMs: 5_000,
  websocketOpenMs: 20_000,
  frameTimeoutMs: 30_000,
  drainTimeoutMs: 30_000,
  pingEveryMs: 4_000,
  probeAfterMs: 13_000,
  silentConnectionMs: 60_000,
  askLocalEveryMs: 10_000,
  floodPublish: true,
};

const FLEET_SIZE_DEFAULT = 1_000;
/** Largest `fleetSizeMax`. */
export const FLEET_SIZE_MAX: number = 10_000;

const SILENT: TransportLogger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/**
 * Applies defaults and checks what can be checked without a socket.
 * @throws PulsemeshError `address-invalid`, `option-invalid`
 */
export function resolveOptions(options: Libp2pTransportOptions): ResolvedOptions {
  const fleetSizeMax = options.fleetSizeMax ?? FLEET_SIZE_DEFAULT;
  if (!Number.isInteger(fleetSizeMax) || fleetSizeMax < 2 || fleetSizeMax > FLEET_SIZE_MAX) {
    const rule = `Cannot open the transport as 'fleetSizeMax' must be a whole number from 2 to ${FLEET_SIZE_MAX}: it is ${fleetSizeMax}.`;
    throw new PulsemeshError("option-invalid", rule);
  }
  if (options.fleet !== undefined && !isFleetId(options.fleet)) {
    throw new PulsemeshError(
      "option-invalid",
      `Cannot join as 'fleet' must be 52 characters of base32: it is '${options.fleet}'.`,
    );
  }
  return {
    listen: checkListenAddresses(options.listen ?? ["/ip4/127.0.0.1/tcp/0"]),
    announce: checkListenAddresses(options.announce ?? []),
    join: checkJoinAddresses(options.join ?? []),
    mdns: options.mdns ?? false,
    agent: options.agent ?? "pulsemesh",
    addresses:
      typeof options.addresses === "string"
        ? fileAddressStore(options.addresses)
        : options.addresses,
    fleetSizeMax,
    names: options.names ?? systemNames(),
    logger: options.logger ?? SILENT,
    hasNetworkKey: options.networkKey !== undefined,
    tuning: { ...DEFAULT_TUNING, ...options.tuning },
  };
}

/** @throws PulsemeshError `address-invalid` that names the first bad one */
export function checkJoinAddresses(addresses: readonly string[]): readonly string[] {
  return addresses.map((text) => {
    const address = readAddress(text);
    if (address !== undefined) return address.text;
    const rule =
      "it must look like /ip4/192.0.2.7/tcp/7421/p2p/12D3KooW… (host ip4, ip6 or dns; ends in the peer id)";
    throw new PulsemeshError("address-invalid", `Cannot join by '${text}': ${rule}.`);
  });
}

function checkListenAddresses(addresses: readonly string[]): readonly string[] {
  return addresses.map((text) => {
    const address = readListenAddress(text);
    if (address !== undefined) return address;
    const rule = "it must look like /ip4/0.0.0.0/tcp/7421 (host ip4, ip6 or dns; /ws may follow)";
    throw new PulsemeshError("address-invalid", `Cannot listen on or announce '${text}': ${rule}.`);
  });
}

/**
 * Sees that others can make something of what `self` announces: a host, a port, and no id but its own. Anything else would be left out of
 * what they are told, without a word.
 * @throws PulsemeshError `address-invalid` that names the first bad one
 */
export function checkAnnounced(addresses: readonly string[], self: NodeId): void {
  for (const text of addresses) {
    const whole = /\/p2p\/[^/]+$/.test(text) ? text : `${text}/p2p/${self}`;
    if (readAddress(whole)?.node === self) continue;
    const rule =
      "nobody could dial it: it takes a host that others reach, a port other than 0, and no id or this node's";
    throw new PulsemeshError("address-invalid", `Cannot announce '${text}': ${rule}.`);
  }
}

function ignore(): void {
  // Nobody asked for logs.
}
