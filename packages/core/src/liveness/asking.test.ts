import { createTestPorts } from "@pulsemesh/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import type { Asked } from "../command.ts";
import { comparePulseNames, type NodeId } from "../ids.ts";
import { ASKED_NODES_MAX, ASKERS_MAX, ASK_MS_MAX } from "./asking.ts";
import { ANSWER_EVERY_MS } from "./rules.ts";
import { VirtualNeighbours } from "./virtual-neighbours.test-support.ts";

const ALL: readonly NodeId[] = Array.from({ length: 36 }, (_, index) => `n${10 + index}`);
const ASKER = "n45";
const EVERY_MS = 5_000;

let mesh: VirtualNeighbours;
/** Members that the asker does not judge, nor they it. */
let others: readonly NodeId[];

/** Asks, and collects what comes of it. */
function ask(of: NodeId | undefined, times = 1): Asked[][] {
  const node = mesh.node(ASKER);
  const replies: Asked[][] = [];
  for (let count = 0; count < times; count += 1)
    mesh.input(node, (now) =>
      node.near.asking.ask(of, ({ asked }) => void replies.push([...asked]), now),
    );
  return replies;
}

/** Both know that they are connected. */
function connect(home: NodeId): void {
  for (const [one, other] of [
    [ASKER, home],
    [home, ASKER],
  ] as const)
    mesh.input(mesh.node(one), () => mesh.node(one).near.onPeerUp(other));
  mesh.run(100);
}

function disconnect(home: NodeId): void {
  for (const [one, other] of [
    [ASKER, home],
    [home, ASKER],
  ] as const)
    mesh.input(mesh.node(one), () => mesh.node(one).near.onPeerDown(other));
}

beforeAll(() => {
  // Slow, so that a minute and a half is soon over.
  mesh = new VirtualNeighbours(ALL, createTestPorts, { pulseEveryMs: EVERY_MS });
  // For 90 s a fleet that has just passed 32 members goes on gossiping every pulse.
  mesh.run(96_000);
  const { electorate } = mesh.node(ASKER).near.liveness;
  others = ALL.filter(
    (node) => node !== ASKER && !electorate.isDuty(node) && !electorate.isRecipient(node),
  );
  for (const home of others) disconnect(home);
});

const home = (at: number): NodeId => others[at] as NodeId;
const directTo = (to: NodeId, from: NodeId): number =>
  mesh.sent.filter((sent) => sent.to === to && sent.from === from && sent.topic === "direct")
    .length;

describe("asking a member of a large fleet", () => {
  test("PU9 who is connected answers with its newest pulse, which is newer than what was known", () => {
    connect(home(0));
    mesh.run(EVERY_MS);
    const { liveness } = mesh.node(ASKER).near;
    const before = liveness.newestHeard(home(0));
    const replies = ask(home(0), 2);
    mesh.run(50);
    const after = liveness.newestHeard(home(0));
    if (before === undefined || after === undefined) throw new Error("it was never heard");
    expect(comparePulseNames(after, before)).toBeGreaterThan(0);
    expect(replies).toEqual([
      [{ node: home(0), outcome: "answered", waitedMs: 10 }],
      [{ node: home(0), outcome: "answered", waitedMs: 10 }],
    ]);
    expect(mesh.node(ASKER).links).not.toContain(home(0));
  });

  test("PU9 whose newest pulse was known already has answered by sending it again", () => {
    const { pulses } = mesh.node(home(0)).near;
    mesh.run(ANSWER_EVERY_MS);
    const before = pulses.seq;
    for (let step = 0; step < EVERY_MS && pulses.seq === before; step += 1) mesh.run(10);
    const { seq } = pulses;
    const first = ask(home(0));
    mesh.run(ANSWER_EVERY_MS);
    const again = ask(home(0));
    mesh.run(10);
    for (const replies of [first, again])
      expect(replies).toEqual([[{ node: home(0), outcome: "answered", waitedMs: 10 }]]);
    const { newest } = mesh.node(ASKER).near.liveness.subject(home(0))?.dating ?? {};
    expect([newest?.seq, pulses.seq]).toEqual([seq, seq]);
  });

  test("PU9 who was asked by this node a moment ago, and does not answer again so soon, is asked once more", () => {
    const replies = ask(home(0));
    mesh.run(500);
    expect(replies).toEqual([]);
    mesh.run(520);
    expect(replies).toEqual([[{ node: home(0), outcome: "answered", waitedMs: 1_010 }]]);
  });

  test("PU9 with who is not, a connection is wanted until it has answered, and the witnesses keep theirs", () => {
    const standing = mesh.node(ASKER).links;
    const replies = ask(home(1));
    expect(mesh.node(ASKER).links).toEqual([home(1), ...standing]);
    mesh.run(1_000);
    expect(replies).toEqual([]);
    connect(home(1));
    expect(replies).toEqual([[expect.objectContaining({ node: home(1), outcome: "answered" })]]);
    expect(mesh.node(ASKER).links).toEqual(standing);
  });

  test("PU9 who hangs up is waited for, and asked no more; that there was a connection is said", () => {
    const asker = mesh.node(ASKER);
    connect(home(1));
    mesh.run(ANSWER_EVERY_MS);
    mesh.drop = ({ from, topic }) => from === home(1) && topic === "direct";
    const replies = ask(home(1));
    disconnect(home(1));
    const before = directTo(home(1), ASKER);
    mesh.run(ASK_MS_MAX);
    mesh.drop = () => false;
    expect(replies).toEqual([
      [{ node: home(1), outcome: "silent", waitedMs: ASK_MS_MAX, isConnected: true }],
    ]);
    expect([directTo(home(1), ASKER) - before, asker.links.includes(home(1))]).toEqual([0, false]);
  });

  test("PU9 PU5 an answer dates nothing: the asker says of the member what it said before", () => {
    const { liveness, connected } = mesh.node(ASKER).near;
    expect(connected.has(home(0))).toBe(true);
    mesh.run(EVERY_MS);
    const before = liveness.subject(home(0))?.dating.newest;
    void ask(home(0));
    mesh.run(50);
    expect(liveness.subject(home(0))?.dating.newest).not.toEqual(before);
    expect(liveness.subject(home(0))?.isInSight(mesh.nowMs)).not.toBe(true);
  });

  test("PU9 P6 who does not answer in ASK_MS_MAX is silent; of more than ASKED_NODES_MAX, or for more than ASKERS_MAX, nobody is asked", () => {
    const homes = others.slice(2, 2 + ASKED_NODES_MAX);
    for (const node of homes) mesh.crash(node);
    const replies = homes.map((node) => ask(node));
    expect(ask(home(0))).toEqual([[{ node: home(0), outcome: "busy", waitedMs: 0 }]]);
    const many = ask(homes[0], ASKERS_MAX);
    expect(many.map(([asked]) => asked?.outcome)).toEqual(
      Array.from({ length: ASKED_NODES_MAX }, () => "busy"),
    );
    mesh.run(ASK_MS_MAX - 1);
    expect(replies.flat()).toEqual([]);
    mesh.run(1);
    expect(replies.flat(2)).toEqual(
      homes.map((node) => ({ node, outcome: "silent", waitedMs: ASK_MS_MAX, isConnected: false })),
    );
    expect(many).toHaveLength(ASKERS_MAX);
    for (const node of homes) expect(mesh.node(ASKER).links).not.toContain(node);
  });

  test("PU9 P3 no recording answers for a member that is dead", () => {
    const dead = home(2 + ASKED_NODES_MAX);
    const asker = mesh.node(ASKER);
    mesh.run(2 * EVERY_MS);
    const { codec } = createTestPorts(dead);
    const isPulse = (bytes: Uint8Array): boolean =>
      (codec.decode(bytes) as { readonly k?: unknown }).k === "pulse";
    const kept = mesh.sent.findLast(
      ({ from, topic, bytes }) => from === dead && topic === "direct" && isPulse(bytes),
    );
    const recording = kept?.bytes ?? new Uint8Array();
    const before = asker.near.liveness.newestHeard(dead);
    mesh.crash(dead);
    const replies = ask(dead);
    mesh.input(asker, (now) => asker.near.onGossipPulse("n11", recording, now));
    mesh.input(asker, (now) => asker.near.onDirect("n11", recording, now));
    // It was news, and its words are read as those of any gossiped one.
    expect(asker.near.liveness.newestHeard(dead)).not.toEqual(before);
    mesh.run(ASK_MS_MAX);
    expect(replies).toEqual([
      [{ node: dead, outcome: "silent", waitedMs: ASK_MS_MAX, isConnected: false }],
    ]);
  });

  test("PU9 P6 a member that is asked again and again answers one peer every ANSWER_EVERY_MS, and no other than connected ones", () => {
    const asker = mesh.node(ASKER);
    const flood = (): number => {
      const before = directTo(ASKER, home(0));
      for (let count = 0; count < 20; count += 1)
        mesh.input(asker, (now) => asker.near.askFor(home(0), now));
      mesh.run(100);
      return directTo(ASKER, home(0)) - before;
    };
    mesh.run(2_000);
    expect(flood()).toBe(1);
    expect(flood()).toBe(0);
    mesh.run(ANSWER_EVERY_MS);
    expect(flood()).toBe(1);
    mesh.run(2_000);
    disconnect(home(0));
    expect(flood()).toBe(0);
  });

  test("PU9 nobody is asked about itself, who is heard first hand, who is no member, and where there is no home, and which it is is said", () => {
    const { electorate } = mesh.node(ASKER).near.liveness;
    const duty = ALL.find((node) => electorate.isDuty(node)) ?? "";
    const why = (of: NodeId | undefined): unknown => {
      let said: unknown;
      mesh.input(mesh.node(ASKER), (now) =>
        mesh.node(ASKER).near.asking.ask(of, (all) => (said = all), now),
      );
      return said;
    };
    const all = [ASKER, duty, "stranger", undefined].map(why);
    expect(all).toEqual(
      ["self", "heard", "no-member", "no-home"].map((notAsked) => ({ asked: [], notAsked })),
    );
    mesh.crash(duty);
    mesh.run(5 * EVERY_MS);
    expect(why(duty)).toEqual({ asked: [], notAsked: "unheard" });
  });

  test("PU9 PU8 up to 32 members nobody is asked: everybody hears everybody, or would", () => {
    const small = new VirtualNeighbours(["a", "b", "c"], createTestPorts);
    small.run(5_000);
    const replies: unknown[] = [];
    const node = small.node("a");
    const why = (): void =>
      small.input(node, (now) =>
        node.near.asking.ask("b", ({ notAsked }) => void replies.push(notAsked), now),
      );
    why();
    small.crash("b");
    small.run(5_000);
    why();
    expect(replies).toEqual(["heard", "unheard"]);
  });
});
