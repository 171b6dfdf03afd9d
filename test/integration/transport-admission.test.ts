/** A live libp2p transport of a closed fleet: who is not let in hears nothing, is not heard, and costs little (rule ME3). */
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { OUR_FLEET, until } from "../support/libp2p-harness.ts";
import { frame } from "../support/stranger.ts";
import { closed, Scene } from "../support/victim.ts";
import type { Victim, VictimOptions } from "../support/victim.ts";

const GOSSIP = "/meshsub/1.2.0";
const TOPIC = Buffer.from(`/pulsemesh/1/${OUR_FLEET}/state`);
const GRANT = "the.right.grant";

const scene = new Scene();
afterEach(() => scene.end());

/** Lets in who presents the grant. */
const closedVictim = (name = "victim", options: VictimOptions = {}): Promise<Victim> =>
  scene.victim(name, {
    admit: (_node, grant) => (grant === GRANT ? undefined : "grant-none"),
    ...options,
  });

async function member(victim: Victim, name = "member"): Promise<Victim> {
  const friend = await scene.victim(name, { join: [victim.address], grant: GRANT });
  await until("a member is in", () => victim.ups.includes(friend.transport.node));
  return friend;
}

/** A subscription, a GRAFT and a message, each a gossipsub message of its own. */
const gossipAttack = (text: string): readonly Uint8Array[] => {
  const field = (tag: number, bytes: Uint8Array): Buffer =>
    Buffer.from([tag, bytes.length, ...bytes]);
  const subscription = Buffer.concat([Buffer.from([0x08, 1]), field(0x12, TOPIC)]);
  const message = Buffer.concat([field(0x12, Buffer.from(text)), field(0x22, TOPIC)]);
  const graft = field(0x1a, field(0x0a, TOPIC));
  return [field(0x0a, subscription), field(0x1a, graft), field(0x12, message)].map(frame);
};

test("ME3 SG4 a peer that is not let in gets no gossip, and its messages, subscriptions and GRAFTs come to nobody, before its hello and after", async () => {
  const victim = await closedVictim();
  const friend = await member(victim);
  const stranger = await scene.strangerTo(victim, [GOSSIP]);
  const toStranger = (): number =>
    stranger.connection.streams.filter(
      ({ direction, protocol }) => direction === "inbound" && protocol.startsWith("/meshsub"),
    ).length;
  const stream = await stranger.connection.newStream(GOSSIP);
  for (const bytes of gossipAttack("early")) stream.send(bytes);
  const told: number[] = [];
  const publish = async (): Promise<void> => {
    for (let index = 0; index < 20; index += 1) {
      victim.transport.publish("state", Buffer.from(`secret ${told.length}`));
      told.push(toStranger());
      await sleep(50);
    }
  };
  await publish();
  await stranger.greet();
  if (stream.status === "open") for (const bytes of gossipAttack("late")) stream.send(bytes);
  await publish();
  await closed(stranger);
  await until("the member hears all", () => friend.gossip.length >= 40);
  expect(new Set(told)).toEqual(new Set([0]));
  expect(victim.gossip).toEqual([]);
  expect(friend.gossip.map((bytes) => Buffer.from(bytes).toString().slice(0, 6))).not.toContain(
    "early",
  );
  expect(victim.refusals).toEqual([{ node: stranger.node, refusal: "grant-none" }]);
});
