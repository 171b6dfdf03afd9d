/** What one peer may cost: hellos and direct frames beyond its budget are dropped before anybody reads them, and honest peers notice nothing. */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { Connection } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { afterEach, expect, test } from "vitest";
import { OUR_FLEET, until } from "../support/libp2p-harness.ts";
import { frame, helloFrame } from "../support/stranger.ts";
import { Scene } from "../support/victim.ts";

const HELLOS_AT_ONCE = 32;
const DIRECT_FRAMES_AT_ONCE = 512;

/** Says hello and hangs up on the answer; the other side may be faster. */
async function hello(connection: Connection): Promise<void> {
  try {
    const stream = await connection.newStream(`/pulsemesh/${OUR_FLEET}/hello/1`);
    stream.addEventListener("message", () => void connection.close());
    stream.send(helloFrame());
  } catch {
    connection.abort(new Error("refused"));
  }
}

const scene = new Scene();
afterEach(() => scene.end());

test("P6 hellos beyond HELLOS_AT_ONCE_MAX on one connection are dropped and counted, and the peer stays up", async () => {
  const victim = await scene.victim();
  const stranger = await scene.strangerTo(victim);
  for (let index = 0; index < 100; index += 1) await stranger.greet();
  const dropped = victim.rejects.filter((reason) => reason === "hello-too-many").length;
  expect(dropped).toBeGreaterThan(20);
  expect(dropped).toBeLessThanOrEqual(100 - HELLOS_AT_ONCE);
  expect(victim.ups).toEqual([stranger.node]);
  expect(victim.downs).toEqual([]);
});

test("P6 whoever hangs up and comes back for each hello is hung up on beyond HELLOS_AT_ONCE_MAX, and others come up meanwhile", async () => {
  const victim = await scene.victim();
  const stranger = await scene.strangerTo(victim);
  const startMs = performance.now();
  for (let round = 0; round < 60; round += 1) {
    const connection = await stranger.host.dial(multiaddr(victim.address), { force: true });
    await hello(connection);
    await until("it was answered or hung up on", () => connection.status !== "open");
  }
  const seconds = (performance.now() - startMs) / 1_000;
  const dropped = victim.rejects.filter((reason) => reason === "hello-too-many").length;
  expect(dropped).toBeGreaterThanOrEqual(60 - HELLOS_AT_ONCE - Math.ceil(2 * seconds));
  expect(dropped).toBeGreaterThan(0);
  const friend = await scene.victim("friend", { join: [victim.address] });
  await until("a friend comes up", () => friend.ups.includes(victim.transport.node), 10_000);
}, 60_000);

test("P6 direct frames beyond DIRECT_FRAMES_AT_ONCE_MAX are dropped and counted, later ones arrive", async () => {
  const victim = await scene.victim();
  const stranger = await scene.strangerTo(victim);
  await stranger.greet();
  const stream = await stranger.open("direct");
  const startMs = performance.now();
  for (let index = 0; index < 2_000; index += 1) stream.send(frame(Uint8Array.of(1)));
  await until(
    "all were taken or dropped",
    () => victim.messages.length + victim.rejects.length === 2_000,
  );
  const seconds = (performance.now() - startMs) / 1_000;
  expect(new Set(victim.rejects)).toEqual(new Set(["frames-too-many"]));
  expect(victim.messages.length).toBeGreaterThanOrEqual(DIRECT_FRAMES_AT_ONCE);
  expect(victim.messages.length).toBeLessThanOrEqual(DIRECT_FRAMES_AT_ONCE + 128 * (seconds + 1));
  expect(victim.downs).toEqual([]);
  await sleep(100);
  stream.send(frame(Uint8Array.of(2)));
  await until("a later one arrives", () => victim.messages.at(-1)?.[0] === 2);
});
