/** Puts a transport together from its options. */
import { peerIdFromPrivateKey } from "@libp2p/peer-id";
import { PulsemeshError } from "@pulsemesh/core";
import { discoverFleet } from "./fleet-discovery.ts";
import { GossipGate } from "./gossip-gate.ts";
import { createHost } from "./host.ts";
import { Libp2pTransport } from "./libp2p-transport.ts";
import { checkAnnounced, resolveOptions } from "./options.ts";
import type { Libp2pTransportOptions } from "./options.ts";
import { readNetworkKey } from "./private-network.ts";
import { readPrivateKey } from "./private-key.ts";

/**
 * Creates a transport that is not started. Without a `fleet` it first asks the members of `join` for theirs, for as long as it
 * takes one to answer or until `signal` aborts.
 *
 * @example
 * const transport = await createLibp2pTransport({ privateKey: seed, join: ["/ip4/192.0.2.7/tcp/7421/p2p/12D3KooW…"] });
 * await transport.start(handler);
 * transport.publish("state", bytes);
 *
 * @throws PulsemeshError `option-invalid`, `address-invalid`, `join-failed`; `start` throws `address-in-use`
 */
export async function createLibp2pTransport(
  options: Libp2pTransportOptions,
): Promise<Libp2pTransport> {
  const resolved = resolveOptions(options);
  const privateKey = await readPrivateKey(options.privateKey);
  checkAnnounced(resolved.announce, peerIdFromPrivateKey(privateKey).toString());
  if (options.fleet === undefined && resolved.join.length === 0) {
    throw new PulsemeshError(
      "option-invalid",
      "Cannot open the transport as it needs a 'fleet', or a 'join' address to take it from.",
    );
  }
  const fleet = options.fleet ?? (await discoverFleet(resolved.join, options.privateKey, options));
  const named = [...resolved.listen, ...resolved.announce, ...resolved.join];
  // Nothing is found before the host has started, which the transport does.
  const found = (address: string): void => transport.foundOnLocalNetwork(address);
  const gate = new GossipGate();
  const host = await createHost({
    privateKey,
    fleet,
    listen: resolved.listen,
    announce: resolved.announce,
    websocketOpenMs: named.some((text) => /\/ws\b|^\/dnsaddr\//.test(text))
      ? resolved.tuning.websocketOpenMs
      : undefined,
    local: resolved.mdns ? { askEveryMs: resolved.tuning.askLocalEveryMs, found } : undefined,
    fleetSizeMax: resolved.fleetSizeMax,
    floodPublish: resolved.tuning.floodPublish,
    agent: resolved.agent,
    networkKey: options.networkKey && readNetworkKey(options.networkKey),
    gate,
    denies: (node) => transport.denies(node),
  });
  const transport = new Libp2pTransport({ host, gate }, fleet, resolved);
  options.desk?.attach(host, fleet);
  return transport;
}
