import type { PeerInfo } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { peerIdFromString } from "@libp2p/peer-id";
import { expect, test } from "vitest";
import { localDiscovery } from "./local-discovery.ts";
import { hostLogger } from "./silent-logger.ts";

const ID = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA";

test("AD5 P6 what is heard on the local network goes to the address book alone: the library would keep each made-up key for ever", () => {
  const found: string[] = [];
  const kept: unknown[] = [];
  const create = localDiscovery((address) => found.push(address), {
    fleet: "f".repeat(52),
    askEveryMs: 10_000,
  });
  const discovery = create(hostLogger(undefined) as unknown as Parameters<typeof create>[0]);
  // As the host does it, after the discovery was made.
  discovery.addEventListener("peer", (event) => kept.push(event));
  const detail: PeerInfo = {
    id: peerIdFromString(ID),
    multiaddrs: ["/ip4/10.0.0.7/tcp/7421", "/ip4/127.0.0.1/tcp/22"].map((text) => multiaddr(text)),
  };
  discovery.dispatchEvent(new CustomEvent("peer", { detail }));
  expect(found).toEqual([`/ip4/10.0.0.7/tcp/7421/p2p/${ID}`]);
  expect(kept).toEqual([]);
});
