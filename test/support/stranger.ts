/**
 * A libp2p host that is no Pulsemesh node but can speak like one, badly: the hello is written here by hand from docs/SPEC.md, so
 * that these tests also check the wire format against a second writer.
 */
import { noise } from "@libp2p/noise";
import { identify } from "@libp2p/identify";
import type { Connection, Libp2p, Stream } from "@libp2p/interface";
import { tcp } from "@libp2p/tcp";
import { yamux } from "@libp2p/yamux";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";
import { OUR_FLEET, until } from "./libp2p-harness.ts";

export interface HelloFields {
  readonly versionMin?: number | undefined;
  readonly versionMax?: number | undefined;
  readonly instance?: string | undefined;
  /** Multiaddrs in binary form. */
  readonly known?: readonly Uint8Array[] | undefined;
  readonly grant?: string | undefined;
}

/** A hello frame: its length, then protobuf fields 1 and 2 (varints) and 3, 4, 6, 8 (bytes). */
export function helloFrame(fields: HelloFields = {}): Uint8Array {
  const agent = Buffer.from("stranger");
  const instance = Buffer.from(fields.instance ?? "0000000000000001", "hex");
  const known = (fields.known ?? []).flatMap((bytes) => [0x32, ...varint(bytes.length), ...bytes]);
  const grant = Buffer.from(fields.grant ?? "");
  return frame(
    Buffer.from([
      0x08,
      fields.versionMin ?? 1,
      0x10,
      fields.versionMax ?? 1,
      0x1a,
      agent.length,
      ...agent,
      0x22,
      instance.length,
      ...instance,
      ...known,
      ...(fields.grant === undefined ? [] : [0x42, ...varint(grant.length), ...grant]),
    ]),
  );
}

/** `body` with its length in front. */
export function frame(body: Uint8Array): Uint8Array {
  return Buffer.from([...varint(body.length), ...body]);
}

function varint(value: number): readonly number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}

export interface Stranger {
  readonly host: Libp2p;
  readonly node: string;
  readonly connection: Connection;
  open(protocol: "hello" | "direct" | "sync"): Promise<Stream>;
  /** Says hello properly and waits for the answer; empty when the stream is reset instead. */
  greet(fields?: HelloFields): Promise<Uint8Array>;
}

export interface ListeningStranger {
  readonly address: string;
  /** What was said to it before it had said a word, one entry a stream. */
  readonly heard: Uint8Array[];
  stop(): Promise<void>;
}

/** Speaks nothing yet. */
export async function strangerHost(listen: readonly string[] = []): Promise<Libp2p> {
  return createLibp2p({
    addresses: { listen: [...listen] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
    services: { identify: identify() },
  });
}

/** A host to be dialled, which takes a hello and does not answer. */
export async function listeningStranger(): Promise<ListeningStranger> {
  const host = await strangerHost(["/ip4/127.0.0.1/tcp/0"]);
  const heard: Uint8Array[] = [];
  await host.handle(`/pulsemesh/${OUR_FLEET}/hello/1`, (stream) => {
    stream.addEventListener("message", ({ data }) => void heard.push(data.subarray()));
  });
  const address = host.getMultiaddrs()[0]?.toString() ?? "";
  return { address, heard, stop: async () => host.stop() };
}

/**
 * Connects to `address` and says nothing yet; offers `protocols`, each of which takes streams and ignores them, and answers
 * hellos if it is asked to.
 */
export async function connectStranger(
  address: string,
  protocols: readonly string[] = [],
  answersHello = true,
): Promise<Stranger> {
  const host = await strangerHost();
  for (const protocol of protocols) await host.handle(protocol, (stream) => stream.pause());
  if (answersHello) {
    await host.handle(
      `/pulsemesh/${OUR_FLEET}/hello/1`,
      (stream) => void stream.send(helloFrame()),
    );
  }
  const connection = await host.dial(multiaddr(address));
  const open = (protocol: string): Promise<Stream> =>
    connection.newStream(`/pulsemesh/${OUR_FLEET}/${protocol}/1`, { maxOutboundStreams: 100 });
  return {
    host,
    node: host.peerId.toString(),
    connection,
    open,
    async greet(fields) {
      const stream = await open("hello");
      let answer: Uint8Array = new Uint8Array(0);
      stream.addEventListener("message", ({ data }) => {
        answer = Buffer.concat([answer, data.subarray()]);
      });
      // It may have been reset already, which is an answer too.
      if (stream.status === "open") stream.send(helloFrame(fields));
      await until("the hello was answered", () => answer.length > 0 || stream.status !== "open");
      if (answer.length > 0) await stream.close();
      return answer;
    },
  };
}
