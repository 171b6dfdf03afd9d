/** WebSocket addresses on loopback: whole nodes over them, and callers that speak something else. */
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { SYNC_FRAME_BYTES_MAX } from "@pulsemesh/core";
import { createNode, type PulsemeshNode } from "@pulsemesh/node";
import { afterEach, expect, test } from "vitest";
import { HeldLink } from "../support/held-link.ts";
import { OTHER_FLEET } from "../support/libp2p-harness.ts";
import { until } from "../support/until.ts";
import { Scene } from "../support/victim.ts";
import type { Victim } from "../support/victim.ts";

const LISTEN = ["/ip4/127.0.0.1/tcp/0/ws"];
const MESSAGE_BYTES = 1024 * 1024;

const scene = new Scene();
afterEach(() => scene.end());

const victimOnWs = (tuning = {}): Promise<Victim> =>
  scene.victim("victim", { listen: LISTEN, tuning });
const portOf = (victim: Victim): number => Number(victim.address.split("/")[4]);

function caller(victim: Victim, says: string | Uint8Array = ""): Socket {
  const socket = connect(portOf(victim), "127.0.0.1");
  scene.atEnd(() => socket.destroy());
  socket.on("error", () => undefined);
  if (says.length > 0) socket.write(says);
  return socket;
}

/** What a caller is told until it is hung up on. */
async function answerTo(victim: Victim, says: string | Uint8Array): Promise<string> {
  const socket = caller(victim, says);
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return text;
}

async function friendComesUp(victim: Victim): Promise<void> {
  const friend = await scene.victim("friend", { join: [victim.address] });
  await until("a friend comes up", () => friend.ups.includes(victim.transport.node), 10_000);
}

test("SG2 CH6 P1 nodes on WebSocket addresses find their fleet, sync what they lack, and gossip what is new", async () => {
  const dir = mkdtempSync(join(tmpdir(), "pulsemesh-ws-"));
  scene.atEnd(() => rmSync(dir, { recursive: true, force: true }));
  const start = async (name: string, joins: readonly string[]): Promise<PulsemeshNode> => {
    const dataDir = join(dir, name);
    const node = await createNode({
      dataDir,
      name,
      listen: LISTEN,
      join: joins,
      open: joins.length === 0,
      profile: "local",
    });
    scene.atEnd(() => node.stop());
    return node;
  };
  const first = await start("a", []);
  expect(first.addresses()[0]).toMatch(/^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/ws\/p2p\//);
  for (let index = 0; index < 20; index += 1) {
    const robot = `bot-${index}`;
    await first.command({ type: "beat", robot, kind: "beat", create: "heartbeat" });
    const patch = { report: "x".repeat(8_000 + index) };
    expect(await first.command({ type: "patch-state", robot, patch })).toMatchObject({ ok: true });
  }
  const second = await start("b", first.addresses());
  expect(second.fleet).toBe(first.fleet);
  const sameDocument = (): boolean =>
    second.fleetView().documentHash === first.fleetView().documentHash;
  await until(
    "what was there before is synced",
    () => second.robot("bot-19") !== undefined && sameDocument(),
  );
  // Membership is given where the issuer is, and then any member will do.
  const third = await start("c", [...second.addresses(), ...first.addresses()]);
  await until("the third has met both", () => third.fleetView().inSight === 3);
  await third.command({ type: "patch-state", robot: "bot-0", patch: { status: "scanning" } });
  await until(
    "what is new is told",
    () =>
      [first, second].every((node) => node.robot("bot-0")?.state["status"] === "scanning") &&
      sameDocument(),
  );
  await until("all are up", () =>
    [first, second, third].every((node) =>
      node.fleetView().nodes.every(({ status }) => status === "up"),
    ),
  );
}, 60_000);

test("SG2 P6 frames up to SYNC_FRAME_BYTES_MAX and gossip cross between a member on WebSocket and one on TCP that dials it", async () => {
  const victim = await victimOnWs();
  const friend = await scene.victim("friend", { join: [victim.address] });
  await until("both are up", () => friend.ups.length === 1 && victim.ups.length === 1);
  const [here, there] = [victim.transport, friend.transport];
  const largest = randomBytes(SYNC_FRAME_BYTES_MAX);
  for (let round = 0; round < 8; round += 1) {
    expect(
      await Promise.all([
        here.send(there.node, "sync", largest),
        there.send(here.node, "sync", largest),
      ]),
    ).toEqual([true, true]);
  }
  await until(
    "all frames are there",
    () => friend.messages.length === 8 && victim.messages.length === 8,
  );
  expect(friend.messages.every((bytes) => Buffer.from(bytes).equals(largest))).toBe(true);
  let round = 0;
  await until("gossip flows both ways", () => {
    round += 1;
    here.publish("state", Buffer.from(`from here ${round}`));
    there.publish("state", Buffer.from(`from there ${round}`));
    return friend.gossip.length > 0 && victim.gossip.length > 0;
  });
  expect([...victim.rejects, ...friend.rejects]).toEqual([]);
});

test("SG2 a node of another fleet that comes by WebSocket is counted, really hung up on, and does not come again at once", async () => {
  const victim = await victimOnWs();
  await using link = new HeldLink(portOf(victim));
  const address = victim.address.replace(`/tcp/${portOf(victim)}/`, `/tcp/${await link.listen()}/`);
  const foreign = await scene.victim("foreign", { fleet: OTHER_FLEET, join: [address] });
  await until(
    "both have counted it",
    () => victim.rejects.length > 0 && foreign.rejects.length > 0,
  );
  await until("the connection is gone", () => link.openDirections === 0, 5_000);
  await sleep(3_000);
  expect([link.openDirections, foreign.transport.dialCounts.begun]).toEqual([0, 1]);
  expect([victim.rejects, foreign.rejects]).toEqual([["foreign-fleet"], ["foreign-fleet"]]);
  expect([...victim.ups, ...foreign.ups]).toEqual([]);
});

test("VE0 a WebSocket connection that is renewed is gone on both sides, and they meet again", async () => {
  const victim = await victimOnWs({
    pingEveryMs: 300,
    probeAfterMs: 60_000,
    silentConnectionMs: 1_500,
  });
  await using link = new HeldLink(portOf(victim));
  const address = victim.address.replace(`/tcp/${portOf(victim)}/`, `/tcp/${await link.listen()}/`);
  const friend = await scene.victim("friend", { join: [address] });
  await until("they have met", () => friend.ups.length === 1 && victim.ups.length === 1);
  link.hold();
  await until("no ping was answered", () => victim.downs.length === 1, 10_000);
  link.release();
  await until("they meet again", () => victim.ups.length >= 2 && friend.ups.length >= 2, 20_000);
  expect(friend.downs.length).toBeGreaterThanOrEqual(1);
}, 60_000);

const upgrade = [
  "GET / HTTP/1.1",
  "Host: x",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
].join("\r\n");

/** A WebSocket frame as a client sends it (masked with zeros), its length in the long form. */
function wsFrame(
  opcode: number,
  bytes: number,
  sent: Uint8Array = new Uint8Array(bytes),
): Uint8Array {
  const head = Buffer.alloc(14);
  head.set([0x80 | opcode, 0xff]);
  head.writeBigUInt64BE(BigInt(bytes), 2);
  return Buffer.concat([head, sent]);
}

test.each([
  {
    title: "SG2 plain HTTP on a WebSocket address is told so",
    says: "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    answer: /^HTTP\/1\.1 400 /,
  },
  {
    title: "SG2 a POST on a WebSocket address is told so",
    says: "POST /heartbeat/bot HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",
    answer: /^HTTP\/1\.1 400 /,
  },
  {
    title: "SG2 an upgrade without a key is told so",
    says: `${upgrade.split("\r\nSec-WebSocket-Key")[0]}\r\n\r\n`,
    answer: /^HTTP\/1\.1 400 /,
  },
  {
    title: "SG2 garbage on a WebSocket address is hung up on",
    says: Buffer.concat([Buffer.from([0x7e]), randomBytes(4_000)]),
    answer: /^(HTTP\/1\.1 400|$)/,
  },
  {
    title: "SG2 libp2p's own first words without WebSocket are hung up on",
    says: "\u0013/multistream/1.0.0\n",
    answer: /^$/,
  },
  {
    title: "SG2 TLS on a WebSocket address is hung up on",
    says: Buffer.concat([Buffer.from([0x16, 3, 1, 2, 0, 1]), randomBytes(500)]),
    answer: /^$/,
  },
  {
    title: "SG2 an upgrade and then garbage is hung up on",
    says: Buffer.concat([Buffer.from(`${upgrade}\r\n\r\n`), randomBytes(2_000)]),
    answer: /^HTTP\/1\.1 101 /,
  },
  {
    title: "AD9 a web page is refused by its Origin",
    says: `${upgrade}\r\nOrigin: http://evil.example\r\n\r\n`,
    answer: /^HTTP\/1\.1 403 /,
  },
  {
    title: "AD9 and so is a page of no origin",
    says: `${upgrade}\r\norigin: null\r\n\r\n`,
    answer: /^HTTP\/1\.1 403 /,
  },
  {
    title: "SG2 text messages where bytes are due are hung up on",
    says: Buffer.concat([
      Buffer.from(`${upgrade}\r\n\r\n`),
      wsFrame(1, 200, Buffer.alloc(200, "x")),
    ]),
    answer: /^HTTP\/1\.1 101 /,
  },
  {
    title: "P6 a message above WEBSOCKET_MESSAGE_BYTES_MAX is refused at its announcement",
    says: Buffer.concat([
      Buffer.from(`${upgrade}\r\n\r\n`),
      wsFrame(2, MESSAGE_BYTES + 1, Buffer.alloc(10)),
    ]),
    answer: /^HTTP\/1\.1 101 /,
  },
])(
  "$title",
  async ({ says, answer }) => {
    const victim = await victimOnWs();
    const startMs = performance.now();
    expect(await answerTo(victim, says)).toMatch(answer);
    // Not only by a time limit, all of which are longer.
    expect(performance.now() - startMs).toBeLessThan(10_000);
    expect(victim.ups).toEqual([]);
    await friendComesUp(victim);
  },
  40_000,
);

test("P6 whoever says nothing, or half of a request, is hung up on after websocketOpenMs", async () => {
  const victim = await victimOnWs({ websocketOpenMs: 600 });
  const callers = ["", "GET / HT", "GET / HTTP/1.1\r\nHost: x\r\n"].map((says) =>
    caller(victim, says),
  );
  await sleep(300);
  expect(callers.map(({ closed }) => closed)).toEqual([false, false, false]);
  for (const socket of callers) socket.resume();
  await until("all were hung up on", () => callers.every(({ closed }) => closed), 5_000);
  await friendComesUp(victim);
});

test("P6 silent callers do not keep the transport from stopping", async () => {
  const victim = await victimOnWs();
  for (let index = 0; index < 5; index += 1)
    caller(victim, index % 2 === 0 ? "" : "GET / HT").resume();
  await sleep(200);
  const startMs = performance.now();
  await victim.transport.stop();
  expect(performance.now() - startMs).toBeLessThan(3_000);
});

test("P6 200 callers full of garbage neither crash the host nor block its loop, and members come up", async () => {
  const victim = await victimOnWs();
  for (let index = 0; index < 200; index += 1) {
    const opening = index % 3 === 0 ? `${upgrade}\r\n\r\n` : index % 3 === 1 ? "GET " : "";
    caller(victim, Buffer.concat([Buffer.from(opening), randomBytes(1 + index * 5)])).resume();
    if (index % 20 === 0) await sleep(5);
  }
  await friendComesUp(victim);
});
