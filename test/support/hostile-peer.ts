/**
 * Members that break the rules over real libp2p: a bare transport that says what a test wants (`infiltrate`), and a whole core that
 * minds no statement and so does what its grant does not allow (`runLawless`).
 */
import {
  coreConfig,
  createCore,
  localConfig,
  type Core,
  type CoreConfig,
  type NodeId,
  type Topic,
  type Transport,
  type TransportHandler,
} from "@pulsemesh/core";
import { SimulatedDisk, SimulatedStore } from "@pulsemesh/testkit";
import { createLibp2pTransport, type Libp2pTransport } from "@pulsemesh/transport-libp2p";
import { createSystemClock } from "../../packages/node/src/driver/clock.ts";
import { Driver } from "../../packages/node/src/driver/driver.ts";
import { createPortsFactory } from "../../packages/node/src/ports/create-ports.ts";
import type { HostileFleet, Member } from "./hostile-fleet.ts";
import { until } from "./until.ts";

export interface Heard {
  readonly topic: Topic;
  readonly from: NodeId;
  readonly bytes: Uint8Array;
}

export interface HostilePeer {
  readonly transport: Libp2pTransport;
  /** Gossip, as it came. */
  readonly heard: readonly Heard[];
  /** Frames on streams, as they came. */
  readonly messages: readonly { readonly from: NodeId; readonly bytes: Uint8Array }[];
  /** Whom it is connected with, by their leave. */
  readonly ups: ReadonlySet<NodeId>;
}

const ignore = (): void => undefined;

/** A transport with the key of a member that presents `grant`, and nothing of a node behind it. It may not be let in. */
export async function infiltrate(
  fleet: HostileFleet,
  member: Member,
  grant: string | undefined,
): Promise<HostilePeer> {
  const transport = await transportOf(fleet, member);
  transport.present(grant);
  fleet.atEnd(() => transport.stop());
  const heard: Heard[] = [];
  const messages: { readonly from: NodeId; readonly bytes: Uint8Array }[] = [];
  const ups = new Set<NodeId>();
  await transport.start({
    admit: () => undefined,
    gossip: (topic, from, bytes) => {
      heard.push({ topic, from, bytes });
      return "ignore";
    },
    message: (from, _channel, bytes) => void messages.push({ from, bytes }),
    peerUp: ({ node }) => void ups.add(node),
    peerDown: (node) => void ups.delete(node),
    rejected: ignore,
  });
  return { transport, heard, messages, ups };
}

/** The same, once it is let in by every honest node and hears of all of them. */
export async function infiltrateAll(
  fleet: HostileFleet,
  member: Member,
  grant: string = member.grant,
): Promise<HostilePeer> {
  const peer = await infiltrate(fleet, member, grant);
  await until("it is among them", () =>
    fleet.honest.every(
      ({ id }) =>
        peer.ups.has(id) && peer.heard.some(({ topic, from }) => topic === "pulse" && from === id),
    ),
  );
  return peer;
}

export interface Lawless {
  readonly driver: Driver;
  readonly core: () => Core;
  readonly transport: Libp2pTransport;
  readonly heard: readonly Heard[];
  /** Gossip, as it went out; also what nobody listens to any more. */
  readonly said: readonly Pick<Heard, "topic" | "bytes">[];
}

/** A core that can read no statement: to it everybody is a member, itself first of all, and nothing is forbidden. */
export async function runLawless(
  fleet: HostileFleet,
  member: Member,
  options: {
    readonly config?: Partial<CoreConfig> | undefined;
    /** Other members like it, whom no honest node would tell it of. */
    readonly allies?: readonly Lawless[] | undefined;
  } = {},
): Promise<Lawless> {
  const allies = (options.allies ?? []).flatMap((ally) => ally.transport.addresses());
  const transport = await transportOf(fleet, member, allies);
  transport.present(member.grant);
  const heard: Heard[] = [];
  const said: Pick<Heard, "topic" | "bytes">[] = [];
  const createPorts = createPortsFactory(member.seed);
  const store = new SimulatedStore(new SimulatedDisk({ random: Math.random }));
  await store.open();
  const driver = new Driver({
    store,
    transport: unruly(transport, { heard, said }),
    clock: createSystemClock(),
    createCore: () =>
      createCore(
        { ...createPorts(), tokens: { read: () => undefined, signerOf: () => undefined } },
        member.env.identity,
        coreConfig({ ...localConfig, ...options.config }),
      ),
    lagMs: () => 0,
    logger: { debug: ignore, info: ignore, warn: ignore, error: ignore },
  });
  await driver.start();
  fleet.atEnd(() => driver.stop("pause", 1_000));
  await driver.started;
  await until("it is among them", () => transport.peers().length >= fleet.honest.length);
  return { driver, core: () => driver.view, transport, heard, said };
}

function transportOf(
  fleet: HostileFleet,
  { seed }: Member,
  allies: readonly string[] = [],
): Promise<Libp2pTransport> {
  const join = [...fleet.honest.flatMap((node) => node.addresses()), ...allies];
  return createLibp2pTransport({ privateKey: seed, fleet: fleet.issuer.fleet, join });
}

/** Presents its grant whatever its core says, which knows of none, and hangs up on nobody. */
function unruly(
  transport: Libp2pTransport,
  { heard, said }: { readonly heard: Heard[]; readonly said: Pick<Heard, "topic" | "bytes">[] },
): Transport {
  return {
    node: transport.node,
    fleet: transport.fleet,
    start: (handler: TransportHandler) =>
      transport.start({
        ...handler,
        gossip: (topic, from, bytes) => {
          heard.push({ topic, from, bytes });
          return handler.gossip(topic, from, bytes);
        },
      }),
    publish: (topic, bytes) => {
      said.push({ topic, bytes });
      transport.publish(topic, bytes);
    },
    send: (to, channel, bytes) => transport.send(to, channel, bytes),
    remember: (addresses) => transport.remember(addresses),
    members: (joined, left) => transport.members(joined, left),
    present: ignore,
    expel: ignore,
    lastWordSaid: ignore,
    addresses: () => transport.addresses(),
    peers: () => transport.peers(),
    roundTripMs: (node) => transport.roundTripMs(node),
    links: (nodes) => transport.links(nodes),
    stop: () => transport.stop(),
  };
}
