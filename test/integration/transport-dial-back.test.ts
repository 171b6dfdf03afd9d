/** Members ask each other to dial back: who is reached where, and what strangers and liars get out of it. */
import { dagCborCodec } from "@pulsemesh/core";
import { afterEach, expect, test } from "vitest";
import { freePort } from "../support/free-port.ts";
import { OUR_FLEET, until } from "../support/libp2p-harness.ts";
import { connectStranger, frame } from "../support/stranger.ts";
import { Scene } from "../support/victim.ts";
import type { Victim } from "../support/victim.ts";

const DIAL_BACK = `/pulsemesh/${OUR_FLEET}/dialback/1`;
/** As many as one member gets at once. */
const AT_ONCE = 3;

const scene = new Scene();
afterEach(() => scene.end());

async function met(a: Victim, b: Victim): Promise<void> {
  await until(
    "they have met",
    () => a.ups.includes(b.transport.node) && b.ups.includes(a.transport.node),
  );
  a.transport.members([b.transport.node], []);
  b.transport.members([a.transport.node], []);
}

test("AD6 two members that reach each other say so, both ways, and are connected as before", async () => {
  const a = await scene.victim("a");
  const b = await scene.victim("b", { join: [a.address] });
  await met(a, b);
  const [[ofB], [ofA]] = await Promise.all([a.transport.checkLinks(), b.transport.checkLinks()]);
  const reached = (address: string): object => ({ address, outcome: "reached" });
  expect(ofB).toEqual({
    node: b.transport.node,
    connected: "inbound",
    dialled: [reached(b.address)],
    dialledBack: { ok: true, outcomes: [reached(a.address)] },
  });
  expect(ofA).toEqual({
    node: a.transport.node,
    connected: "outbound",
    dialled: [reached(a.address)],
    dialledBack: { ok: true, outcomes: [reached(b.address)] },
  });
  await until("no connection is left over", () => b.transport.ownConnections === 1);
  expect([a.downs, b.downs, a.rejects, b.rejects]).toEqual([[], [], [], []]);
});

test("AD3 AD6 an address that is announced and wrong is found, with what came of it", async () => {
  const a = await scene.victim("a");
  const [port, closed] = [await freePort(), await freePort()];
  const other = await scene.victim("other");
  const announce = [
    `/ip4/127.0.0.1/tcp/${closed}`,
    `/ip4/127.0.0.1/tcp/${other.address.split("/")[4]}`,
    `/ip4/127.0.0.1/tcp/${port}`,
    `/ip4/127.0.0.9/tcp/${closed}`,
  ];
  const listen = [`/ip4/127.0.0.1/tcp/${port}`];
  const b = await scene.victim("b", { join: [a.address], listen, announce });
  await met(a, b);
  // Others are told what is announced, and nothing else.
  expect(b.transport.addresses().map((text) => text.split("/p2p/")[0])).toEqual(announce);
  expect(a.transport.peers()[0]?.addresses).toEqual(b.transport.addresses());
  const [link] = await b.transport.checkLinks();
  const outcomes = link?.dialledBack?.ok === true ? link.dialledBack.outcomes : [];
  // Of hosts that it does not connect from it learns no more than that they did not lead to it.
  expect(outcomes.map(({ outcome }) => outcome)).toEqual([
    "refused",
    "wrong-node",
    "reached",
    "failed",
  ]);
});

test("AD6 of a member that is away it is told what came of the last dials", async () => {
  const a = await scene.victim("a");
  const b = await scene.victim("b", { join: [a.address] });
  await met(a, b);
  await a.transport.stop();
  await until("it is gone", () => b.downs.length === 1);
  const seen: unknown[] = [];
  await until("it was dialled", () => {
    void b.transport.checkLinks().then(([link]) => seen.push(link));
    return seen.some((link) => (link as { dialled: unknown[] }).dialled.length > 0);
  });
  expect(seen.at(-1)).toEqual({
    node: a.transport.node,
    connected: undefined,
    dialled: [{ address: a.address, outcome: "refused" }],
    dialledBack: undefined,
  });
});

test("AD6 P6 dialling back is for members: a stranger gets nothing, and is counted", async () => {
  const victim = await scene.victim();
  const stranger = await connectStranger(victim.address);
  scene.atEnd(() => stranger.host.stop());
  await stranger.greet();
  await until("it is up", () => victim.ups.includes(stranger.node));
  const stream = await stranger.connection.newStream(DIAL_BACK);
  const heard: number[] = [];
  stream.addEventListener("message", ({ data }) => void heard.push(data.byteLength));
  if (stream.status === "open") stream.send(frame(Uint8Array.of(1)));
  await until("it is answered, or hung up on", () => heard.length > 0 || stream.status !== "open");
  expect(heard).toEqual([]);
  expect(victim.rejects).toEqual(["dial-back-refused"]);
});

test("AD6 P6 a member gets DIAL_BACKS_AT_ONCE_MAX answers, then is told that this node is busy", async () => {
  const victim = await scene.victim();
  const stranger = await connectStranger(victim.address);
  scene.atEnd(() => stranger.host.stop());
  await stranger.greet();
  await until("it is up", () => victim.ups.includes(stranger.node));
  victim.transport.members([stranger.node], []);
  const answers: unknown[] = [];
  for (let round = 0; round <= AT_ONCE; round += 1) {
    const stream = await stranger.connection.newStream(DIAL_BACK);
    stream.addEventListener("message", ({ data }) => {
      answers.push(dagCborCodec.decode(data.subarray().slice(1)));
    });
    stream.send(frame(Uint8Array.of(1)));
    await until("it is answered", () => answers.length > round);
    await stream.close();
  }
  // It has announced no address, so there is none to dial.
  expect(answers).toEqual([[], [], [], null]);
});
