/** Attacks on the neighbourhood from outside and inside that a review found, each as the attacker would do it (rules VE2, VE3, PU3, SG4). */
import { CoreRig, createTestPorts } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import { BOOTS_IN_PLACE_MAX, BOOTS_WINDOW_MS } from "../boot/boot-rate.ts";
import type { Effect } from "../effect.ts";
import { HEARD_MAX, sealPulse, shortIdOf, type Heard } from "../pulse/pulse-codec.ts";
import { decodePulseAttachment } from "../pulse/pulse-codec.ts";
import { decodeEnvelope } from "../wire/envelope.ts";
import { STRANGERS_MAX } from "./followed.ts";
import { PULSES_PER_SECOND_MAX } from "./neighbourhood.ts";
import { decodeObservation, OBSERVATION_BYTES_MAX, sealObservation } from "./observation-codec.ts";
import { VirtualNeighbours, type NeighbourNode } from "./virtual-neighbours.test-support.ts";

const FIVE = ["na", "nb", "nc", "nd", "ne"];
const OTHERS = FIVE.slice(1);
const FRAME_BYTES_MAX = 64 * 1024;

function mesh(): VirtualNeighbours {
  const net = new VirtualNeighbours(FIVE, createTestPorts);
  net.run(10_000);
  return net;
}

/** A pulse as its author would make it, with nothing in it but what the test wants. */
function pulseBy(
  author: NeighbourNode | { readonly env: NeighbourNode["env"] },
  at: { readonly boot: number; readonly seq: number; readonly upMs: number },
  over: { readonly goodbye?: boolean; readonly intervalMs?: number } = {},
): Uint8Array {
  const header = { wallMs: 1, intervalMs: 1_000, lagMs: 0, doubt: false, pausedForMs: undefined };
  const nothing = { agent: "t", heard: [], heads: [], missing: [], beats: [] };
  return sealPulse(
    author.env,
    { ...header, goodbye: false, ...at, ...over },
    { ...nothing, auditSize: 0, auditHash: new Uint8Array(32) },
  );
}

/** Somebody with a key of its own that is in no roster. */
function stranger(net: VirtualNeighbours, id: string): { readonly env: NeighbourNode["env"] } {
  const { env } = net.node("na");
  return { env: { ...env, identity: { ...env.identity, self: id }, ports: createTestPorts(id) } };
}

function envOf(id: string): NeighbourNode["env"] {
  const { env } = new VirtualNeighbours([id], createTestPorts).node(id);
  return env;
}

/** The entry that makes a node a member. */
function memberHeader(id: string): Uint8Array {
  return publishedOn(new CoreRig(id).start(), "state")[0] ?? new Uint8Array();
}

function heardIn(net: VirtualNeighbours, from: string): readonly Heard[] {
  const sent = net.sent.findLast((message) => message.from === from && message.topic === "pulse");
  const { env } = net.node("na");
  const opened = decodeEnvelope(env, sent?.bytes ?? new Uint8Array(), FRAME_BYTES_MAX);
  const bytes = opened.ok ? opened.envelope.attachment : undefined;
  const attachment = decodePulseAttachment(env, bytes ?? new Uint8Array());
  return attachment.ok ? attachment.value.heard : [];
}

function publishedOn(effects: readonly Effect[], topic: string): readonly Uint8Array[] {
  return effects.flatMap((effect) =>
    effect.type === "publish" && effect.topic === topic ? [effect.bytes] : [],
  );
}

describe("attacks", () => {
  test("P6 PU4 strangers with STRANGERS_MAX keys that pulse often push no member out of what HEARD_MAX echoes hold", () => {
    const net = mesh();
    const keys = Array.from({ length: STRANGERS_MAX }, (_, i) => `stranger-${1_000 + i}`);
    for (const key of keys) net.input(net.node("nb"), () => net.node("nb").near.onPeerUp(key));
    for (let round = 1; round <= 15; round++) {
      for (const key of keys) {
        const bytes = pulseBy(stranger(net, key), { boot: 1, seq: round, upMs: round * 200 });
        net.deliver("pulse", bytes, key, net.node("nb"));
      }
      net.run(200);
    }
    const heard = heardIn(net, "nb");
    expect(heard).toHaveLength(HEARD_MAX);
    const names = heard.map(({ shortId }) => shortId);
    for (const member of ["na", "nc", "nd", "ne"]) expect(names).toContain(shortIdOf(member));
  });

  test("P6 SG4 of one node PULSES_PER_SECOND_MAX pulses are taken and relayed in a second, and no more", () => {
    const net = mesh();
    net.run(1_000 - (net.nowMs % 1_000));
    net.crash("na");
    const nb = net.node("nb");
    const answers: string[] = [];
    for (let seq = 1; seq <= PULSES_PER_SECOND_MAX + 50; seq++) {
      const bytes = pulseBy(net.node("na"), { boot: 900, seq, upMs: seq });
      net.input(nb, (now) => answers.push(nb.near.onGossipPulse("na", bytes, now)));
    }
    expect(answers.filter((answer) => answer === "accept")).toHaveLength(PULSES_PER_SECOND_MAX);
    expect(answers).not.toContain("reject");
  });

  test("VE3 witnesses that were all objected to do not wait for each other: when nobody hears the subject any more they accuse", () => {
    const net = mesh();
    for (const at of ["nb", "nc", "nd"]) net.cut.add(`na>${at}`);
    net.run(20_000);
    for (const at of OTHERS) expect(net.node(at).verdicts).toEqual([]);
    net.crash("na");
    net.run(6_000);
    for (const at of OTHERS) expect([at, net.status("na", at)]).toEqual([at, "down"]);
  });

  test("VE3 P6 a watcher that may not accuse looks at a dead node once an interval, not all the time", () => {
    const rig = new CoreRig("ob", { config: { observer: true } });
    rig.start();
    const header = memberHeader("na");
    rig.input({ type: "gossip", topic: "state", from: "na", bytes: header });
    rig.settle();
    rig.advance(20_000);
    let looks = 0;
    for (let ms = 0; ms < 2_000; ms++) {
      const set = rig.advance(1, 1).filter(({ type }) => type === "set-timer");
      looks += set.filter((effect) => effect.type === "set-timer" && effect.id === "watch").length;
    }
    expect(looks).toBeLessThanOrEqual(4);
  });

  test("P6 PU5 a member that begins boot after boot, or doubts again and again, is told what stands twice an interval at most", () => {
    const net = mesh();
    net.crash("na");
    net.run(6_000);
    net.crash("ne");
    const nb = net.node("nb");
    const before = net.sent.length;
    for (let boot = 900; boot < 1_000; boot++) {
      const bytes = pulseBy(net.node("ne"), { boot, seq: 1, upMs: 1 });
      net.deliver("pulse", bytes, "ne", nb);
      net.run(20);
    }
    const told = net.sent
      .slice(before)
      .filter(({ from, topic }) => from === "nb" && topic === "direct");
    expect(told.length).toBeGreaterThan(0);
    expect(told.length).toBeLessThanOrEqual(5);
  });

  test("SG4 PU3 a node says nothing of others between two boots: what it would say is refused by everybody", () => {
    const rig = new CoreRig("nb");
    rig.start();
    rig.input({ type: "gossip", topic: "state", from: "na", bytes: memberHeader("na") });
    rig.input({ type: "gossip", topic: "state", from: "nc", bytes: memberHeader("nc") });
    rig.settle();
    const nc = { env: envOf("nc") };
    rig.input({
      type: "gossip",
      topic: "pulse",
      from: "nc",
      bytes: pulseBy(nc, { boot: 7, seq: 1, upMs: 1 }),
    });
    const accuse = (seq: number): Uint8Array =>
      sealObservation(envOf("na"), {
        boot: 5,
        seq,
        upMs: 1,
        statements: [
          { kind: "accuse", subject: "nc", name: { boot: 0, seq: 0 }, evidence: undefined },
        ],
      });
    const said = rig.input({ type: "gossip", topic: "verdict", from: "na", bytes: accuse(1) });
    expect(publishedOn(said, "verdict")).toHaveLength(1);
    const opened = decodeEnvelope(
      envOf("na"),
      publishedOn(said, "verdict")[0] ?? new Uint8Array(),
      OBSERVATION_BYTES_MAX,
    );
    expect(opened.ok && decodeObservation(envOf("na"), opened.envelope.body)?.boot).toBeGreaterThan(
      0,
    );
    const own = pulseBy({ env: envOf("nb") }, { boot: 900_000_000_000, seq: 1, upMs: 1 });
    rig.input({ type: "gossip", topic: "pulse", from: "na", bytes: own });
    rig.monoMs += 600;
    rig.wallMs += 600;
    const unsaid = rig.input({ type: "gossip", topic: "verdict", from: "na", bytes: accuse(2) });
    expect(publishedOn(unsaid, "verdict")).toEqual([]);
  });

  test("PU3 replayed own pulses do not keep a node from starting", () => {
    const first = new CoreRig("na");
    const [old] = publishedOn(first.start(), "pulse");
    const rig = new CoreRig("na", { rows: first.rows, wallMs: first.wallMs + 10_000 });
    rig.restore();
    const pulses: Uint8Array[] = [];
    for (let i = 0; i < 100; i++) {
      rig.input({ type: "gossip", topic: "pulse", from: "nx", bytes: old ?? new Uint8Array() });
      while (rig.writing.length > 1) {
        const { commit } = rig.writing.shift() ?? { commit: 0 };
        pulses.push(...publishedOn(rig.input({ type: "committed", commit }), "pulse"));
      }
    }
    pulses.push(...publishedOn(rig.settle(), "pulse"));
    expect(pulses).toHaveLength(1);
  });

  test("PU3 P6 two live copies of one node outbid each other BOOTS_IN_PLACE_MAX times, then slowly", () => {
    const rig = new CoreRig("na");
    rig.start();
    const first = rig.core.fleet(rig.now).self.boot;
    let boots = 0;
    for (let i = 1; i <= 200; i++) {
      const { boot } = rig.core.fleet(rig.now).self;
      const bytes = pulseBy({ env: envOf("na") }, { boot: boot + 1, seq: 1, upMs: 1 });
      rig.input({ type: "gossip", topic: "pulse", from: "nb", bytes });
      boots += rig.writing.filter(({ ops }) => ops.some(({ key }) => key === "boot")).length;
      rig.settle();
      rig.advance(100);
    }
    expect(boots).toBe(BOOTS_IN_PLACE_MAX);
    rig.advance(BOOTS_WINDOW_MS);
    expect(rig.core.fleet(rig.now).self.boot).toBeGreaterThan(first + 2 * BOOTS_IN_PLACE_MAX - 1);
  });

  test("DU3 PU6 a node whose clock steps while its disk takes nothing goes on pulsing", () => {
    const rig = new CoreRig("na");
    rig.start();
    rig.wallMs += 3_600_000;
    rig.input({ type: "lag", lagMs: 0 });
    const asked = rig.writing.splice(0);
    expect(asked.length).toBeGreaterThan(0);
    expect(publishedOn(rig.advance(5_000), "pulse").length).toBeGreaterThanOrEqual(4);
  });

  test("P6 of peers that came and went, and are no members, nothing is kept", () => {
    const rig = new CoreRig("na");
    rig.start();
    rig.input({ type: "gossip", topic: "state", from: "nb", bytes: memberHeader("nb") });
    for (const node of ["nb", "nx"]) {
      rig.input({ type: "peer-up", peer: { node, agent: "t", addresses: [`/dns/${node}`] } });
      rig.input({ type: "peer-down", node });
    }
    rig.input({ type: "gossip", topic: "state", from: "nb", bytes: memberHeader("nx") });
    const { nodes } = rig.core.fleet(rig.now);
    expect(nodes.map(({ node, addresses }) => [node, ...addresses])).toEqual([
      ["nb", "/dns/nb"],
      ["nx"],
    ]);
  });

  test("P3 VE9 an announced absence does not begin anew at a node that has just started and is told of it", () => {
    const net = mesh();
    net.input(net.node("na"), (now) =>
      net.node("na").near.announceStop({ pausedForMs: 20_000, goodbye: false }, now),
    );
    const bytes = net.sent.findLast(({ from }) => from === "na")?.bytes ?? new Uint8Array();
    net.crash("na");
    net.run(15_000);
    net.restart("nb", 300);
    net.deliver("pulse", bytes, "nc", net.node("nb"));
    expect(net.status("na", "nb")).toBe("paused");
    net.run(12_000);
    for (const at of OTHERS) expect([at, net.status("na", at)]).toEqual([at, "down"]);
  });

  test("P3 VE9 a recorded goodbye, shown to a node that has just started, takes no member out", () => {
    const net = mesh();
    const bye = pulseBy(net.node("na"), { boot: 50, seq: 9, upMs: 9 }, { goodbye: true });
    net.crash("nb");
    net.restart("nb", 300);
    net.deliver("pulse", bye, "nc", net.node("nb"));
    expect(net.node("nb").goodbyes).toEqual([]);
    net.deliver(
      "pulse",
      pulseBy(net.node("na"), { boot: 900, seq: 1, upMs: 1 }, { goodbye: true }),
      "na",
      net.node("nb"),
    );
    expect(net.node("nb").goodbyes).toEqual(["na"]);
  });
});
