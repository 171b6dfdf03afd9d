/** A live libp2p transport of a closed fleet: who is not let in hears nothing, is not heard, and costs little (rule ME3). */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { multiaddr } from "@multiformats/multiaddr";
import type { AdmissionRefusal } from "@pulsemesh/core";
import { memberAddressBytes } from "@pulsemesh/testkit";
import { afterEach, expect, test } from "vitest";
import { HeldLink } from "../support/held-link.ts";
import { OUR_FLEET, seedOf, until } from "../support/libp2p-harness.ts";
import { frame, helloFrame, listeningStranger } from "../support/stranger.ts";
import type { Stranger } from "../support/stranger.ts";
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
  let round = 0;
  await until("it hears gossip", () => {
    round += 1;
    victim.transport.publish("state", Buffer.from(`${WARM_UP} ${round}`));
    return friend.gossip.length > 0;
  });
  return friend;
}

const WARM_UP = "warm-up";

/** What a member has heard since. */
const heardBy = ({ gossip }: Victim): readonly string[] =>
  gossip.map((bytes) => Buffer.from(bytes).toString()).filter((text) => !text.startsWith(WARM_UP));

/** The binary end of every address of a member. */
const idOf = ({ address }: Victim): Uint8Array => multiaddr(address).bytes.slice(-32);

/** A subscription, a GRAFT and a message, each a gossipsub message of its own. */
const gossipAttack = (text: string): readonly Uint8Array[] => {
  const field = (tag: number, bytes: Uint8Array): Buffer =>
    Buffer.from([tag, bytes.length, ...bytes]);
  const subscription = Buffer.concat([Buffer.from([0x08, 1]), field(0x12, TOPIC)]);
  const message = Buffer.concat([field(0x12, Buffer.from(text)), field(0x22, TOPIC)]);
  const graft = field(0x1a, field(0x0a, TOPIC));
  return [field(0x0a, subscription), field(0x1a, graft), field(0x12, message)].map(frame);
};

test("ME3 AD10 SG4 a peer that is not let in gets no gossip, and its messages, subscriptions and GRAFTs come to nobody, before its hello and after", async () => {
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
  await until("the member hears all", () => heardBy(friend).length >= 40);
  expect(new Set(told)).toEqual(new Set([0]));
  expect(victim.gossip).toEqual([]);
  expect(heardBy(friend).filter((text) => !text.startsWith("secret"))).toEqual([]);
  expect(victim.refusals).toEqual([{ node: stranger.node, refusal: "grant-none" }]);
});

test("ME3 AD10 CH6 who is not let in is told of nobody else, neither by whom it calls nor by whom it is called", async () => {
  const victim = await closedVictim();
  const friend = await member(victim);
  victim.transport.members([friend.transport.node], []);
  const names = (hello: Uint8Array): boolean => Buffer.from(hello).includes(idOf(friend));
  const stranger = await scene.strangerTo(victim);
  const refusal = await stranger.greet();
  expect([names(refusal), Buffer.from(refusal).includes("grant-none")]).toEqual([false, true]);
  const newcomer = await scene.strangerTo(victim);
  const welcome = await newcomer.greet({ grant: GRANT });
  expect([names(welcome), Buffer.from(welcome).includes("grant-none")]).toEqual([true, false]);
  const called = await listeningStranger();
  scene.atEnd(() => called.stop());
  victim.transport.remember([called.address]);
  await until("it was called", () => called.heard.length > 0);
  const [hello = new Uint8Array(0)] = called.heard;
  expect([hello.length > 0, names(hello)]).toEqual([true, false]);
});

test("ME3 AD10 of the addresses that somebody who is not let in tells of none is kept", async () => {
  const victim = await closedVictim();
  const stranger = await scene.strangerTo(victim);
  victim.transport.members([stranger.node], []);
  await stranger.greet({ known: [memberAddressBytes(1, "127.0.0.1", 1)] });
  await closed(stranger);
  expect(victim.transport.knownMembers).toEqual([]);
  expect(victim.transport.dialCounts.begun).toBe(0);
});

test("ME3 AD10 frames on direct and sync of a peer that is not let in come to nobody, and its streams are reset", async () => {
  const victim = await closedVictim();
  const stranger = await scene.strangerTo(victim);
  victim.transport.members([stranger.node], []);
  const early = [await stranger.open("direct"), await stranger.open("sync")];
  for (const stream of early) stream.send(frame(Uint8Array.of(7)));
  await stranger.connection.newStream(`/pulsemesh/${OUR_FLEET}/dialback/1`);
  await stranger.greet();
  await until("they are reset", () => early.every(({ status }) => status !== "open"));
  const late = await stranger.open("direct").catch(() => undefined);
  if (late?.status === "open") late.send(frame(Uint8Array.of(8)));
  await closed(stranger);
  expect(victim.messages).toEqual([]);
  expect(victim.ups).toEqual([]);
  expect(victim.rejects).toEqual(["dial-back-refused"]);
});

test("ME3 AD10 who presents nothing is hung up on after 5 s", async () => {
  const victim = await closedVictim();
  const stranger = await scene.strangerTo(victim);
  const sinceMs = performance.now();
  await closed(stranger);
  const tookMs = performance.now() - sinceMs;
  expect(victim.rejects).toEqual(["hello-timeout"]);
  expect(tookMs).toBeGreaterThan(4_500);
  expect(tookMs).toBeLessThan(8_000);
});

test("ME3 P6 a hello that comes byte by byte is refused in time, and a member comes up meanwhile", async () => {
  const victim = await closedVictim("victim", { tuning: { helloTimeoutMs: 600 } });
  const stranger = await scene.strangerTo(victim);
  const stream = await stranger.open("hello");
  const bytes = helloFrame({ grant: GRANT });
  let at = 0;
  const drip = setInterval(() => {
    if (stream.status === "open" && at < bytes.length) stream.send(bytes.subarray(at, (at += 1)));
  }, 100);
  scene.atEnd(() => clearInterval(drip));
  await member(victim);
  await closed(stranger);
  expect(victim.rejects).toEqual(["hello-timeout"]);
  expect(victim.refusals).toEqual([]);
  expect(victim.ups).not.toContain(stranger.node);
});

/** Says hello on a connection of its own; until it is hung up on. */
async function call(stranger: Stranger, victim: Victim): Promise<void> {
  try {
    const connection = await stranger.host.dial(multiaddr(victim.address), { force: true });
    const stream = await connection.newStream(`/pulsemesh/${OUR_FLEET}/hello/1`);
    if (stream.status === "open") stream.send(helloFrame({ grant: GRANT }));
    await until("it was hung up on", () => connection.status !== "open");
  } catch {
    // Hung up on while it was calling.
  }
}

test("ME3 AD11 a revoked node says one hello, and is then hung up on as soon as it is known who calls", async () => {
  const revoked = new Set<string>();
  const victim = await closedVictim("victim", {
    admit: (node) => (revoked.has(node) ? "revoked" : undefined),
  });
  const stranger = await scene.strangerTo(victim);
  await stranger.greet({ grant: GRANT });
  await until("it was in", () => victim.ups.includes(stranger.node));
  revoked.add(stranger.node);
  victim.transport.expel([stranger.node], 1);
  victim.transport.lastWordSaid([stranger.node], 1);
  expect(victim.downs).toEqual([stranger.node]);
  await closed(stranger);
  await call(stranger, victim);
  expect(victim.refusals).toEqual([{ node: stranger.node, refusal: "revoked" }]);
  for (let index = 0; index < 5; index += 1) await call(stranger, victim);
  expect(victim.refusals).toHaveLength(1);
  expect(victim.rejects).toEqual(Array.from({ length: 5 }, () => "peer-denied"));
  await member(victim);
});

test("ME3 AD11 a revoked node of which no revocation counts any more says hello at once, whether it is of the roster or not", async () => {
  let refusal: AdmissionRefusal | undefined = "revoked";
  const victim = await closedVictim("victim", {
    admit: () => refusal,
    isRevoked: () => refusal !== undefined,
  });
  const stranger = await scene.strangerTo(victim);
  await stranger.greet({ grant: GRANT });
  await closed(stranger);
  await call(stranger, victim);
  expect(victim.rejects).toEqual(["peer-denied"]);
  refusal = undefined;
  void call(stranger, victim);
  await until("it was heard", () => victim.ups.length + victim.rejects.length > 1);
  expect([victim.ups, victim.rejects]).toEqual([[stranger.node], ["peer-denied"]]);
});

test("ME3 AD11 a further hello of who was let in is judged too: an ended grant ends the connection, a node that cannot judge for a moment ends nothing", async () => {
  let refusal: AdmissionRefusal | undefined;
  const victim = await closedVictim("victim", { admit: () => refusal });
  const stranger = await scene.strangerTo(victim);
  await stranger.greet({ grant: GRANT });
  refusal = "not-ready";
  await stranger.greet({ grant: GRANT });
  await sleep(1_000);
  expect([victim.downs, stranger.connection.status]).toEqual([[], "open"]);
  const newcomer = await scene.strangerTo(victim);
  await newcomer.greet({ grant: GRANT });
  await closed(newcomer);
  refusal = "grant-expired";
  await stranger.greet({ grant: GRANT });
  // At once, and not only with the connection, which ends a moment later.
  expect(victim.downs).toEqual([stranger.node]);
  await closed(stranger);
  expect(victim.ups).toEqual([stranger.node]);
  const refusals = victim.refusals.map((each) => each.refusal);
  expect(new Set(refusals.slice(0, -1))).toEqual(new Set(["not-ready"]));
  expect(refusals.at(-1)).toBe("grant-expired");
});

test("ME3 P6 peers that are not let in and flood hellos, streams and gossip are bounded, and what members say to each other arrives", async () => {
  const victim = await closedVictim();
  const friend = await member(victim);
  let isOver = false;
  const attack = async (): Promise<void> => {
    const stranger = await scene.strangerTo(victim, [GOSSIP]);
    // On one that stays it could ask why it is refused, and would be waited for.
    stranger.connection.abort(new Error("again"));
    while (!isOver) {
      try {
        const connection = await stranger.host.dial(multiaddr(victim.address), { force: true });
        const gossip = await connection.newStream(GOSSIP);
        for (const bytes of gossipAttack("lie")) gossip.send(bytes);
        for (const name of ["sync", "direct", "hello"]) {
          const stream = await connection.newStream(`/pulsemesh/${OUR_FLEET}/${name}/1`);
          if (stream.status === "open") stream.send(helloFrame({ grant: "no.such.grant" }));
        }
        await sleep(20);
        connection.abort(new Error("again"));
      } catch {
        await sleep(20);
      }
    }
  };
  const sinceMs = performance.now();
  const attacks = [attack(), attack()];
  for (let index = 0; index < 60; index += 1) {
    victim.transport.publish("state", Buffer.from(`still here ${index}`));
    expect(await victim.transport.send(friend.transport.node, "direct", Uint8Array.of(1))).toBe(
      true,
    );
    await sleep(50);
  }
  isOver = true;
  await Promise.all(attacks);
  const seconds = (performance.now() - sinceMs) / 1_000;
  await until("the member heard all", () => heardBy(friend).length >= 60);
  expect(heardBy(friend).filter((text) => text === "lie")).toEqual([]);
  expect(friend.messages).toHaveLength(60);
  expect([victim.gossip, victim.messages]).toEqual([[], []]);
  expect(victim.ups).toEqual([friend.transport.node]);
  expect(victim.downs).toEqual([]);
  expect(victim.refusals.length).toBeGreaterThan(2);
  expect(victim.refusals.length).toBeLessThanOrEqual(2 * (32 + 2 * (seconds + 1)));
  expect(new Set(victim.refusals.map(({ refusal }) => refusal))).toEqual(new Set(["grant-none"]));
}, 60_000);

test.each([
  ["may ask why for seconds", 900],
  ["is about to be hung up on", 50],
])(
  "AD11 ME3 who is refused, starts again behind a link that died without a word, and has a grant by now, is judged at once: one that %s",
  async (_which, afterMs) => {
    const victim = await closedVictim("victim", { roots: { formerRow: () => Buffer.from("row") } });
    const link = new HeldLink(Number(victim.address.split("/")[4]));
    scene.atEnd(() => link[Symbol.asyncDispose]());
    const address = victim.address.replace(/tcp\/\d+/, `tcp/${await link.listen()}`);
    const privateKey = seedOf("late");
    const lets = { privateKey, admit: () => undefined };
    await scene.victim("late", { ...lets, grant: "an.old.grant", join: [address] });
    await until("it is refused", () => victim.refusals.length > 0);
    link.hold();
    await sleep(afterMs);
    const sinceMs = performance.now();
    const again = await scene.victim("again", { ...lets, grant: GRANT, join: [victim.address] });
    await until("it is in", () => victim.ups.length > 0 && again.ups.length > 0);
    expect(performance.now() - sinceMs).toBeLessThan(1_500);
    // On the connection on which it has said hello first.
    expect(again.transport.dialCounts.begun).toBe(1);
    await sleep(700);
    expect([victim.ups, victim.downs, again.downs]).toEqual([[again.transport.node], [], []]);
    expect(victim.refusals).toHaveLength(1);
  },
);

test("AD11 P6 who says with each call that it has started again is judged once in 500 ms, and a further hello of who did not is reset unread", async () => {
  const victim = await closedVictim("victim", { roots: { formerRow: () => Buffer.from("row") } });
  const stranger = await scene.strangerTo(victim);
  const first = Buffer.from(await stranger.greet({ grant: "an.old.grant" }));
  expect(first.includes("grant-none")).toBe(true);
  expect(await stranger.greet({ grant: GRANT })).toHaveLength(0);
  expect(stranger.connection.status).toBe("open");
  const sinceMs = performance.now();
  let calls = 0;
  while (performance.now() - sinceMs < 3_000) {
    calls += 1;
    const connection = await stranger.host.dial(multiaddr(victim.address), { force: true });
    const stream = await connection.newStream(`/pulsemesh/${OUR_FLEET}/hello/1`);
    const instance = calls.toString(16).padStart(16, "f");
    if (stream.status === "open") stream.send(helloFrame({ grant: "an.old.grant", instance }));
    await sleep(100);
  }
  const halves = Math.ceil((performance.now() - sinceMs) / 500);
  expect(calls).toBeGreaterThan(2 * halves);
  expect(victim.refusals.length).toBeGreaterThan(2);
  expect(victim.refusals.length).toBeLessThanOrEqual(1 + halves);
  expect(victim.ups).toEqual([]);
}, 30_000);

test("ME3 AD11 who is not let in is told so and says so, whoever called, and does not take itself for a member", async () => {
  const warned: object[] = [];
  const ignore = (): void => undefined;
  const warn = (fields: object): void => void warned.push(fields);
  const logger = { debug: ignore, info: ignore, warn, error: ignore };
  const victim = await closedVictim();
  const caller = await scene.victim("caller", { join: [victim.address], logger });
  await until("it knows", () => warned.length + caller.ups.length > 0);
  expect(warned).toEqual([{ node: victim.transport.node, reason: "grant-none" }]);
  await sleep(700);
  expect([caller.ups, victim.ups]).toEqual([[], []]);
  const called = await scene.victim("called", { logger });
  const other = await closedVictim("other", { join: [called.address] });
  await until("the called one says so", () => warned.length > 1);
  expect(warned[1]).toEqual({ node: other.transport.node, reason: "grant-none" });
  expect(called.transport.peers()).toEqual([]);
  expect(other.ups).toEqual([]);
});
