/**
 * What every implementation of the network port must do, as tests. Run by the libp2p transport on real sockets and by simulated
 * ones on virtual time: the suite never waits by itself, it asks its harness to let time pass.
 */
import { DIRECT_FRAME_BYTES_MAX, GOSSIP_BYTES_MAX, SYNC_FRAME_BYTES_MAX } from "@pulsemesh/core";
import type {
  Channel,
  NodeId,
  PeerInfo,
  Topic,
  Transport,
  TransportHandler,
  TransportRejectReason,
  Validation,
} from "@pulsemesh/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

/** How to make one member. The same `name` means the same key, the same address and the same address memory. */
export interface MemberSpec {
  readonly name: string;
  /** @default the harness's first fleet */
  readonly fleet?: "ours" | "other" | undefined;
  /** Names of members to join by, running or not. @default none */
  readonly join?: readonly string[] | undefined;
}

/** A network of one implementation, and its time. */
export interface TransportHarness {
  /** A transport that is not started. */
  create(spec: MemberSpec): Promise<Transport>;
  /** Where `name` can be joined, also before it exists. */
  addressOf(name: string): Promise<string>;
  /** Lets time pass until `condition` holds; rejects with `what` after `limitMs`. */
  until(what: string, condition: () => boolean, limitMs?: number): Promise<void>;
  /** Lets time pass. */
  pass(durationMs: number): Promise<void>;
  /** Stops what still runs. */
  dispose(): Promise<void>;
}

/** Messages that a member's handler saw, in order. */
interface Seen {
  readonly gossip: { readonly topic: Topic; readonly from: NodeId; readonly text: string }[];
  readonly messages: {
    readonly channel: Channel;
    readonly from: NodeId;
    readonly bytes: Uint8Array;
  }[];
  readonly ups: PeerInfo[];
  readonly downs: NodeId[];
  readonly rejects: TransportRejectReason[];
}

interface Member {
  readonly transport: Transport;
  readonly seen: Seen;
}

const SETTLE_MS = 20_000;
/** Longer than any repair of a lost message by the gossip layer would need to show as a double delivery. */
const QUIET_MS = 1_500;

/** Registers the contract suite for one implementation. */
export function transportContract(
  name: string,
  createHarness: () => Promise<TransportHarness>,
): void {
  describe(`transport contract: ${name}`, () => {
    let harness: TransportHarness;
    let members: Member[];

    beforeEach(async () => {
      harness = await createHarness();
      members = [];
    });
    afterEach(async () => {
      await Promise.all(members.map((member) => member.transport.stop()));
      await harness.dispose();
    });

    async function start(
      spec: MemberSpec,
      validate: (text: string) => Validation = () => "accept",
    ): Promise<Member> {
      const seen: Seen = { gossip: [], messages: [], ups: [], downs: [], rejects: [] };
      const transport = await harness.create(spec);
      const member = { transport, seen };
      members.push(member);
      const handler = record(seen, validate);
      await transport.start({
        ...handler,
        // Core learns soon after a hello who is a member: here all are.
        peerUp: (peer) => {
          handler.peerUp(peer);
          transport.members([peer.node], []);
        },
      });
      return member;
    }

    /** Members m0 … that all joined by m0 and all see each other. */
    async function fleet(
      size: number,
      validate?: (text: string) => Validation,
    ): Promise<readonly Member[]> {
      const started: Member[] = [];
      for (let index = 0; index < size; index += 1) {
        started.push(await start({ name: `m${index}`, join: index === 0 ? [] : ["m0"] }, validate));
      }
      await harness.until(
        "everybody sees everybody",
        () => started.every((member) => member.transport.peers().length === size - 1),
        SETTLE_MS,
      );
      return started;
    }

    async function gossipFlows(started: readonly Member[]): Promise<void> {
      let round = 0;
      await harness.until(
        "gossip flows",
        () => {
          round += 1;
          for (const member of started)
            member.transport.publish("pulse", bytesOf(`warm-up ${round} ${member.transport.node}`));
          return started.every(
            (member) =>
              new Set(member.seen.gossip.map((seen) => seen.text.split(" ")[2])).size >=
              started.length - 1,
          );
        },
        SETTLE_MS,
      );
      await harness.pass(QUIET_MS);
      for (const member of started) member.seen.gossip.length = 0;
    }

    test.each([2, 3, 5])(
      "CH6 %i members that know one address all say hello to each other",
      async (size) => {
        const started = await fleet(size);
        for (const { transport, seen } of started) {
          const others = started
            .map((other) => other.transport.node)
            .filter((node) => node !== transport.node);
          expect(
            transport
              .peers()
              .map((peer) => peer.node)
              .toSorted(),
          ).toEqual(others.toSorted());
          expect(seen.ups.map((peer) => peer.node).toSorted()).toEqual(others.toSorted());
          expect(seen.downs).toEqual([]);
          expect(
            transport.addresses().every((address) => address.endsWith(`/p2p/${transport.node}`)),
          ).toBe(true);
        }
        const [first, second] = started;
        const peer = first?.transport.peers().find((info) => info.node === second?.transport.node);
        expect(peer?.addresses).toEqual(second?.transport.addresses());
      },
    );

    test("SG2 gossip reaches every member exactly once, and not its sender", async () => {
      const started = await fleet(5);
      await gossipFlows(started);
      for (const [index, { transport }] of started.entries())
        transport.publish("state", bytesOf(`from ${index}`));
      await harness.until(
        "all messages arrived",
        () => started.every((member) => member.seen.gossip.length >= 4),
        SETTLE_MS,
      );
      await harness.pass(QUIET_MS);
      for (const [index, { seen }] of started.entries()) {
        const expected = [0, 1, 2, 3, 4]
          .filter((sender) => sender !== index)
          .map((sender) => `from ${sender}`);
        expect(seen.gossip.map(({ text }) => text).toSorted()).toEqual(expected);
        expect(seen.gossip.every(({ topic }) => topic === "state")).toBe(true);
      }
    });

    test("SG4 a throwing validator neither crashes the transport nor stops later gossip", async () => {
      const started = await fleet(2, (text) => {
        if (text === "bomb") throw new Error("validator bug");
        return text.startsWith("bad") ? "reject" : text.startsWith("old") ? "ignore" : "accept";
      });
      await gossipFlows(started);
      const [first, second] = pair(started);
      for (const text of ["bomb", "bad", "old", "good"])
        first.transport.publish("state", bytesOf(text));
      await harness.until(
        "the last one arrived",
        () => second.seen.gossip.some(({ text }) => text === "good"),
        SETTLE_MS,
      );
    });

    test("SG4 what was not heard of one member is heard where another says it", async () => {
      const heard = { first: 0 };
      const started = await fleet(3, (text) => {
        if (text !== "word" || heard.first === 2) return "accept";
        heard.first += 1;
        return "unheard";
      });
      await gossipFlows(started);
      const [first, second] = pair(started);
      first.transport.publish("state", bytesOf("word"));
      await harness.until("nobody has heard it", () => heard.first === 2, SETTLE_MS);
      await harness.pass(QUIET_MS);
      second.transport.publish("state", bytesOf("word"));
      const wordsAt = ({ seen }: Member): number =>
        seen.gossip.filter(({ text }) => text === "word").length;
      const third = started[2] ?? second;
      await harness.until("the third hears it", () => wordsAt(third) > 1, SETTLE_MS);
    });

    test("P6 gossip above GOSSIP_BYTES_MAX is not sent, at the limit it is", async () => {
      const started = await fleet(2);
      await gossipFlows(started);
      const [first, second] = pair(started);
      first.transport.publish("state", new Uint8Array(GOSSIP_BYTES_MAX + 1).fill(65));
      first.transport.publish("state", new Uint8Array(GOSSIP_BYTES_MAX).fill(66));
      await harness.until(
        "the permitted one arrived",
        () => second.seen.gossip.length > 0,
        SETTLE_MS,
      );
      await harness.pass(QUIET_MS);
      expect(second.seen.gossip.map(({ text }) => text.length)).toEqual([GOSSIP_BYTES_MAX]);
      expect(second.seen.gossip[0]?.text.startsWith("B")).toBe(true);
    });

    test.each(["direct", "sync"] as const)(
      "SG2 frames on %s arrive whole and in order, both ways at once",
      async (channel) => {
        const [first, second] = pair(await fleet(2));
        const sizes = [1, 2, 127, 128, 16_383, 16_384, 40_000];
        const frames = sizes.map((size, index) => new Uint8Array(size).fill(index));
        for (const frame of frames) {
          const sent = await Promise.all([
            first.transport.send(second.transport.node, channel, frame),
            second.transport.send(first.transport.node, channel, frame),
          ]);
          expect(sent).toEqual([true, true]);
        }
        const many = Array.from({ length: 100 }, (_, index) => Uint8Array.of(index));
        const answers = many.map((frame) =>
          first.transport.send(second.transport.node, channel, frame),
        );
        expect((await Promise.all(answers)).every(Boolean)).toBe(true);
        await harness.until(
          "all frames arrived",
          () => second.seen.messages.length >= 107 && first.seen.messages.length >= 7,
          SETTLE_MS,
        );
        expect(first.seen.messages.map(({ bytes }) => bytes.length)).toEqual(sizes);
        expect(second.seen.messages.map(({ bytes }) => bytes)).toEqual([...frames, ...many]);
        expect(
          second.seen.messages.every(
            (message) => message.channel === channel && message.from === first.transport.node,
          ),
        ).toBe(true);
      },
    );

    test("P6 frames above DIRECT_FRAME_BYTES_MAX and SYNC_FRAME_BYTES_MAX are refused, at the limit they arrive", async () => {
      const [first, second] = pair(await fleet(2));
      const to = second.transport.node;
      expect(
        await first.transport.send(to, "direct", new Uint8Array(DIRECT_FRAME_BYTES_MAX + 1)),
      ).toBe(false);
      expect(await first.transport.send(to, "sync", new Uint8Array(SYNC_FRAME_BYTES_MAX + 1))).toBe(
        false,
      );
      expect(await first.transport.send(to, "direct", new Uint8Array(0))).toBe(false);
      expect(await first.transport.send(to, "direct", new Uint8Array(DIRECT_FRAME_BYTES_MAX))).toBe(
        true,
      );
      expect(await first.transport.send(to, "sync", new Uint8Array(SYNC_FRAME_BYTES_MAX))).toBe(
        true,
      );
      await harness.until("both arrived", () => second.seen.messages.length === 2, SETTLE_MS);
      expect(second.seen.rejects).toEqual([]);
    });

    test("P6 a burst beyond the queue is answered false for what did not fit, and nothing answered true is lost", async () => {
      const [first, second] = pair(await fleet(2));
      const frames = Array.from({ length: 40 }, (_, index) =>
        new Uint8Array(DIRECT_FRAME_BYTES_MAX).fill(index),
      );
      const answers = await Promise.all(
        frames.map((frame) => first.transport.send(second.transport.node, "direct", frame)),
      );
      const sent = frames.filter((_, index) => answers[index]);
      expect(sent.length).toBeGreaterThan(0);
      expect(sent.length).toBeLessThan(frames.length);
      await harness.until(
        "what was taken arrived",
        () => second.seen.messages.length === sent.length,
        SETTLE_MS,
      );
      expect(second.seen.messages.map(({ bytes }) => bytes[0])).toEqual(
        sent.map((frame) => frame[0]),
      );
      expect(await first.transport.send(second.transport.node, "direct", Uint8Array.of(1))).toBe(
        true,
      );
    });

    test("P6 sending to nobody, to oneself and after stop answers false", async () => {
      const [first, second] = pair(await fleet(2));
      const stranger = await harness.create({ name: "stranger" });
      expect(await first.transport.send(stranger.node, "direct", Uint8Array.of(1))).toBe(false);
      expect(await first.transport.send(first.transport.node, "direct", Uint8Array.of(1))).toBe(
        false,
      );
      await first.transport.stop();
      expect(await first.transport.send(second.transport.node, "direct", Uint8Array.of(1))).toBe(
        false,
      );
      expect(() => first.transport.publish("state", bytesOf("late"))).not.toThrow();
      await stranger.stop();
    });

    test("SG2 a node of another fleet is refused and counted, and never comes up", async () => {
      const [first] = pair(await fleet(2));
      const foreign = await start({ name: "foreign", fleet: "other", join: ["m0", "m1"] });
      await harness.until("somebody counted it", () => foreign.seen.rejects.length > 0, SETTLE_MS);
      first.transport.publish("state", bytesOf("not for you"));
      await harness.pass(2 * QUIET_MS);
      expect(new Set(foreign.seen.rejects)).toEqual(new Set(["foreign-fleet"]));
      expect(foreign.seen.rejects.length).toBeLessThanOrEqual(4);
      expect(foreign.seen.ups).toEqual([]);
      expect(foreign.seen.gossip).toEqual([]);
      expect(first.transport.peers()).toHaveLength(1);
      expect(members.flatMap(({ seen }) => seen.ups).map(({ node }) => node)).not.toContain(
        foreign.transport.node,
      );
    });

    test("CH6 a join address that comes up late is found", async () => {
      const early = await start({ name: "early", join: ["late"] });
      await harness.pass(6_000);
      expect(early.transport.peers()).toEqual([]);
      const late = await start({ name: "late" });
      // The back-off is capped at 4 s; the rest is for the connection itself on a busy machine.
      await harness.until(
        "they met",
        () => late.transport.peers().length === 1 && early.transport.peers().length === 1,
        8_000,
      );
    });

    test("CH6 a member that restarts keeps its id and finds the fleet from the addresses that it kept", async () => {
      const [first, second, third] = await fleet(3);
      if (first === undefined || second === undefined || third === undefined)
        throw new Error("three members expected");
      await harness.pass(QUIET_MS);
      await third.transport.stop();
      await harness.until(
        "the others noticed",
        () => first.seen.downs.length === 1 && second.seen.downs.length === 1,
        SETTLE_MS,
      );
      expect(first.seen.downs).toEqual([third.transport.node]);
      const again = await start({ name: "m2" });
      expect(again.transport.node).toBe(third.transport.node);
      await harness.until("all are back", () => again.transport.peers().length === 2, SETTLE_MS);
      await harness.until(
        "and they know it",
        () => first.transport.peers().length === 2 && second.transport.peers().length === 2,
        SETTLE_MS,
      );
    });

    test("CH6 remembered addresses are dialled", async () => {
      const first = await start({ name: "m0" });
      const second = await start({ name: "m1" });
      second.transport.remember([
        "not an address",
        await harness.addressOf("m0"),
        await harness.addressOf("m1"),
      ]);
      await harness.until(
        "they met",
        () => first.transport.peers().length === 1 && second.transport.peers().length === 1,
        SETTLE_MS,
      );
    });

    test("VE0 a peer is down only when its last connection is gone, and round trips are known while it is up", async () => {
      const [first, second] = pair(await fleet(2));
      await harness.until(
        "a round trip is known",
        () =>
          [first, second].some(({ transport }) =>
            transport.peers().some(({ node }) => transport.roundTripMs(node) !== undefined),
          ),
        SETTLE_MS,
      );
      expect(first.seen.downs).toEqual([]);
      await second.transport.stop();
      await second.transport.stop();
      await harness.until("the other noticed", () => first.seen.downs.length > 0, SETTLE_MS);
      expect(first.seen.downs).toEqual([second.transport.node]);
      expect(first.transport.peers()).toEqual([]);
      expect(first.transport.roundTripMs(second.transport.node)).toBeUndefined();
    });
  });
}

function record(seen: Seen, validate: (text: string) => Validation): TransportHandler {
  return {
    admit: () => undefined,
    gossip(topic, from, bytes) {
      const text = new TextDecoder().decode(bytes);
      seen.gossip.push({ topic, from, text });
      return validate(text);
    },
    message: (from, channel, bytes) =>
      void seen.messages.push({ channel, from, bytes: bytes.slice() }),
    peerUp: (peer) => void seen.ups.push(peer),
    peerDown: (node) => void seen.downs.push(node),
    rejected: (reason) => void seen.rejects.push(reason),
  };
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function pair(members: readonly Member[]): readonly [Member, Member] {
  const [first, second] = members;
  if (first === undefined || second === undefined) throw new Error("two members expected");
  return [first, second];
}
