/** What one peer says while it is not heard, on real libp2p, is heard where another one says it. */
import { setTimeout as sleep } from "node:timers/promises";
import type { NodeId } from "@pulsemesh/core";
import { afterEach, expect, test } from "vitest";
import { until } from "../support/libp2p-harness.ts";
import { Scene, type Victim } from "../support/victim.ts";

const LISTEN = { listen: ["/ip4/127.0.0.1/tcp/0"] };

const scene = new Scene();
afterEach(() => scene.end());

test.each([1_000, 5_000])(
  "SG4 AD11 what a peer that is not heard says first is heard of a friend that passes it on: %i bytes, which are announced as not wanted twice from 4,096 on",
  async (bytes) => {
    // The friend alone is connected to the author, so what comes of it is what it passes on.
    let loud: NodeId = "";
    const node = await scene.victim("node", {
      ...LISTEN,
      judge: (from) => (from === loud ? "unheard" : "accept"),
    });
    const friend = await scene.victim("friend", { ...LISTEN, join: [node.address] });
    await until("they are connected", () => node.ups.length === 1);
    const knows = ({ transport }: Victim) => ({
      join: [transport.addresses()[0] ?? ""],
      admit: (other: NodeId) => (other === transport.node ? undefined : "grant-none"),
    });
    const author = await scene.victim("author", knows(friend));
    const talker = await scene.victim("talker", knows(node));
    loud = talker.transport.node;
    await until("it is connected", () => node.ups.includes(loud));
    // Until gossip goes all the way.
    const [before] = [node.gossip.length];
    for (let round = 0; round < 100 && node.gossip.length === before; round += 1) {
      author.transport.publish("authority", Uint8Array.of(round));
      await sleep(100);
    }
    const said = new Uint8Array(bytes).fill(7);
    const heardOfSaid = (): number => node.gossip.filter(({ length }) => length === bytes).length;
    talker.transport.publish("authority", said);
    await until("it was said once", () => heardOfSaid() === 1);
    await sleep(500);
    author.transport.publish("authority", said);
    await sleep(4_000);
    expect(heardOfSaid()).toBe(2);
  },
  60_000,
);
