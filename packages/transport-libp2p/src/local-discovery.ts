/**
 * Members on the local network, by multicast DNS: every node asks there now and then, and answers with its addresses.
 *
 * The fleet id is part of the service name (a DNS label, at most 63 characters), so fleets on one network do not meet. Whoever answers
 * proves nothing by it: what he says is hearsay until a hello. The library's own event for found peers comes once for each peer and
 * for all times, so that a member which moved would never be found again; this listens to the answers themselves.
 */
import { createSocket } from "node:dgram";
import type { PeerInfo } from "@libp2p/interface";
import { mdns } from "@libp2p/mdns";
import type { FleetId } from "@pulsemesh/core";
import { readAddress } from "./multiaddr-text.ts";

type DiscoveryFactory = ReturnType<typeof mdns>;

const MULTICAST_ADDRESS = "224.0.0.251";
const MULTICAST_PORT = 5_353;

/**
 * Whether this machine has a way for multicast: a default route, or one for 224.0.0.0/4. Without it the questions go nowhere, and nobody
 * is told. Sends nothing.
 */
export function hasMulticastRoute(): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = createSocket("udp4");
  const settle = (hasRoute: boolean): void => {
    resolve(hasRoute);
    socket.close();
  };
  // Without a callback, which would be handed the error instead.
  socket.once("error", () => settle(false));
  socket.once("connect", () => settle(true));
  socket.connect(MULTICAST_PORT, MULTICAST_ADDRESS);
  return promise;
}

export interface LocalDiscoveryOptions {
  readonly fleet: FleetId;
  /** Between two questions of this node, in milliseconds. */
  readonly askEveryMs: number;
}

/** To be given to a host as `peerDiscovery`; `found` is told every address of every answer. */
export function localDiscovery(
  found: (address: string) => void,
  { fleet, askEveryMs }: LocalDiscoveryOptions,
): DiscoveryFactory {
  const create = mdns({ serviceTag: `_pm-${fleet}._udp.local`, interval: askEveryMs });
  return (components) => {
    const discovery = create(components);
    discovery.addEventListener("peer", (event: CustomEvent<PeerInfo>) => {
      // The host, which listens behind this, would keep every key that anybody makes up, for as long as it runs.
      event.stopImmediatePropagation();
      for (const address of addressesIn(event.detail)) found(address);
    });
    return discovery;
  };
}

/** What can be dialled of an answer: a loopback address means another machine there than here. */
function addressesIn({ id, multiaddrs }: PeerInfo): readonly string[] {
  return multiaddrs
    .map((address) => readAddress(`${address.toString()}/p2p/${id.toString()}`))
    .filter((address) => address !== undefined && address.reach !== "loopback")
    .map((address) => address?.text ?? "");
}
