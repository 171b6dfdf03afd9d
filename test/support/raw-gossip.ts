/** A member's gossip stream without a router behind it: whole frames go out as they are, and nothing is read of what comes in. */
import { noise } from "@libp2p/noise";
import { identify } from "@libp2p/identify";
import type { Stream } from "@libp2p/interface";
import { tcp } from "@libp2p/tcp";
import { yamux } from "@libp2p/yamux";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";
import { readPrivateKey } from "../../packages/transport-libp2p/src/private-key.ts";
import { helloFrame } from "./stranger.ts";

const GOSSIP = "/meshsub/1.2.0";

/** Says hello to the node at `address` with this key and grant, and opens gossip. The host lives as long as the process. */
export async function openGossip(as: {
  readonly address: string;
  readonly fleet: string;
  readonly grant: string;
  readonly privateKey: Uint8Array;
}): Promise<Stream> {
  const host = await createLibp2p({
    privateKey: await readPrivateKey(as.privateKey),
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
    services: { identify: identify() },
  });
  const hello = `/pulsemesh/${as.fleet}/hello/1`;
  const bytes = helloFrame({ grant: as.grant });
  // Pulses and the like come in here; unread, they would end the stream.
  await host.handle(GOSSIP, (stream) => stream.addEventListener("message", () => undefined));
  await host.handle(hello, (stream) => void stream.send(bytes));
  const connection = await host.dial(multiaddr(as.address));
  const greeting = await connection.newStream(hello);
  const answered = new Promise((resolve) =>
    greeting.addEventListener("message", resolve, { once: true }),
  );
  greeting.send(bytes);
  await answered;
  return await connection.newStream(GOSSIP);
}
