/** One process of a {@link ./host-fleet.ts} fleet: runs some transports and answers what its parent asks over IPC. */
import { performance } from "node:perf_hooks";
import type { TransportHandler } from "@pulsemesh/core";
import { createLibp2pTransport } from "@pulsemesh/transport-libp2p";
import type { Libp2pTransport } from "@pulsemesh/transport-libp2p";
import { OUR_FLEET, seedOf } from "./libp2p-harness.ts";

/** What the parent may ask. */
export type HostCommand =
  | {
      readonly type: "start";
      readonly names: readonly string[];
      readonly join: readonly string[];
      readonly floodPublish?: boolean | undefined;
    }
  | { readonly type: "report" }
  /** The first host of this process publishes one message of `bytes` bytes that says when it was sent. */
  | { readonly type: "publish"; readonly bytes: number }
  | { readonly type: "latencies" }
  | { readonly type: "stop" };

export interface HostReport {
  readonly name: string;
  readonly known: number;
  readonly peers: number;
  readonly ownConnections: number;
  readonly dialsBegun: number;
  readonly dialsFailed: number;
  readonly rejects: readonly string[];
}

export type HostAnswer =
  | { readonly type: "started"; readonly addresses: readonly string[]; readonly startMs: number }
  | {
      readonly type: "report";
      readonly hosts: readonly HostReport[];
      readonly rssBytes: number;
      readonly cpuMs: number;
    }
  | { readonly type: "latencies"; readonly latenciesMs: readonly number[] }
  | { readonly type: "done" };

const STAMP_BYTES = 8;
const hosts: {
  readonly name: string;
  readonly transport: Libp2pTransport;
  readonly rejects: string[];
}[] = [];
let latenciesMs: number[] = [];

process.on("message", (command: HostCommand) => {
  void answer(command).then((reply) => process.send?.(reply));
});
process.on("disconnect", () => process.exit(0));

async function answer(command: HostCommand): Promise<HostAnswer> {
  switch (command.type) {
    case "start": {
      const beganAtMs = performance.now();
      await Promise.all(
        command.names.map((name) => startHost(name, command.join, command.floodPublish)),
      );
      const addresses = hosts.flatMap(({ transport }) => transport.addresses());
      return { type: "started", addresses, startMs: performance.now() - beganAtMs };
    }
    case "report": {
      const cpu = process.cpuUsage();
      return {
        type: "report",
        hosts: hosts.map(report),
        rssBytes: process.memoryUsage.rss(),
        cpuMs: (cpu.user + cpu.system) / 1_000,
      };
    }
    case "publish": {
      const bytes = Buffer.alloc(Math.max(STAMP_BYTES, command.bytes));
      bytes.writeBigUInt64BE(process.hrtime.bigint());
      hosts[0]?.transport.publish("state", bytes);
      return { type: "done" };
    }
    case "latencies": {
      const answered: HostAnswer = { type: "latencies", latenciesMs };
      latenciesMs = [];
      return answered;
    }
    case "stop":
      await Promise.all(hosts.map(({ transport }) => transport.stop()));
      return { type: "done" };
  }
}

async function startHost(
  name: string,
  join: readonly string[],
  floodPublish: boolean | undefined,
): Promise<void> {
  const tuning = floodPublish === undefined ? {} : { floodPublish };
  const transport = await createLibp2pTransport({
    privateKey: seedOf(name),
    fleet: OUR_FLEET,
    join,
    tuning,
  });
  const rejects: string[] = [];
  await transport.start(handler(transport, rejects));
  hosts.push({ name, transport, rejects });
}

function handler(transport: Libp2pTransport, rejects: string[]): TransportHandler {
  return {
    admit: () => undefined,
    gossip(_topic, _from, bytes) {
      // One clock for all processes of a machine: the kernel's monotonic one.
      const sent = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).readBigUInt64BE();
      latenciesMs.push(Number(process.hrtime.bigint() - sent) / 1e6);
      return "accept";
    },
    message: () => undefined,
    peerUp: ({ node }) => transport.members([node], []),
    peerDown: () => undefined,
    rejected: (reason) => void rejects.push(reason),
  };
}

function report({ name, transport, rejects }: (typeof hosts)[number]): HostReport {
  return {
    name,
    known: transport.knownMembers.length,
    peers: transport.peers().length,
    ownConnections: transport.ownConnections,
    dialsBegun: transport.dialCounts.begun,
    dialsFailed: transport.dialCounts.failed,
    rejects,
  };
}
