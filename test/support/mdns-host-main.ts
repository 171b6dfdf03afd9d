/**
 * One host on the local network of a namespace; prints what happens to it, one JSON line each. Its part, as an argument:
 * `member` and `foreigner` are transports of our and of another fleet that look for their like by multicast DNS; a `liar` is a libp2p
 * host that is announced as a member of our fleet several times a second, and speaks another fleet's hello.
 */
import { identify } from "@libp2p/identify";
import { noise } from "@libp2p/noise";
import { tcp } from "@libp2p/tcp";
import { yamux } from "@libp2p/yamux";
import { createLibp2pTransport } from "@pulsemesh/transport-libp2p";
import { createLibp2p } from "libp2p";
import { announceForEver } from "./mdns-announcement.ts";
import { OTHER_FLEET, OUR_FLEET, seedOf } from "./libp2p-harness.ts";

/** What a host is started with. */
export interface MdnsHostOrder {
  readonly part: "member" | "foreigner" | "liar";
  readonly name: string;
  readonly listen: string;
}

/** What a host prints. */
export type MdnsHostLine =
  | { readonly type: "started"; readonly node: string }
  | { readonly type: "up" | "down" | "connected"; readonly node: string }
  | { readonly type: "rejected"; readonly reason: string; readonly node: string | undefined }
  | { readonly type: "dials"; readonly begun: number }
  | { readonly type: "warned"; readonly message: string };

const ASK_EVERY_MS = 1_000;
const order = JSON.parse(process.argv[2] ?? "") as MdnsHostOrder;

if (order.part === "liar") await startLiar();
else await startTransport(order.part === "member" ? OUR_FLEET : OTHER_FLEET);

async function startTransport(fleet: string): Promise<void> {
  const transport = await createLibp2pTransport({
    privateKey: seedOf(order.name),
    fleet,
    listen: [order.listen],
    mdns: true,
    tuning: { askLocalEveryMs: ASK_EVERY_MS },
    logger: {
      debug: ignore,
      info: ignore,
      error: ignore,
      warn: (_fields, message) => print({ type: "warned", message }),
    },
  });
  await transport.start({
    admit: () => undefined,
    gossip: () => "accept",
    message: () => undefined,
    peerUp: ({ node }) => print({ type: "up", node }),
    peerDown: (node) => print({ type: "down", node }),
    rejected: (reason, node) => print({ type: "rejected", reason, node }),
  });
  print({ type: "started", node: transport.node });
  let begun = 0;
  setInterval(() => {
    if (transport.dialCounts.begun === begun) return;
    ({ begun } = transport.dialCounts);
    print({ type: "dials", begun });
  }, 100);
}

async function startLiar(): Promise<void> {
  const host = await createLibp2p({
    addresses: { listen: [order.listen] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
    services: { identify: identify() },
  });
  await host.handle(`/pulsemesh/${OTHER_FLEET}/hello/1`, (stream) => stream.pause());
  host.addEventListener("connection:open", ({ detail }) =>
    print({ type: "connected", node: detail.remotePeer.toString() }),
  );
  await announceForEver(OUR_FLEET, `${order.listen}/p2p/${host.peerId.toString()}`);
  print({ type: "started", node: host.peerId.toString() });
}

function ignore(): void {
  // Only warnings are looked at.
}

function print(line: MdnsHostLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
