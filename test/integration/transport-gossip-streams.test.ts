/** Gossip streams of one peer keep nobody else's waiting. */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { Stream } from "@libp2p/interface";
import { afterEach, expect, test } from "vitest";
import { STREAM_AGAIN_MS } from "../../packages/transport-libp2p/src/gossip-streams.ts";
import { HeldLink } from "../support/held-link.ts";
import { OUR_FLEET, until } from "../support/libp2p-harness.ts";
import { frame } from "../support/stranger.ts";
import type { Stranger } from "../support/stranger.ts";
import { Scene } from "../support/victim.ts";
import type { Victim } from "../support/victim.ts";

/** A member whose link stalls costs the other side all the time that libp2p takes to give a stream up. */
const STALLED = 3;
const HEARD_MS_MAX = 3_000;

const GOSSIP = "/meshsub/1.2.0";
const PULSES = Buffer.from(`/pulsemesh/1/${OUR_FLEET}/pulse`);
/** What a router says first on each of its streams: that it is to be told of the topic. */
const SUBSCRIPTION = frame(
  Buffer.from([0x0a, PULSES.length + 4, 0x08, 1, 0x12, PULSES.length, ...PULSES]),
);

const passedMs = (sinceMs: number): number => performance.now() - sinceMs;

const scene = new Scene();
afterEach(() => scene.end());

test("P6 CH6 members whose links stall as they come up keep nobody else from hearing gossip", async () => {
  const stalling: HeldLink[] = [];
  const node = await scene.victim("node", {
    listen: ["/ip4/127.0.0.1/tcp/0"],
    admit: () => {
      for (const link of stalling) link.hold();
      return undefined;
    },
  });
  for (let index = 0; index < STALLED; index += 1) {
    const link = new HeldLink(Number(node.address.split("/")[4]));
    scene.atEnd(() => link[Symbol.asyncDispose]());
    const address = node.address.replace(/tcp\/\d+/, `tcp/${await link.listen()}`);
    stalling.push(link);
    await scene.victim(`stalled-${index}`, { join: [address] });
    await until("it is up", () => node.ups.length === index + 1);
  }
  stalling.length = 0;
  const friend = await scene.victim("friend", { join: [node.address] });
  await until("the friend is up", () => friend.ups.length === 1 && node.ups.length === STALLED + 1);
  const startMs = performance.now();
  for (let said = 1; friend.gossip.length === 0 && passedMs(startMs) < HEARD_MS_MAX; said += 1) {
    node.transport.publish("pulse", Uint8Array.of(said % 256, said >> 8));
    await sleep(10);
  }
  expect(friend.gossip.length).toBeGreaterThan(0);
  expect(node.downs).toEqual([]);
}, 60_000);

/** Its streams of gossip are opened by the test; of those that come it reads the latest and closes its half of the one before, as a router does. */
async function gossipper(node: Victim): Promise<{
  readonly stranger: Stranger;
  readonly speak: () => Promise<Stream>;
  readonly hears: (text: string) => boolean;
}> {
  const stranger = await scene.strangerTo(node, [GOSSIP]);
  let heard = "";
  let latest: Stream | undefined;
  const take = (stream: Stream): void => {
    void latest?.close();
    latest = stream;
    stream.addEventListener("message", ({ data }) => {
      heard += Buffer.from(data.subarray()).toString("latin1");
    });
  };
  await stranger.host.handle(GOSSIP, take, { force: true });
  const speak = async (): Promise<Stream> => {
    const stream = await stranger.connection.newStream(GOSSIP);
    stream.send(SUBSCRIPTION);
    return stream;
  };
  return { stranger, speak, hears: (text) => heard.includes(text) };
}

test("CH6 P6 a member that loses the stream of its own gossip, and opens another one, hears gossip again at once, on the connection that stands", async () => {
  const node = await scene.victim("node");
  const { stranger, speak, hears } = await gossipper(node);
  await stranger.greet();
  const hearsSoon = async (text: string): Promise<boolean> => {
    const startMs = performance.now();
    for (let said = 1; !hears(text) && passedMs(startMs) < HEARD_MS_MAX; said += 1) {
      node.transport.publish("pulse", Buffer.from(`${text} ${said}`));
      await sleep(10);
    }
    return hears(text);
  };
  let stream = await speak();
  expect(await hearsSoon("before")).toBe(true);
  for (const text of ["first loss", "second loss"]) {
    stream.abort(new Error("lost"));
    await sleep(STREAM_AGAIN_MS / 2);
    stream = await speak();
    expect(await hearsSoon(text)).toBe(true);
  }
  expect([stranger.connection.status, node.downs]).toEqual(["open", []]);
}, 60_000);
