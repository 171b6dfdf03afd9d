/** The secret of a private network on real sockets: who does not have it gets no handshake (rule AD12). */
import { discoverFleet, enrol } from "@pulsemesh/transport-libp2p";
import { afterEach, expect, test } from "vitest";
import { OUR_FLEET, seedOf, until } from "../support/libp2p-harness.ts";
import { Scene, type Victim } from "../support/victim.ts";

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

test.each(["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/tcp/0/ws"])(
  "AD12 whoever asks with another key, with none, or with one where there is none, is told that the key may be it, at %s",
  async (listen) => {
    const inside = await scene.victim("inside", { networkKey: keyOf("a"), listen: [listen] });
    const outside = await scene.victim("outside", { listen: [listen] });
    const question = { fleet: OUR_FLEET, request: Buffer.from("x"), privateKey: seedOf("asks") };
    const answerTo = (at: Victim, networkKey?: Uint8Array): Promise<string> =>
      enrol({ ...question, addresses: [at.address], networkKey }).then(String, String);
    const [none, other, needless] = await Promise.all([
      answerTo(inside),
      answerTo(inside, keyOf("b")),
      answerTo(outside, keyOf("a")),
    ]);
    expect(none).toContain("may be a private network, whose key this node was not given");
    expect(other).toContain("in one with another key than that of --network-key-file");
    expect(needless).toContain("may be in no private network");
    // Both with the same key, or both without: it is something else then.
    expect(await answerTo(inside, keyOf("a"))).toContain("takes nobody in now");
    expect(await answerTo(outside)).toContain("takes nobody in now");
  },
  30_000,
);

test("AD12, AD4 a node that dials into a private network, or out of one, sees of it that no handshake comes about", async () => {
  const inside = await scene.victim("inside", { networkKey: keyOf("a") });
  const gaveUp = new AbortController();
  const outcomes: string[] = [];
  const question = discoverFleet([inside.address], seedOf("asks"), {
    signal: gaveUp.signal,
    failed: (_round, tried) => {
      outcomes.push(...tried.map(({ outcome }) => outcome));
      gaveUp.abort();
    },
  });
  await expect(question).rejects.toMatchObject({ code: "join-failed" });
  expect(outcomes).toEqual(["no-handshake"]);
  const outside = await scene.victim("outside");
  const member = await scene.victim("member", { join: [outside.address], networkKey: keyOf("b") });
  const links = async (): Promise<readonly string[]> => {
    const found = await member.transport.checkLinks();
    return found.flatMap(({ dialled }) => dialled.map(({ outcome }) => outcome));
  };
  await expect.poll(links, { timeout: 20_000 }).toEqual(["no-handshake"]);
}, 30_000);
