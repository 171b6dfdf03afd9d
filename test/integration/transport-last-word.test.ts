/** Live libp2p transports and the statement by which somebody is out: who hears it, and what stands behind it in what was read at once (rule AD11). */
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { OUR_FLEET, until } from "../support/libp2p-harness.ts";
import { frame } from "../support/stranger.ts";
import { Scene } from "../support/victim.ts";
import type { Victim } from "../support/victim.ts";

const GOSSIP = "/meshsub/1.2.0";
const HELLO = `/pulsemesh/${OUR_FLEET}/hello/1`;
const TOPIC = Buffer.from(`/pulsemesh/1/${OUR_FLEET}/state`);
const WORD = "the word";
const BEHIND = "behind it";

const scene = new Scene();
afterEach(() => scene.end());

const textsOf = ({ gossip }: Victim): readonly string[] =>
  gossip.map((bytes) => Buffer.from(bytes).toString());

/** Whoever hears the word parts from all others, and lets nobody in any more. */
async function partingAtTheWord(name: string, join: string | undefined): Promise<Victim> {
  let isOut = false;
  const node = await scene.victim(name, {
    ...(join === undefined ? {} : { join: [join], listen: [] }),
    admit: () => (isOut ? "grant-unknown" : undefined),
    heard: (text) => {
      isOut ||= text === WORD;
      if (text === WORD) partFromAll(node);
    },
  });
  return node;
}

function partFromAll({ transport, ups }: Victim): void {
  transport.expel(ups, 1);
  transport.lastWordSaid(ups, 1);
}

const LEAVES = 9;

test("AD11 ME2 behind a hub a word by which everybody is out comes to all, though the hub but passes it on, and with it what it stands upon", async () => {
  const hub = await partingAtTheWord("hub", undefined);
  const leaves: Victim[] = [];
  for (let index = 0; index < LEAVES; index += 1)
    leaves.push(await partingAtTheWord(`leaf ${index}`, hub.address));
  let round = 0;
  await until("the hub is heard by all", () => {
    round += 1;
    hub.transport.publish("authority", Buffer.from(`warm-up ${round}`));
    return hub.ups.length === LEAVES && leaves.every(({ gossip }) => gossip.length > 0);
  });
  const [first, ...others] = leaves;
  if (first === undefined) throw new Error("There is no leaf.");
  const said = ["what it stands upon", WORD];
  for (const text of said) {
    if (text === WORD) partFromAll(first);
    first.transport.publish("authority", Buffer.from(text));
    // Longer than what is passed on waits for more.
    await until("the hub has it", () => textsOf(hub).includes(text));
    await sleep(100);
  }
  await until("all were hung up on", () =>
    [hub, ...leaves].every(({ transport }) => transport.peers().length === 0),
  );
  await sleep(500);
  for (const leaf of others)
    expect(textsOf(leaf).filter((text) => said.includes(text))).toEqual(said);
});

test("AD11 ME2 who is expelled is told what is said of authority, and of nothing else but by gossip, also where it has subscribed to nothing yet", async () => {
  const victim = await scene.victim();
  const stranger = await scene.strangerTo(victim, [], false);
  let heard = "";
  await stranger.host.handle(GOSSIP, (stream) => {
    stream.addEventListener("message", ({ data }) => {
      heard += Buffer.from(data.subarray()).toString("latin1");
    });
  });
  await stranger.host.handle(HELLO, (stream) => stream.pause());
  await stranger.greet();
  await until("it is told what the victim subscribes to", () => heard.includes("/authority"));
  victim.transport.publish("authority", Buffer.from("before"));
  victim.transport.expel([stranger.node], 1);
  victim.transport.publish("state", Buffer.from("secret"));
  victim.transport.publish("authority", Buffer.from(WORD));
  victim.transport.lastWordSaid([stranger.node], 1);
  await until("it is hung up on", () => stranger.connection.status !== "open");
  expect(heard).toContain(WORD);
  expect(heard.indexOf("before")).toBeGreaterThan(0);
  expect(heard.indexOf("before")).toBeLessThan(heard.indexOf(WORD));
  expect(heard).not.toContain("secret");
});

/** Of protobuf. */
function field(tag: number, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from([tag]), frame(bytes)]);
}

const message = (text: string): Uint8Array =>
  field(0x12, Buffer.concat([field(0x12, Buffer.from(text)), field(0x22, TOPIC)]));

const SHORT = Array.from({ length: 1_500 }, (_, index) => `news ${index}`);
/** Long enough to be declined of who has it too. */
const LONG = Array.from({ length: 40 }, (_, index) => `news ${index} ${"x".repeat(4_096)}`);

test.each([
  ["a frame each", SHORT, (texts: readonly string[]) => texts.map((text) => frame(message(text)))],
  [
    "all in one frame",
    SHORT.slice(0, 200),
    (texts: readonly string[]) => [frame(Buffer.concat(texts.map(message)))],
  ],
  [
    "long ones, all in one frame",
    LONG,
    (texts: readonly string[]) => [frame(Buffer.concat(texts.map(message)))],
  ],
])(
  "AD11 P6 what a peer has sent behind the word by which it is out, in one piece with it, is heard where a member says it: %s",
  async (_, texts, framesOf) => {
    let outcast = "";
    const victim: Victim = await scene.victim("victim", {
      heard: (text) => {
        if (text === WORD) victim.transport.expel([outcast], 1);
      },
    });
    const friend = await scene.victim("friend", { join: [victim.address] });
    let round = 0;
    await until("they hear each other", () => {
      round += 1;
      friend.transport.publish("state", Buffer.from(`friend ${round}`));
      victim.transport.publish("state", Buffer.from(`victim ${round}`));
      return victim.gossip.length > 0 && friend.gossip.length > 0;
    });
    const stranger = await scene.strangerTo(victim, [GOSSIP], false);
    await stranger.host.handle(HELLO, (stream) => stream.pause());
    await stranger.greet();
    await until("it is in", () => victim.ups.includes(stranger.node));
    outcast = stranger.node;
    const stream = await stranger.connection.newStream(GOSSIP);
    stream.send(Buffer.concat(framesOf([WORD, ...texts])));
    await until("it is out", () => victim.downs.includes(outcast));
    await sleep(200);
    expect(textsOf(victim)).not.toContain(texts[0]);
    for (const text of texts) friend.transport.publish("state", Buffer.from(text));
    friend.transport.publish("state", Buffer.from(BEHIND));
    await until("the member is heard", () => textsOf(victim).includes(BEHIND));
    const heard = new Set(textsOf(victim));
    expect(texts.filter((text) => !heard.has(text))).toEqual([]);
  },
);
