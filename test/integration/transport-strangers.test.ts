/** What nodes that are no members may make a live transport do: dial nobody, keep nobody out, and hold little memory. */
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { multiaddr } from "@multiformats/multiaddr";
import { memberAddressBytes } from "@pulsemesh/testkit";
import { afterEach, expect, test } from "vitest";
import { until } from "../support/libp2p-harness.ts";
import { Scene } from "../support/victim.ts";

const BOOK_MEMBERS = 1_024;

const scene = new Scene();
afterEach(() => scene.end());

test("CH6 P6 an address file with BOOK_MEMBERS_MAX dead nodes keeps nobody from joining by an address that the user names", async () => {
  const friend = await scene.victim("friend");
  const dead = Array.from({ length: BOOK_MEMBERS }, (_, index) =>
    multiaddr(memberAddressBytes(index + 1, "127.0.0.1", 1)).toString(),
  );
  const addresses = {
    load: () => Promise.resolve({ addresses: dead, briefMs: new Map() }),
    save: () => Promise.resolve(),
  };
  const victim = await scene.victim("victim", { addresses, join: [friend.address] });
  await until("it has joined", () => victim.ups.includes(friend.transport.node), 15_000);
}, 30_000);

test("P6 a stranger that tells of a thousand addresses makes nobody dial any of them", async () => {
  let hits = 0;
  const server = createServer((socket) => {
    hits += 1;
    socket.on("error", () => undefined);
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  scene.atEnd(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const victim = await scene.victim();
  const stranger = await scene.strangerTo(victim);
  for (let round = 0; round < 16; round += 1) {
    const known = Array.from({ length: 64 }, (_, index) =>
      memberAddressBytes(round * 64 + index + 1, "127.0.0.1", port),
    );
    await stranger.greet({ known });
  }
  await sleep(4_000);
  expect(victim.ups).toEqual([stranger.node]);
  expect([hits, victim.transport.dialCounts.begun]).toEqual([0, 0]);
  expect(victim.transport.knownMembers).toEqual([]);
}, 30_000);

test("VE9 CH6 what a stranger said of itself counts once it is a member, and no more when it has left", async () => {
  const friend = await scene.victim("friend");
  const victim = await scene.victim("victim", { join: [friend.address] });
  await until("they have met", () => friend.ups.length === 1 && victim.ups.length === 1);
  const { node } = victim.transport;
  expect(friend.transport.knownMembers).toEqual([]);
  friend.transport.members([node], []);
  expect(friend.transport.knownMembers).toEqual([node]);
  friend.transport.members([], [node]);
  expect(friend.transport.knownMembers).toEqual([]);
});

test("P6 1,200 silent connections, renewed as they are cut, keep no member from coming up", async () => {
  const victim = await scene.victim();
  const port = Number(victim.address.split("/")[4]);
  const sockets = new Set<Socket>();
  let isOver = false;
  const open = (): void => {
    if (isOver) return;
    const socket = connect(port, "127.0.0.1");
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      sockets.delete(socket);
      setTimeout(open, 300);
    });
  };
  scene.atEnd(() => {
    isOver = true;
    for (const socket of sockets) socket.destroy();
  });
  for (let index = 0; index < 1_200; index += 1) {
    open();
    if (index % 50 === 0) await sleep(15);
  }
  await sleep(1_000);
  expect(sockets.size).toBeGreaterThan(900);
  const friend = await scene.victim("friend", { join: [victim.address] });
  await until("a friend comes up", () => friend.ups.includes(victim.transport.node), 15_000);
}, 40_000);

test("P6 strangers hold half of a host's connections at most: the oldest makes room, members and newcomers stay", async () => {
  const fleetSizeMax = 2;
  const strangersMax = (fleetSizeMax + 50) / 2;
  const victim = await scene.victim("victim", { fleetSizeMax });
  const friend = await scene.victim("friend", { join: [victim.address] });
  await until("a friend is up", () => victim.ups.length === 1);
  victim.transport.members([friend.transport.node], []);
  const strangers: string[] = [];
  for (let index = 0; index < strangersMax + 3; index += 1) {
    const stranger = await scene.strangerTo(victim);
    await stranger.greet();
    strangers.push(stranger.node);
  }
  await until("three have made room", () => victim.downs.length === 3);
  expect(victim.downs).toEqual(strangers.slice(0, 3));
  expect(victim.transport.peers()).toHaveLength(1 + strangersMax);
  expect(friend.downs).toEqual([]);
}, 60_000);
