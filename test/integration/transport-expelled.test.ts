/** A live libp2p transport and who was let in and is no more (rule AD11): what is read of him, and what becomes of him where he is let in again. */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { Connection, Libp2p, Stream } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import type { TransportLogger } from "@pulsemesh/transport-libp2p";
import { afterEach, expect, test } from "vitest";
import { OUR_FLEET, until } from "../support/libp2p-harness.ts";
import { frame, helloFrame, strangerHost } from "../support/stranger.ts";
import type { Stranger } from "../support/stranger.ts";
import { Scene } from "../support/victim.ts";
import type { Victim } from "../support/victim.ts";

const GOSSIP = "/meshsub/1.2.0";
const HELLO = `/pulsemesh/${OUR_FLEET}/hello/1`;
const TOPIC = Buffer.from(`/pulsemesh/1/${OUR_FLEET}/state`);

const scene = new Scene();
afterEach(() => scene.end());

const field = (tag: number, bytes: Uint8Array): Buffer =>
  Buffer.from([tag, bytes.length, ...bytes]);

/** A gossip message as it goes over a stream. */
const message = (text: string): Uint8Array =>
  frame(field(0x12, Buffer.concat([field(0x12, Buffer.from(text)), field(0x22, TOPIC)])));

const textsOf = (parts: readonly Uint8Array[]): readonly string[] =>
  parts.map((bytes) => Buffer.from(bytes).toString());

/** One more gossip stream of a peer that is in, on which it was heard. */
async function gossipStream(victim: Victim, connection: Connection, text: string): Promise<Stream> {
  const stream = await connection.newStream(GOSSIP, { maxOutboundStreams: 10 });
  stream.send(message(text));
  await until(`${text} was read`, () => textsOf(victim.gossip).includes(text));
  return stream;
}

/** It says hello by itself at no time, nor answers one. */
async function strangerThatIsIn(victim: Victim): Promise<Stranger> {
  const stranger = await scene.strangerTo(victim, [GOSSIP], false);
  await stranger.host.handle(HELLO, (stream) => stream.pause());
  await stranger.greet();
  await until("it is in", () => victim.ups.includes(stranger.node));
  return stranger;
}

/** To be called; answers no hello by itself. */
async function listeningHost(onHello: (stream: Stream) => void): Promise<Libp2p> {
  const host = await strangerHost(["/ip4/127.0.0.1/tcp/0"]);
  scene.atEnd(() => host.stop());
  await host.handle(HELLO, onHello);
  await host.handle(GOSSIP, (stream) => stream.pause());
  return host;
}

/** Each would end the process of a node. */
function unhandledRejections(): readonly unknown[] {
  const unhandled: unknown[] = [];
  const onRejection = (error: unknown): void => void unhandled.push(error);
  process.on("unhandledRejection", onRejection);
  scene.atEnd(() => process.off("unhandledRejection", onRejection));
  return unhandled;
}

/** Fails at the line that begins so, as anything may that nobody has thought of. */
function failingLogger(line: string): TransportLogger {
  const ignore = (): void => undefined;
  const debug = (_fields: object, message: string): void => {
    if (message.startsWith(line)) throw new Error(line);
  };
  return { debug, info: ignore, warn: ignore, error: ignore };
}

/** Nothing of it is read by then: what lies unread of a stream when that is closed. */
const UNREAD_MS = 100;

test.each(["closed", "reset"])(
  "AD11 ME2 who is expelled and let in again on another connection is up for core too, where the stream on which it spoke was %s with bytes unread; and it can be expelled once more",
  async (how) => {
    const victim = await scene.victim();
    const stranger = await strangerThatIsIn(victim);
    const stream = await gossipStream(victim, stranger.connection, "hi");
    const other = await stranger.host.dial(multiaddr(victim.address), { force: true });
    victim.transport.expel([stranger.node], 1);
    stream.send(message("unread"));
    await sleep(UNREAD_MS);
    if (how === "reset") stream.abort(new Error("reset"));
    else await stranger.connection.close();
    await sleep(UNREAD_MS);
    const hello = await other.newStream(HELLO);
    hello.send(helloFrame());
    await until("the transport has it up", () => victim.transport.peers().length > 0);
    expect(victim.ups).toEqual([stranger.node, stranger.node]);
    await gossipStream(victim, other, "again");
    victim.transport.expel([stranger.node], 1);
    victim.transport.lastWordSaid([stranger.node], 1);
    await until("it was hung up on", () => other.status !== "open");
    expect([victim.downs.length, victim.transport.peers()]).toEqual([2, []]);
    expect(textsOf(victim.gossip)).toEqual(["hi", "again"]);
  },
);

test("AD11 ME2 so it is where it is let in by its answer to a hello, and no rejection is left to nobody", async () => {
  const unhandled = unhandledRejections();
  const called = Promise.withResolvers<Stream>();
  const host = await listeningHost((stream) => called.resolve(stream));
  const node = host.peerId.toString();
  const victim = await scene.victim("victim", {
    join: [host.getMultiaddrs()[0]?.toString() ?? ""],
  });
  const question = await called.promise;
  const inbound = await host.dial(multiaddr(victim.address), { force: true });
  const hello = await inbound.newStream(HELLO);
  hello.send(helloFrame());
  await until("it is in", () => victim.ups.includes(node));
  const stream = await gossipStream(victim, inbound, "hi");
  victim.transport.expel([node], 1);
  stream.send(message("unread"));
  await sleep(UNREAD_MS);
  await inbound.close();
  await sleep(UNREAD_MS);
  question.send(helloFrame());
  await until("it is let in", () => victim.ups.length + unhandled.length > 1);
  expect([unhandled, victim.ups]).toEqual([[], [node, node]]);
});

/** A member that hears the victim and is heard. */
async function friendOf(victim: Victim): Promise<Victim> {
  const friend = await scene.victim("friend", { join: [victim.address] });
  let round = 0;
  await until("they hear each other", () => {
    round += 1;
    friend.transport.publish("state", Buffer.from(`friend ${round}`));
    victim.transport.publish("state", Buffer.from(`victim ${round}`));
    return victim.gossip.length > 0 && friend.gossip.length > 0;
  });
  return friend;
}

/** What comes twice is known to the router the second time, and nobody hears it. */
async function expectHeard(victim: Victim, friend: Victim, spoiled: Stream): Promise<void> {
  spoiled.send(message("the news"));
  await sleep(UNREAD_MS);
  friend.transport.publish("state", Buffer.from("the news"));
  await sleep(UNREAD_MS);
  friend.transport.publish("state", Buffer.from("what is new behind it"));
  await until("the member is heard", () =>
    textsOf(victim.gossip).includes("what is new behind it"),
  );
  expect(textsOf(victim.gossip)).toContain("the news");
}

test.each([
  ["the latest", 1],
  ["an earlier", 0],
])(
  "AD11 ME2 P6 who is expelled can say no message before an honest member does, so that it is lost as known: %s of its streams",
  async (_, index) => {
    const victim = await scene.victim();
    const friend = await friendOf(victim);
    const { connection, node } = await strangerThatIsIn(victim);
    const streams = [
      await gossipStream(victim, connection, "first"),
      await gossipStream(victim, connection, "second"),
    ];
    victim.transport.expel([node], 1);
    const stream = streams[index];
    if (stream !== undefined) await expectHeard(victim, friend, stream);
    expect(connection.status).toBe("open");
  },
);

test("AD11 ME3 P6 nor can who is refused by a further hello, until it is hung up on", async () => {
  let refused = "";
  const victim = await scene.victim("victim", {
    admit: (node) => (node === refused ? "grant-expired" : undefined),
  });
  const friend = await friendOf(victim);
  const stranger = await strangerThatIsIn(victim);
  const stream = await gossipStream(victim, stranger.connection, "hi");
  refused = stranger.node;
  void stranger.greet();
  await until("it is refused", () => victim.refusals.length > 0);
  await expectHeard(victim, friend, stream);
});

/** Longer than who is expelled has left. */
const PAST_LAST_WORD_MS = 1_500;

test("AD11 ME2 who is let in again within the second after it was expelled is not hung up on by that, and is heard", async () => {
  const victim = await scene.victim();
  const stranger = await strangerThatIsIn(victim);
  const stream = await gossipStream(victim, stranger.connection, "hi");
  victim.transport.expel([stranger.node], 1);
  victim.transport.lastWordSaid([stranger.node], 1);
  stream.send(message("meanwhile"));
  await sleep(UNREAD_MS);
  expect(textsOf(victim.gossip)).toEqual(["hi"]);
  await stranger.greet();
  await until("it is in again", () => victim.ups.length > 1);
  await sleep(PAST_LAST_WORD_MS);
  expect(stranger.connection.status).toBe("open");
  stream.send(message("again"));
  await sleep(UNREAD_MS);
  expect(textsOf(victim.gossip)).toEqual(["hi", "meanwhile", "again"]);
});

/** At least, by a little less than half of `TURNED_AWAY_MS_MIN`. */
const TURNED_AWAY_WAIT_MS = 450;

test("AD11 CH6 who was expelled is not dialled at once when it is hung up on, but after the wait of who is turned away", async () => {
  const connections: number[] = [];
  const host = await listeningHost((stream) => stream.send(helloFrame()));
  host.addEventListener("connection:open", () => connections.push(performance.now()));
  const victim = await scene.victim("victim", {
    join: [host.getMultiaddrs()[0]?.toString() ?? ""],
  });
  await until("it is in", () => victim.ups.length > 0);
  victim.transport.expel(victim.ups, 1);
  victim.transport.lastWordSaid(victim.ups, 1);
  await until("it was hung up on", () => host.getConnections().length === 0);
  const sinceMs = performance.now();
  await until("it is dialled again", () => connections.length > 1);
  expect((connections[1] ?? 0) - sinceMs).toBeGreaterThan(TURNED_AWAY_WAIT_MS);
});

test("AD11 ME2 who is expelled is neither answered nor hung up on where it says hello before it was told why, and is a second later", async () => {
  let isOut = false;
  const victim = await scene.victim("victim", {
    admit: () => (isOut ? "grant-unknown" : undefined),
  });
  const stranger = await strangerThatIsIn(victim);
  isOut = true;
  victim.transport.expel([stranger.node], 1);
  const answer = await stranger.greet();
  await sleep(PAST_LAST_WORD_MS);
  expect([answer.length, victim.refusals.length, stranger.connection.status]).toEqual([
    0,
    1,
    "open",
  ]);
  victim.transport.lastWordSaid([stranger.node], 1);
  await until("it is hung up on", () => stranger.connection.status !== "open");
});

test("AD11 P6 who cannot be let in, as something fails in that moment, is down and hung up on: up for the transport alone is nobody", async () => {
  const victim = await scene.victim("victim", {
    logger: failingLogger("the peer is another process"),
  });
  const stranger = await strangerThatIsIn(victim);
  const other = await stranger.host.dial(multiaddr(victim.address), { force: true });
  const hello = await other.newStream(HELLO);
  hello.send(helloFrame({ instance: "0000000000000002" }));
  await sleep(PAST_LAST_WORD_MS);
  expect([victim.ups, victim.downs, victim.transport.peers()]).toEqual([
    [stranger.node],
    [stranger.node],
    [],
  ]);
  expect([other.status, stranger.connection.status]).not.toContain("open");
});

test("AD11 P6 what fails in a hello of the node's own ends that connection, and not the process", async () => {
  const unhandled = unhandledRejections();
  let closes = 0;
  const host = await listeningHost((stream) =>
    stream.send(helloFrame({ versionMin: 9, versionMax: 9 })),
  );
  host.addEventListener("connection:close", () => (closes += 1));
  const join = [host.getMultiaddrs()[0]?.toString() ?? ""];
  await scene.victim("victim", { join, logger: failingLogger("dropped something inbound") });
  await until("it ends", () => closes + unhandled.length > 0);
  expect(unhandled).toEqual([]);
});
