import type { Connection, PeerId, Stream, StreamHandler, Topology } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import { expect, test } from "vitest";
import {
  EARLY_GOSSIP_BYTES_MAX,
  GossipGate,
  MUTED_GOSSIP_BYTES_MAX,
  MUTED_STREAMS_MAX,
} from "./gossip-gate.ts";
import type { GossipComponents } from "./gossip-gate.ts";

const NODE = "12D3KooWHzQZBWHMAT1p4Yt8nRyTztYHWfeRKfWuPPVA5uekqmjg";
const PEER: PeerId = peerIdFromString(NODE);
const READ_BYTES = 1_000_000;

/** As far as the gate goes it does as a stream of libp2p, which keeps what lies unread, and is paused for ever where it is closed meanwhile. */
class FakeStream {
  status = "open";
  readStatus = "readable";
  maxReadBufferLength: number = READ_BYTES;
  unreadBytes = 0;
  readonly #onClose: (() => void)[] = [];

  addEventListener(_type: "close", listener: () => void): void {
    this.#onClose.push(listener);
  }

  abort(): void {
    this.#end("aborted");
  }

  /** By the other side. */
  close(): void {
    this.#end("closed");
  }

  pause(): void {
    if (this.readStatus === "closed") throw new Error("closed");
    this.readStatus = "paused";
  }

  resume(): void {
    if (this.readStatus === "closed") throw new Error("closed");
    if (this.readStatus === "readable") return;
    this.readStatus = "readable";
    this.unreadBytes = 0;
    // It tells the other side how much more it may send.
    if (this.status !== "open") throw new Error("Cannot write to a stream that is closed");
  }

  #end(status: string): void {
    this.status = status;
    if (this.readStatus === "readable" || this.unreadBytes === 0) this.readStatus = "closed";
    for (const listener of this.#onClose) listener();
  }
}

type FakeConnection = Pick<Connection, "remotePeer" | "newStream"> & {
  status: Connection["status"];
};

/** Until the streams that were asked for stand. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
}

/** A gate with a router behind it that writes down what it is told, and what the host tells the gate. */
async function gateAndRouter() {
  const told: string[] = [];
  let topology: Topology | undefined;
  let handler: StreamHandler | undefined;
  const registrar = {
    handle: (_protocol: string, handle: StreamHandler) => void (handler = handle),
    register: (_protocol: string, registered: Topology) => void (topology = registered),
  };
  const gate = new GossipGate();
  const guarded = gate.guard({ registrar } as unknown as GossipComponents).registrar;
  await guarded.handle("/meshsub", () => void told.push("stream"));
  await guarded.register("/meshsub", {
    onConnect: () => void told.push("connect"),
    onDisconnect: () => void told.push("disconnect"),
  });
  const newStream = async (): Promise<Stream> => new FakeStream() as unknown as Stream;
  const connection: FakeConnection = { remotePeer: PEER, status: "open", newStream };
  const connect = (to: FakeConnection = connection): void =>
    void topology?.onConnect?.(PEER, to as Connection);
  return {
    gate,
    told,
    connection,
    connect,
    disconnect: () => void topology?.onDisconnect?.(PEER),
    stream: (): FakeStream => {
      const stream = new FakeStream();
      void handler?.(stream as unknown as Stream, connection as unknown as Connection);
      return stream;
    },
  };
}

test("ME3 AD10 the router hears of a peer and its stream once the gate is open for it, whichever came first", async () => {
  const early = await gateAndRouter();
  early.connect();
  early.stream();
  await settled();
  expect(early.told).toEqual([]);
  early.gate.open(NODE);
  await settled();
  expect(early.told).toEqual(["stream", "connect"]);
  const late = await gateAndRouter();
  late.gate.open(NODE);
  expect(late.told).toEqual([]);
  late.connect();
  await settled();
  late.stream();
  await settled();
  expect(late.told).toEqual(["connect", "stream"]);
});

test("P6 ME3 AD10 of a peer that is not let in one stream waits, with EARLY_GOSSIP_BYTES_MAX of it, and ends with the wait", async () => {
  const { gate, told, stream } = await gateAndRouter();
  const first = stream();
  const second = stream();
  expect([first.status, second.status]).toEqual(["aborted", "open"]);
  expect(second.maxReadBufferLength).toBe(EARLY_GOSSIP_BYTES_MAX);
  gate.close(NODE);
  expect(second.status).toBe("aborted");
  gate.open(NODE);
  const third = stream();
  expect([told, third.maxReadBufferLength]).toEqual([["stream"], READ_BYTES]);
});

test("ME3 AD10 the router forgets a peer when the gate closes, and not later, when the peer may be back", async () => {
  const { gate, told, connect, disconnect, connection } = await gateAndRouter();
  gate.open(NODE);
  connect();
  await settled();
  gate.close(NODE);
  expect(told).toEqual(["connect", "disconnect"]);
  gate.open(NODE);
  connect();
  await settled();
  disconnect();
  expect(told).toEqual(["connect", "disconnect", "connect"]);
  gate.close(NODE);
  connection.status = "closed";
  connect();
  gate.open(NODE);
  await settled();
  expect(told.filter((what) => what === "connect")).toHaveLength(2);
});

test("ME3 AD10 of several connections to a peer the router is told of one that still stands", async () => {
  const { gate, told, connect, connection } = await gateAndRouter();
  const other: FakeConnection = { ...connection, status: "closed" };
  const last: FakeConnection = { ...connection };
  connect();
  connect(other);
  connect(last);
  last.status = "closed";
  expect(connection.status).toBe("open");
  gate.open(NODE);
  await settled();
  expect(told).toEqual(["connect"]);
});

test("ME2 AD11 of who is muted the router takes nothing in, and goes on telling it until the gate is closed; let in again it is heard", async () => {
  const { gate, told, connect, stream } = await gateAndRouter();
  gate.mute(NODE);
  connect();
  gate.open(NODE);
  await settled();
  const before = stream();
  gate.mute(NODE);
  const meanwhile = stream();
  expect([before.readStatus, told.splice(0)]).toEqual(["paused", ["connect", "stream"]]);
  expect([meanwhile.status, meanwhile.maxReadBufferLength]).toEqual([
    "open",
    EARLY_GOSSIP_BYTES_MAX,
  ]);
  gate.open(NODE);
  expect([before.readStatus, told.splice(0)]).toEqual(["readable", ["stream"]]);
  gate.mute(NODE);
  expect(meanwhile.readStatus).toBe("paused");
  gate.close(NODE);
  expect(told).toEqual(["disconnect"]);
});

test("ME2 AD11 all streams of who is muted, or refused, are unread, and of who comes back those that have not ended; nothing is kept of who is gone", async () => {
  const { gate, told, stream } = await gateAndRouter();
  gate.open(NODE);
  const streams = [stream(), stream(), stream()];
  const [, ended] = streams;
  gate.mute(NODE);
  expect(streams.map(({ readStatus }) => readStatus)).toEqual(["paused", "paused", "paused"]);
  ended?.close();
  gate.open(NODE);
  expect(streams.map(({ readStatus }) => readStatus)).toEqual(["readable", "closed", "readable"]);
  gate.close(NODE);
  gate.open(NODE);
  expect(streams.map(({ readStatus }) => readStatus)).toEqual(["paused", "closed", "paused"]);
  const next = stream();
  expect([next.readStatus, told]).toEqual([
    "readable",
    ["stream", "stream", "stream", "disconnect", "stream"],
  ]);
});

test("P6 AD11 of who is muted the latest MUTED_STREAMS_MAX streams wait, with MUTED_GOSSIP_BYTES_MAX of each, and once it is let in again as much as ever", async () => {
  const { gate, stream } = await gateAndRouter();
  gate.open(NODE);
  const streams = Array.from({ length: MUTED_STREAMS_MAX + 3 }, stream);
  gate.mute(NODE);
  const [first, last] = [streams.slice(0, 3), streams.slice(3)];
  expect(first.map(({ status }) => status)).toEqual(["aborted", "aborted", "aborted"]);
  for (const { status, readStatus, maxReadBufferLength } of last)
    expect([status, readStatus, maxReadBufferLength]).toEqual([
      "open",
      "paused",
      MUTED_GOSSIP_BYTES_MAX,
    ]);
  gate.open(NODE);
  for (const { readStatus, maxReadBufferLength } of last)
    expect([readStatus, maxReadBufferLength]).toEqual(["readable", READ_BYTES]);
});

test("AD11 a stream that has ended is neither muted nor heard again, nor is one that was closed with bytes unread", async () => {
  const { gate, stream } = await gateAndRouter();
  gate.open(NODE);
  const ended = stream();
  ended.close();
  gate.mute(NODE);
  gate.open(NODE);
  const last = stream();
  gate.mute(NODE);
  last.unreadBytes = 1;
  last.close();
  gate.open(NODE);
  expect([ended, last].map(({ readStatus }) => readStatus)).toEqual(["closed", "paused"]);
});

test("AD11 a stream that cannot be read on is given up, and keeps nobody from being let in", async () => {
  const { gate, told, stream } = await gateAndRouter();
  gate.open(NODE);
  const broken = stream();
  gate.mute(NODE);
  broken.resume = () => {
    throw new Error("the connection is lost");
  };
  expect(() => gate.open(NODE)).not.toThrow();
  expect(broken.status).toBe("aborted");
  stream();
  expect(told).toEqual(["stream", "stream"]);
});

test("AD11 of who is in everything is heard that the router has read, of who is muted what it subscribes to, of who is gone nothing", async () => {
  const { gate } = await gateAndRouter();
  const heard = [gate.heardOf(NODE)];
  gate.open(NODE);
  heard.push(gate.heardOf(NODE));
  gate.mute(NODE);
  heard.push(gate.heardOf(NODE));
  gate.open(NODE);
  heard.push(gate.heardOf(NODE));
  gate.close(NODE);
  heard.push(gate.heardOf(NODE));
  expect(heard).toEqual(["nothing", "everything", "subscriptions", "everything", "nothing"]);
});
