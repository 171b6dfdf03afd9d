import { createHash } from "node:crypto";
import * as dagCbor from "@ipld/dag-cbor";
import { describe, expect, test } from "vitest";
import { coreConfig, type CoreConfig } from "../config.ts";
import type { Effect } from "../effect.ts";
import type { CoreEvent, RejectReason } from "../event.ts";
import type { NodeId } from "../ids.ts";
import type { Now } from "../now.ts";
import { Outbox } from "../outbox.ts";
import type { Ports } from "../ports.ts";
import type { Member, Membership } from "../roster/membership.ts";
import { Neighbourhood } from "./neighbourhood.ts";

const FLEET = "fleet-of-tests";
const LATENCY_MS = 5;
const WALL_MS = 1_800_000_000_000;

function sha256(...parts: readonly (string | Uint8Array)[]): Uint8Array {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

/** A signature that nobody in these tests can make for another: 64 bytes of a keyed hash. */
function signatureOf(node: NodeId, bytes: Uint8Array): Uint8Array {
  const half = sha256("key of ", node, bytes);
  return new Uint8Array([...half, ...half]);
}

function portsOf(self: NodeId): Ports {
  return {
    codec: { encode: (value) => dagCbor.encode(value), decode: (bytes) => dagCbor.decode(bytes) },
    hash: { sha256: (bytes) => sha256(bytes) },
    signature: {
      sign: (bytes) => signatureOf(self, bytes),
      verify: (node, bytes, signature) => Buffer.compare(signatureOf(node, bytes), signature) === 0,
    },
    cron: { nextDueWallMs: () => undefined },
    random: { unit: () => 0.5, bytes: (length) => new Uint8Array(length) },
    documents: {} as Ports["documents"],
  };
}

interface TestNode {
  readonly id: NodeId;
  readonly out: Outbox;
  near: Neighbourhood;
  alive: boolean;
  /** Inputs are kept back until it wakes. */
  stalledUntilMs: number;
  readonly inbox: (() => void)[];
  readonly timers: Map<string, { readonly generation: number; readonly atMonoMs: number }>;
  readonly events: CoreEvent[];
  readonly rejects: RejectReason[];
  readonly verdicts: { readonly subject: NodeId; readonly kind: string; readonly atMs: number }[];
  wallStepMs: number;
}

/** Whole nodes without chains and robots, on one virtual clock and a network without loss. */
class Mesh {
  nowMs = 1_000;
  readonly nodes: TestNode[] = [];
  readonly cut = new Set<string>();
  readonly sent: {
    readonly from: NodeId;
    readonly topic: string;
    readonly bytes: Uint8Array;
    readonly atMs: number;
  }[] = [];
  readonly #queue: { readonly atMs: number; readonly run: () => void }[] = [];
  readonly #members: Member[] = [];
  readonly #config: CoreConfig;

  constructor(names: readonly string[], config: Partial<CoreConfig> = {}) {
    this.#config = coreConfig(config);
    for (const node of names)
      this.#members.push({ node, name: node, region: "r", agent: "t", joinedMonoMs: 0 });
    for (const name of names) this.#boot(name, 100);
  }

  node(id: NodeId): TestNode {
    const found = this.nodes.find((node) => node.id === id);
    if (found === undefined) throw new Error(`no node ${id}`);
    return found;
  }

  status(of: NodeId, at: NodeId): string {
    return this.node(at).near.liveness.subject(of)?.status ?? "none";
  }

  reason(of: NodeId, at: NodeId): string | undefined {
    return this.node(at).near.liveness.subject(of)?.reason;
  }

  crash(id: NodeId): void {
    this.node(id).alive = false;
  }

  restart(id: NodeId, boot: number): void {
    this.nodes.splice(this.nodes.indexOf(this.node(id)), 1);
    this.#boot(id, boot);
  }

  /** Nobody on one side hears anybody on the other. */
  partition(left: readonly NodeId[], right: readonly NodeId[]): void {
    for (const a of left) for (const b of right) this.cut.add(`${a}>${b}`).add(`${b}>${a}`);
  }

  /** Lets one node take an input, then carries out its effects. */
  input(node: TestNode, take: (now: Now) => void): void {
    if (!node.alive) return;
    if (node.stalledUntilMs > this.nowMs) {
      node.inbox.push(() => this.input(node, take));
      return;
    }
    const now = this.clockOf(node);
    node.near.checkAbsence(now);
    take(now);
    node.near.liveness.statements.flush(now);
    for (const effect of node.out.drain()) this.#carryOut(node, effect);
  }

  clockOf(node: TestNode): Now {
    return { monoMs: this.nowMs, wallMs: WALL_MS + this.nowMs + node.wallStepMs };
  }

  stall(id: NodeId, forMs: number): void {
    const node = this.node(id);
    node.stalledUntilMs = this.nowMs + forMs;
    this.at(node.stalledUntilMs, () => {
      for (const run of node.inbox.splice(0)) run();
    });
  }

  at(atMs: number, run: () => void): void {
    this.#queue.push({ atMs, run });
  }

  deliver(topic: string, bytes: Uint8Array, from: NodeId, to: TestNode): void {
    this.input(to, (now) => {
      if (topic === "pulse") to.near.onGossipPulse(from, bytes, now);
      else if (topic === "verdict") to.near.onGossipObservation(from, bytes, now);
      else to.near.onDirect(from, bytes, now);
    });
  }

  run(forMs: number): void {
    const untilMs = this.nowMs + forMs;
    for (;;) {
      this.#queue.sort((a, b) => a.atMs - b.atMs);
      const next = this.#queue[0];
      if (next === undefined || next.atMs > untilMs) break;
      this.#queue.shift();
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.run();
    }
    this.nowMs = untilMs;
  }

  #boot(id: NodeId, boot: number): void {
    const out = new Outbox();
    const env = {
      identity: { fleet: FLEET, self: id, name: id, region: "r", agent: "t" },
      config: this.#config,
      ports: portsOf(id),
      out,
    };
    const members = this.#members;
    const membership: Membership = {
      members: () => members,
      member: (node) => members.find((member) => member.node === node),
      hasLeft: () => false,
      version: 1,
    };
    const [events, rejects, verdicts] = [
      [] as CoreEvent[],
      [] as RejectReason[],
      [] as TestNode["verdicts"],
    ];
    const listener = {
      accused: () => {},
      verdict: (subject: { readonly node: NodeId }, kind: string) =>
        verdicts.push({ subject: subject.node, kind, atMs: this.nowMs }),
      statusChanged: () => {},
      pulseParts: () => ({ heads: [], auditSize: 0, auditHash: new Uint8Array(32), beats: [] }),
      pulse: () => {},
      goodbye: () => {},
      rejected: (reason: RejectReason) => rejects.push(reason),
      bootAbove: () => {},
    };
    const near = new Neighbourhood({ env, membership, listener });
    const node: TestNode = {
      id,
      out,
      near,
      alive: true,
      stalledUntilMs: 0,
      inbox: [],
      timers: new Map(),
      events,
      rejects,
      verdicts: verdicts,
      wallStepMs: 0,
    };
    this.nodes.push(node);
    this.input(node, (now) => {
      near.liveness.start(now);
      near.pulses.start(boot, now);
      for (const other of this.nodes) if (other !== node) near.onPeerUp(other.id);
    });
  }

  #carryOut(node: TestNode, effect: Effect): void {
    if (effect.type === "publish" || effect.type === "send") {
      const topic = effect.type === "publish" ? effect.topic : "direct";
      this.sent.push({ from: node.id, topic, bytes: effect.bytes, atMs: this.nowMs });
      const targets = this.nodes.filter(
        ({ id }) =>
          id !== node.id &&
          (effect.type === "publish" || id === effect.to) &&
          !this.cut.has(`${node.id}>${id}`),
      );
      for (const { id } of targets) {
        this.at(this.nowMs + LATENCY_MS, () => {
          const target = this.nodes.find((other) => other.id === id);
          if (target !== undefined) this.deliver(topic, effect.bytes, node.id, target);
        });
      }
    } else if (effect.type === "set-timer") {
      node.timers.set(effect.id, effect);
      this.at(effect.atMonoMs, () => {
        this.input(node, (now) => {
          if (
            node.timers.get(effect.id) !== effect ||
            !node.out.timerFired(effect.id, effect.generation)
          )
            return;
          if (effect.id === "pulse") node.near.pulses.onTimer(now);
          if (effect.id === "watch") node.near.liveness.tick(now);
        });
      });
    } else if (effect.type === "emit") {
      node.events.push(effect.event);
    }
  }
}

const FIVE = ["na", "nb", "nc", "nd", "ne"];

describe("a neighbourhood", () => {
  test("PU4, VE8 nodes that start together show each other up within two seconds", () => {
    const mesh = new Mesh(FIVE);
    mesh.run(2_000);
    for (const at of FIVE)
      for (const of of FIVE)
        if (at !== of) expect([at, of, mesh.status(of, at)]).toEqual([at, of, "up"]);
  });

  test("VE3 a node that was killed is down on all others after 2.5 to 4 seconds", () => {
    const mesh = new Mesh(FIVE);
    mesh.run(10_300);
    const killedMs = mesh.nowMs;
    mesh.crash("na");
    mesh.run(6_000);
    for (const at of FIVE.slice(1)) {
      const verdict = mesh.node(at).verdicts.find(({ subject }) => subject === "na");
      expect(verdict?.kind).toBe("down");
      expect((verdict?.atMs ?? 0) - killedMs).toBeGreaterThan(2_000);
      expect((verdict?.atMs ?? Infinity) - killedMs).toBeLessThanOrEqual(4_000);
      expect(mesh.status("na", at)).toBe("down");
    }
  });

  test("VE3 a restarted node is up on all others within two seconds, and stays up", () => {
    const mesh = new Mesh(FIVE);
    mesh.run(10_000);
    mesh.crash("na");
    mesh.run(8_000);
    mesh.restart("na", 200);
    mesh.run(2_000);
    for (const at of FIVE.slice(1)) expect([at, mesh.status("na", at)]).toEqual([at, "up"]);
    mesh.run(30_000);
    for (const at of FIVE.slice(1)) expect([at, mesh.status("na", at)]).toEqual([at, "up"]);
    for (const of of FIVE.slice(1)) expect([of, mesh.status(of, "na")]).toEqual([of, "up"]);
  });

  test("VE2, P2 of five nodes cut three to two, the three say down and the two unknown, and both recover", () => {
    const mesh = new Mesh(FIVE);
    mesh.run(10_000);
    mesh.partition(["na", "nb", "nc"], ["nd", "ne"]);
    mesh.run(8_000);
    for (const at of ["na", "nb", "nc"])
      for (const of of ["nd", "ne"])
        expect([at, of, mesh.status(of, at)]).toEqual([at, of, "down"]);
    for (const at of ["nd", "ne"])
      for (const of of ["na", "nb", "nc"])
        expect([at, of, mesh.status(of, at)]).toEqual([at, of, "unknown"]);
    expect(mesh.status("ne", "nd")).toBe("up");
    mesh.cut.clear();
    mesh.run(3_000);
    for (const at of FIVE)
      for (const of of FIVE)
        if (at !== of) expect([at, of, mesh.status(of, at)]).toEqual([at, of, "up"]);
  });

  test("VE2 of four nodes cut two to two nobody says down", () => {
    const mesh = new Mesh(FIVE.slice(0, 4));
    mesh.run(10_000);
    mesh.partition(["na", "nb"], ["nc", "nd"]);
    mesh.run(60_000);
    for (const node of mesh.nodes) expect(node.verdicts).toEqual([]);
    expect([mesh.status("nc", "na"), mesh.reason("nc", "na")]).toEqual(["unknown", "no-majority"]);
  });

  test("VE5 of two nodes one accuses alone, and says that it is a single witness", () => {
    const mesh = new Mesh(["na", "nb"]);
    mesh.run(10_000);
    mesh.crash("nb");
    mesh.run(5_000);
    expect([mesh.status("nb", "na"), mesh.reason("nb", "na")]).toEqual(["down", "single-witness"]);
  });

  test("VE5 under the strict policy a pair never says down", () => {
    const mesh = new Mesh(["na", "nb"], { pair: "unknown" });
    mesh.run(10_000);
    mesh.crash("nb");
    mesh.run(60_000);
    expect([mesh.status("nb", "na"), mesh.reason("nb", "na")]).toEqual(["unknown", "pair-unknown"]);
  });

  test("P2, VE3 one link that is broken both ways brings no verdict where others relay nothing", () => {
    const mesh = new Mesh(FIVE);
    mesh.run(10_000);
    mesh.partition(["na"], ["nb"]);
    mesh.run(120_000);
    for (const node of mesh.nodes) expect([node.id, node.verdicts]).toEqual([node.id, []]);
    for (const at of ["nc", "nd", "ne"]) expect(mesh.status("na", at)).toBe("up");
    expect(mesh.status("na", "nb")).toBe("up");
  });

  test("PU6 a node that was stalled for ten seconds judges nobody, and nobody stays wrong about it", () => {
    const mesh = new Mesh(FIVE);
    mesh.run(10_000);
    mesh.stall("na", 10_000);
    mesh.run(10_000);
    for (const at of FIVE.slice(1)) expect([at, mesh.status("na", at)]).toEqual([at, "down"]);
    mesh.run(3_000);
    expect(mesh.node("na").verdicts).toEqual([]);
    expect(mesh.node("na").events.some(({ type }) => type === "stalled")).toBe(true);
    for (const at of FIVE)
      for (const of of FIVE)
        if (at !== of) expect([at, of, mesh.status(of, at)]).toEqual([at, of, "up"]);
  });

  test("P3, PU4 pulses of a dead node that were held back and are replayed one by one never show it up again", () => {
    const mesh = new Mesh(FIVE);
    mesh.run(10_000);
    const held: Uint8Array[] = [];
    mesh.partition(["na"], FIVE.slice(1));
    mesh.run(4_000);
    for (const { from, topic, bytes } of mesh.sent)
      if (from === "na" && topic === "pulse") held.push(bytes);
    mesh.crash("na");
    mesh.run(10_000);
    for (const bytes of held.slice(-4)) {
      for (const at of FIVE.slice(1)) {
        mesh.deliver("pulse", bytes, "nb", mesh.node(at));
        expect(mesh.status("na", at)).not.toBe("up");
      }
      mesh.run(1_000);
      for (const at of FIVE.slice(1)) expect(mesh.status("na", at)).not.toBe("up");
    }
    mesh.run(6_000);
    for (const at of FIVE.slice(1)) expect([at, mesh.status("na", at)]).toEqual([at, "down"]);
  });

  test("VE9 a planned stop is paused until its time is over, then it is judged", () => {
    const mesh = new Mesh(FIVE);
    mesh.run(10_000);
    mesh.input(mesh.node("na"), (now) =>
      mesh.node("na").near.announceStop({ pausedForMs: 20_000, goodbye: false }, now),
    );
    mesh.run(100);
    mesh.crash("na");
    expect([...mesh.node("na").near.acknowledged].toSorted()).toEqual(FIVE.slice(1));
    mesh.run(19_000);
    for (const at of FIVE.slice(1)) expect([at, mesh.status("na", at)]).toEqual([at, "paused"]);
    mesh.run(6_000);
    for (const at of FIVE.slice(1)) expect([at, mesh.status("na", at)]).toEqual([at, "down"]);
  });

  test("VE8 a member that was never heard is unknown for ten intervals and down afterwards", () => {
    const mesh = new Mesh(FIVE);
    mesh.crash("na");
    mesh.nodes.splice(0, 1);
    mesh.run(9_000);
    for (const at of FIVE.slice(1)) expect([at, mesh.status("na", at)]).toEqual([at, "unknown"]);
    mesh.run(6_000);
    for (const at of FIVE.slice(1)) expect([at, mesh.status("na", at)]).toEqual([at, "down"]);
  });

  test("PU7 a node that comes back for the second time within ten minutes is flapping until it was clean for a minute", () => {
    const mesh = new Mesh(FIVE);
    mesh.run(10_000);
    for (const boot of [200, 300]) {
      mesh.crash("na");
      mesh.run(8_000);
      mesh.restart("na", boot);
      mesh.run(8_000);
    }
    expect([mesh.status("na", "nb"), mesh.reason("na", "nb")]).toEqual(["late", "flapping"]);
    mesh.run(60_000);
    expect(mesh.status("na", "nb")).toBe("up");
  });
});
