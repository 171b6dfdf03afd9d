/** The secret of a private network on real sockets: who does not have it gets no handshake (rule AD12). */
import { discoverFleet, enrol } from "@pulsemesh/transport-libp2p";
import { afterEach, expect, test } from "vitest";
import { OUR_FLEET, seedOf, until } from "../support/libp2p-harness.ts";
import { Scene } from "../support/victim.ts";

const scene = new Scene();
afterEach(() => scene.end());

const keyOf = (digit: string): Uint8Array =>
  Buffer.from(`/key/swarm/psk/1.0.0/\n/base16/\n${digit.repeat(64)}\n`);

test.each(["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/tcp/0/ws"])(
  "AD12 nodes with the same key meet and hear each other, at %s",
  async (listen) => {
    const networkKey = keyOf("a");
    const one = await scene.victim("one", { networkKey, listen: [listen] });
    const other = await scene.victim("other", { networkKey, join: [one.address] });
    await until("both are up", () => one.ups.length > 0 && other.ups.length > 0);
    const long = Buffer.alloc(200_000, "x");
    expect(await one.transport.send(other.transport.node, "sync", long)).toBe(true);
    await until("a long frame has come whole", () => other.messages.length > 0);
    expect(Buffer.compare(other.messages[0] ?? new Uint8Array(), long)).toBe(0);
  },
);

test("AD12 who has another key, or none, is never up, finds no fleet and is answered nothing, on either side", async () => {
  const inside = await scene.victim("inside", { networkKey: keyOf("a") });
  const join = [inside.address];
  const others = [
    await scene.victim("another key", { join, networkKey: keyOf("b") }),
    await scene.victim("no key", { join }),
  ];
  const friend = await scene.victim("friend", { join, networkKey: keyOf("a") });
  await until("who has the key is up", () => inside.ups.length > 0);
  const signal = AbortSignal.timeout(3_000);
  const questions = [
    discoverFleet(join, seedOf("asks without"), { signal }),
    discoverFleet(join, seedOf("asks with another"), { signal, networkKey: keyOf("b") }),
    enrol({
      addresses: join,
      fleet: OUR_FLEET,
      privateKey: seedOf("asks"),
      request: Buffer.from("x"),
      signal,
    }),
  ];
  for (const { status } of await Promise.allSettled(questions)) expect(status).toBe("rejected");
  expect(await discoverFleet(join, seedOf("asks with it"), { networkKey: keyOf("a") })).toBe(
    OUR_FLEET,
  );
  expect(inside.ups).toEqual([friend.transport.node]);
  expect(others.flatMap(({ ups }) => ups)).toEqual([]);
});
