/** A live libp2p transport against peers that break the rules: everything is dropped, counted by reason, and others notice nothing. */
import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { DIRECT_FRAME_BYTES_MAX } from "@pulsemesh/core";
import { memberAddressBytes } from "@pulsemesh/testkit";
import { createLibp2pTransport, discoverFleet } from "@pulsemesh/transport-libp2p";
import type { TransportTuning } from "@pulsemesh/transport-libp2p";
import { afterEach, expect, test } from "vitest";
import { freePort } from "../support/free-port.ts";
import { OTHER_FLEET, OUR_FLEET, seedOf, until } from "../support/libp2p-harness.ts";
import { frame, helloFrame } from "../support/stranger.ts";
import { closed, Scene } from "../support/victim.ts";
import type { Victim } from "../support/victim.ts";

const scene = new Scene();
afterEach(() => scene.end());

const startVictim = (
  name = "victim",
  tuning: Partial<TransportTuning> = {},
  join: readonly string[] = [],
): Promise<Victim> => scene.victim(name, { tuning, join });
const strangerTo = scene.strangerTo.bind(scene);

test("SG2 a stranger that writes hello by the specification comes up", async () => {
  const victim = await startVictim();
  const stranger = await strangerTo(victim);
  await stranger.greet({ versionMax: 9, known: [memberAddressBytes(1, "127.0.0.1", 1)] });
  await until("it is up", () => victim.ups.includes(stranger.node));
  expect(victim.transport.peers()).toMatchObject([
    { node: stranger.node, agent: "stranger", addresses: [] },
  ]);
  expect(victim.transport.knownMembers).toEqual([]);
  victim.transport.members([stranger.node], []);
  expect(victim.transport.knownMembers).toHaveLength(1);
  expect(victim.rejects).toEqual([]);
});

test("SG2 a peer without a common version is refused, counted and hung up on", async () => {
  const victim = await startVictim();
  const stranger = await strangerTo(victim);
  await stranger.greet({ versionMin: 2, versionMax: 3 });
  await closed(stranger);
  expect(victim.rejects).toEqual(["version"]);
  expect(victim.ups).toEqual([]);
});

test("SG2 whoever connects and says nothing is hung up on", async () => {
  const victim = await startVictim("victim", { helloGraceMs: 300 });
  const stranger = await strangerTo(victim);
  await closed(stranger);
  expect(victim.rejects).toEqual(["hello-timeout"]);
  expect(victim.ups).toEqual([]);
});

test("SG2 a peer that offers another fleet's hello is refused even if it says nothing", async () => {
  const victim = await startVictim();
  const stranger = await strangerTo(victim, [`/pulsemesh/${OTHER_FLEET}/hello/1`], false);
  await closed(stranger);
  expect(victim.rejects).toEqual(["foreign-fleet"]);
});

test.each([
  {
    title: "P6 a hello above HELLO_BYTES_MAX is refused before it is read",
    bytes: frame(new Uint8Array(6_145)),
    reason: "hello-malformed",
  },
  {
    title: "SG2 a hello of noise is refused",
    bytes: frame(randomBytes(200)),
    reason: "hello-malformed",
  },
  {
    title: "SG2 a hello with a padded length is refused",
    bytes: Uint8Array.of(0x81, 0x00, 1),
    reason: "hello-malformed",
  },
  {
    title: "SG2 a hello that stops half way is refused in time",
    bytes: helloFrame().subarray(0, 9),
    reason: "hello-timeout",
  },
])("$title", async ({ bytes, reason }) => {
  const victim = await startVictim("victim", { helloTimeoutMs: 500 });
  const stranger = await strangerTo(victim);
  const stream = await stranger.open("hello");
  stream.send(bytes);
  await closed(stranger);
  expect(victim.rejects).toEqual([reason]);
  expect(victim.ups).toEqual([]);
});

test("P6 more than HELLO_STREAMS_MAX hellos at once on one connection are reset, and those within it answered", async () => {
  const helloStreamsMax = 4;
  const victim = await startVictim();
  const stranger = await strangerTo(victim);
  // One after the other: of streams that are negotiated at one moment the library counts all against each, and resets every one.
  const within = [];
  while (within.length < helloStreamsMax) within.push(await stranger.open("hello"));
  const surplus = await Promise.allSettled(Array.from({ length: 8 }, () => stranger.open("hello")));
  const isStanding = (result: (typeof surplus)[number]): boolean =>
    result.status === "fulfilled" && result.value.status === "open";
  await until("the surplus is reset", () => !surplus.some(isStanding));
  expect(within.map(({ status }) => status)).toEqual(within.map(() => "open"));
  let answered = 0;
  for (const stream of within) {
    stream.addEventListener("message", () => void (answered += 1), { once: true });
    stream.send(helloFrame());
  }
  await until("the others are answered", () => answered === helloStreamsMax);
  expect(stranger.connection.status).toBe("open");
});

test.each([
  {
    title: "P6 an oversized direct frame costs the stream, not the connection",
    bytes: Uint8Array.of(0x81, 0x80, 0x04, 1, 2, 3),
    reason: "frame-oversized",
  },
  {
    title: "P6 a malformed direct frame costs the stream, not the connection",
    bytes: Uint8Array.of(0),
    reason: "frame-malformed",
  },
  {
    title: "P6 a direct frame that does not end in time costs the stream, not the connection",
    bytes: Uint8Array.of(9, 1, 2),
    reason: "stream-timeout",
  },
])("$title", async ({ bytes, reason }) => {
  const victim = await startVictim("victim", { frameTimeoutMs: 300 });
  const stranger = await strangerTo(victim);
  await stranger.greet();
  const bad = await stranger.open("direct");
  bad.send(frame(Uint8Array.of(7)));
  bad.send(bytes);
  await until("the stream was reset", () => bad.status !== "open");
  expect(victim.rejects).toEqual([reason]);
  const good = await stranger.open("direct");
  good.send(frame(new Uint8Array(DIRECT_FRAME_BYTES_MAX)));
  await until("a later frame arrives", () => victim.messages.length === 2);
  expect(victim.messages.map((message) => message.length)).toEqual([1, DIRECT_FRAME_BYTES_MAX]);
  expect(victim.downs).toEqual([]);
});

test("P6 a stranger has STRANGER_STREAMS_MAX streams a channel, the latest, and no more than EARLY_BYTES_MAX wait for its hello", async () => {
  const victim = await startVictim();
  const stranger = await strangerTo(victim);
  const early = await stranger.open("sync");
  early.send(frame(new Uint8Array(100 * 1_024)));
  await until("the early stream is reset", () => early.status !== "open");
  await stranger.greet();
  const streams: Awaited<ReturnType<typeof stranger.open>>[] = [];
  for (let index = 0; index < 4; index += 1) {
    const stream = await stranger.open("sync");
    stream.send(Uint8Array.of(9, 1));
    streams.push(stream);
  }
  await until("three made room", () => victim.rejects.length === 3);
  expect(new Set(victim.rejects)).toEqual(new Set(["overloaded"]));
  await until(
    "only the latest stands",
    () => streams.filter(({ status }) => status === "open").length === 1,
  );
  streams.at(-1)?.send(new Uint8Array(8));
  await until("its frame arrives", () => victim.messages.length === 1);
});

test("P6 more than INBOUND_STREAMS_MAX streams of one member on one channel are refused as overloaded", async () => {
  const victim = await startVictim();
  const stranger = await strangerTo(victim);
  await stranger.greet();
  victim.transport.members([stranger.node], []);
  for (let index = 0; index < 6; index += 1) {
    const stream = await stranger.open("sync");
    if (stream.status === "open") stream.send(Uint8Array.of(9, 1));
  }
  await until("two were refused", () => victim.rejects.length === 2);
  expect(victim.rejects).toEqual(["overloaded", "overloaded"]);
});

test("SG2 frames that come before the hello wait for it", async () => {
  const victim = await startVictim();
  const stranger = await strangerTo(victim);
  const stream = await stranger.open("direct");
  stream.send(frame(Uint8Array.of(1)));
  await sleep(300);
  expect(victim.messages).toEqual([]);
  await stranger.greet();
  await until("it arrived", () => victim.messages.length === 1);
});

test("PU3 a peer that restarted behind an old connection goes down and up again", async () => {
  const victim = await startVictim();
  const stranger = await strangerTo(victim);
  await stranger.greet({ instance: "0000000000000001" });
  await stranger.greet({ instance: "0000000000000001" });
  expect(victim.ups).toEqual([stranger.node]);
  await stranger.greet({ instance: "0000000000000002" });
  await closed(stranger);
  await until("it is down", () => victim.downs.length === 1);
  expect(victim.transport.peers()).toEqual([]);
});

test("P6 a gossip message above GOSSIP_RPC_BYTES_MAX is not taken in, and the connection is renewed", async () => {
  const victim = await startVictim();
  const stranger = await strangerTo(victim, ["/meshsub/1.2.0"]);
  await stranger.greet();
  const stream = await stranger.connection.newStream("/meshsub/1.2.0");
  const streams = (): readonly string[] => stranger.connection.streams.map((each) => each.protocol);
  await until(
    "gossip runs both ways",
    () => streams().filter((name) => name === "/meshsub/1.2.0").length === 2,
  );
  await sleep(1_500);
  stream.send(frame(new Uint8Array(256 * 1_024 + 1)));
  await until("the connection was renewed", () => stranger.connection.status !== "open", 20_000);
  expect(victim.gossip).toEqual([]);
}, 40_000);

test("P6 gossip of more than GOSSIP_RPC_MESSAGES_MAX messages at once is dropped whole, up to that it is taken in", async () => {
  const victim = await startVictim();
  const topic = Buffer.from(`/pulsemesh/1/${OUR_FLEET}/state`);
  const stranger = await strangerTo(victim, ["/meshsub/1.2.0"]);
  await stranger.greet();
  const stream = await stranger.connection.newStream("/meshsub/1.2.0");
  // Messages are RPC field 2, each with data (2) and topic (4).
  const rpc = (count: number, tag: number): Uint8Array =>
    frame(
      Buffer.concat(
        Array.from({ length: count }, (_, index) => {
          const data = [0x12, 3, tag, index >> 8, index & 0xff];
          const message = Buffer.from([...data, 0x22, topic.length, ...topic]);
          return Buffer.from([0x12, message.length, ...message]);
        }),
      ),
    );
  await sleep(500);
  stream.send(rpc(257, 1));
  stream.send(rpc(256, 2));
  await until("what is within the limit arrives", () => victim.gossip.length >= 256);
  await sleep(200);
  expect(victim.gossip).toHaveLength(256);
  expect(new Set(victim.gossip.map(([tag]) => tag))).toEqual(new Set([2]));
});

test("P6 a peer that never reads costs at most GOSSIP_BACKLOG_BYTES_MAX, then its stream", async () => {
  const victim = await startVictim();
  const topic = `/pulsemesh/1/${OUR_FLEET}/state`;
  const stranger = await strangerTo(victim, ["/meshsub/1.2.0"]);
  await stranger.greet();
  const stream = await stranger.connection.newStream("/meshsub/1.2.0");
  // One subscription: RPC field 1, with subscribe (1) and topic (2).
  const subscription = Buffer.from([0x08, 1, 0x12, topic.length, ...Buffer.from(topic)]);
  stream.send(frame(Buffer.from([0x0a, subscription.length, ...subscription])));
  await sleep(500);
  const gossipStream = (): number =>
    stranger.connection.streams.filter(
      (each) =>
        each.direction === "inbound" &&
        each.protocol.startsWith("/meshsub") &&
        each.status === "open",
    ).length;
  expect(gossipStream()).toBe(1);
  for (let index = 0; index < 600 && gossipStream() > 0; index += 1) {
    victim.transport.publish("state", randomBytes(32 * 1_024));
    if (index % 20 === 0) await sleep(5);
  }
  await until("the stream was given up", () => gossipStream() === 0);
});

test("P6 300 raw connections full of garbage neither crash the host, nor stop its gossip, nor block its loop", async () => {
  const victim = await startVictim();
  const friend = await startVictim("friend", {}, [victim.address]);
  await until("the friend is up", () => friend.ups.length === 1);
  const port = Number(victim.address.split("/")[4]);
  const openings = [
    Buffer.alloc(0),
    Buffer.from("\u0013/multistream/1.0.0\n"),
    Buffer.from("\u0013/multistream/1.0.0\n\u0007/noise\n"),
    Buffer.from("GET / HTTP/1.1\r\n\r\n"),
  ];
  let worstLagMs = 0;
  let lastMs = performance.now();
  const lag = setInterval(() => {
    worstLagMs = Math.max(worstLagMs, performance.now() - lastMs - 10);
    lastMs = performance.now();
  }, 10);
  for (let round = 0; round < 30; round += 1) {
    for (let index = 0; index < 10; index += 1) {
      const socket = connect(port, "127.0.0.1");
      scene.atEnd(() => socket.destroy());
      socket.on("error", () => undefined);
      socket.write(
        Buffer.concat([
          openings[index % openings.length] ?? Buffer.alloc(0),
          randomBytes(round * 20),
        ]),
      );
    }
    await sleep(10);
  }
  let sent = 0;
  await until("gossip still flows", () => {
    sent += 1;
    victim.transport.publish("state", Buffer.from(`still here ${sent}`));
    return friend.gossip.length > 0;
  });
  clearInterval(lag);
  expect(victim.downs).toEqual([]);
  expect(worstLagMs).toBeLessThan(2_000);
});

test("CH6 a port in use is said so", async () => {
  const { address } = await startVictim();
  const listen = [address.replace(/\/p2p\/.*/, "")];
  const second = await createLibp2pTransport({
    privateKey: seedOf("second"),
    fleet: OUR_FLEET,
    listen,
  });
  const handler = {
    admit: () => undefined,
    gossip: () => "accept" as const,
    message: () => undefined,
    peerUp: () => undefined,
    peerDown: () => undefined,
    rejected: () => undefined,
  };
  await expect(second.start(handler)).rejects.toMatchObject({
    code: "address-in-use",
    message: expect.stringContaining(listen[0] ?? ""),
  });
  await second.stop();
});

test("ME1 a joiner adopts the fleet of the member that it joins, also of one that comes up later", async () => {
  const port = await freePort();
  const { node } = await createLibp2pTransport({ privateKey: seedOf("late"), fleet: OUR_FLEET });
  const address = `/ip4/127.0.0.1/tcp/${port}/p2p/${node}`;
  const joiner = createLibp2pTransport({ privateKey: seedOf("joiner"), join: [address] });
  await sleep(1_000);
  const late = await createLibp2pTransport({
    privateKey: seedOf("late"),
    fleet: OUR_FLEET,
    listen: [`/ip4/127.0.0.1/tcp/${port}`],
  });
  scene.atEnd(() => late.stop());
  const rejects: string[] = [];
  await late.start({
    admit: () => undefined,
    gossip: () => "accept",
    message: () => undefined,
    peerUp: () => undefined,
    peerDown: () => undefined,
    rejected: (reason) => void rejects.push(reason),
  });
  expect((await joiner).fleet).toBe(OUR_FLEET);
  expect(rejects).toEqual([]);
});

test("ME1 the search for a fleet ends when it is called off, and needs an address", async () => {
  const address = `/ip4/127.0.0.1/tcp/${await freePort()}/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA`;
  await expect(
    discoverFleet([address], seedOf("joiner"), { signal: AbortSignal.timeout(700) }),
  ).rejects.toMatchObject({ code: "join-failed" });
  await expect(createLibp2pTransport({ privateKey: seedOf("joiner") })).rejects.toMatchObject({
    code: "option-invalid",
  });
});
