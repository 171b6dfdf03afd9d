/**
 * Members on the local network, by multicast DNS: every node asks there now and then, and answers with its addresses.
 *
 * The fleet id is part of the service name (a DNS label, at most 63 characters), so fleets on one network do not meet. Whoever answers
 * proves nothing by it: what he says is hearsay until a hello. The library's own event for found peers comes once for each peer and
 * for all times, so that a member which moved would never be found again; this listens to the answers themselves.
 */
import type { PeerInfo } from "@libp2p/interface";
import { mdns } from "@libp2p/mdns";
import type { FleetId } from "@pulsemesh/core";
import { readAddress } from "./multiaddr-text.ts";

/** Between two questions of one node. */
const ASK_EVERY_MS = 10_000;

type DiscoveryFactory = ReturnType<typeof mdns>;

/** To be given to a host as `peerDiscovery`; `found` is told every address of every answer. */
export function localDiscovery(fleet: FleetId, found: (address: string) => void): DiscoveryFactory {
  const create = mdns({ serviceTag: `_pm-${fleet}._udp.local`, interval: ASK_EVERY_MS });
  return (components) => {
    const discovery = create(components);
    discovery.addEventListener("peer", (event: CustomEvent<PeerInfo>) => {
      for (const address of addressesIn(event.detail)) found(address);
    });
    return discovery;
  };
}

/** What can be dialled of an answer: a loopback address means another machine there than here. */
function addressesIn({ id, multiaddrs }: PeerInfo): readonly string[] {
  return multiaddrs
    .map((address) => readAddress(`${address.toString()}/p2p/${id.toString()}`))
    .filter((address) => address?.loopback === false)
    .map((address) => address?.text ?? "");
}
