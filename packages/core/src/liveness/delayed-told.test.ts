import { createTestPorts } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import type { NodeId } from "../ids.ts";
import { VirtualNeighbours } from "./virtual-neighbours.test-support.ts";

const ALL: readonly NodeId[] = Array.from({ length: 36 }, (_, index) => `n${10 + index}`);

function saidBy(mesh: VirtualNeighbours, at: NodeId, of: NodeId): string {
  const { liveness } = mesh.node(at).near;
  const standing = liveness.subject(of) ?? liveness.quiet.ofMember(of);
  return `${standing?.status} ${standing?.reason ?? ""}`.trim();
}

/** A fleet of which everything that `n15` sends to `slowTo` comes later and later, up to 5 s, until `untilMs` after that began. */
class SlowNode {
  readonly mesh: VirtualNeighbours = new VirtualNeighbours(ALL, createTestPorts, {});
  readonly #slowTo: (node: NodeId) => boolean;
  readonly #held: { readonly to: NodeId; readonly bytes: Uint8Array; readonly dueMs: number }[] =
    [];
  readonly #saidBefore = new Map<NodeId, string>();
  /** How often each of the others has changed its mind about it while it was slow. */
  readonly changes: Map<NodeId, number> = new Map();
  #read = 0;

  constructor(slowTo: (node: NodeId) => boolean = () => true) {
    this.#slowTo = slowTo;
    this.mesh.run(26_000);
  }

  get witnesses(): readonly NodeId[] {
    return this.mesh.node("n15").near.liveness.electorate.witnessesOf("n15");
  }

  slowFor(forMs: number): void {
    const { mesh } = this;
    const sinceMs = mesh.nowMs;
    mesh.drop = ({ from, to, topic }) => from === "n15" && (topic === "pulse" || this.#slowTo(to));
    this.#read = mesh.sent.length;
    while (mesh.nowMs < sinceMs + forMs) {
      mesh.run(50);
      for (const { from, to, topic, bytes, atMs } of mesh.sent.slice(this.#read))
        if (from === "n15" && to !== undefined && topic === "direct" && this.#slowTo(to))
          this.#held.push({ to, bytes, dueMs: atMs + Math.min(5_000, (atMs - sinceMs) / 4) });
      this.#read = mesh.sent.length;
      while ((this.#held[0]?.dueMs ?? Number.POSITIVE_INFINITY) <= mesh.nowMs) {
        const { to, bytes } = this.#held.shift() as { to: NodeId; bytes: Uint8Array };
        mesh.deliver("direct", bytes, "n15", mesh.node(to));
      }
      this.#note();
    }
    mesh.drop = () => false;
  }

  /** What all others but `few` say of it. */
  said(few: readonly NodeId[] = []): ReadonlySet<string> {
    const others = ALL.filter((node) => node !== "n15" && !few.includes(node));
    return new Set(others.map((node) => this.#saidBy(node)));
  }

  #saidBy(node: NodeId): string {
    return saidBy(this.mesh, node, "n15");
  }

  #note(): void {
    for (const node of ALL) {
      const said = node === "n15" ? "" : this.#saidBy(node);
      const last = this.#saidBefore.get(node) ?? said;
      this.#saidBefore.set(node, said);
      if (said !== last) this.changes.set(node, (this.changes.get(node) ?? 0) + 1);
    }
  }
}

test("PU7 PU8 a node of a large fleet whose pulses all come late is delayed for all, also for those who do not judge it, and up again soon after", () => {
  const slow = new SlowNode();
  expect(slow.said()).toEqual(new Set(["up"]));
  slow.slowFor(35_000);
  // Once for all, though at first each pulse is inside the deadline for a moment.
  expect(new Set(slow.changes.values())).toEqual(new Set([1]));
  expect(slow.said()).toEqual(new Set(["unknown delayed"]));
  slow.mesh.run(6_000);
  expect(slow.said()).toEqual(new Set(["up"]));
  for (const of of ALL.filter((node) => node !== "n15"))
    expect([of, slow.mesh.status(of, "n15")]).toEqual([of, "up"]);
});

test("PU7 PU8 one whose pulses come late to three of its witnesses is up for all who do not judge it", () => {
  const few: NodeId[] = [];
  const slow = new SlowNode((node) => few.includes(node));
  few.push(...slow.witnesses.slice(0, 3));
  slow.slowFor(35_000);
  expect(slow.said(few)).toEqual(new Set(["up"]));
});

test("PU7 PU8 P2 three witnesses that say so of one whom the others hear have nobody believe it, nor do those that see no majority themselves", () => {
  const slow = new SlowNode();
  const { mesh, witnesses } = slow;
  const say = (from: readonly NodeId[]): void => {
    for (const each of from) {
      const node = mesh.node(each);
      const subject = node.near.liveness.subject("n15");
      if (subject !== undefined)
        mesh.input(node, () => node.near.liveness.statements.say("delayed", subject));
    }
    mesh.run(3_000);
  };
  say(witnesses.slice(0, 4));
  expect(slow.said(witnesses.slice(0, 4))).toEqual(new Set(["up"]));
  say(witnesses.slice(0, 5));
  expect(slow.said(witnesses)).toEqual(new Set(["unknown delayed"]));
});

test("PU7 PU8 of a region that hears another one late nobody says so: the larger one is up for itself", () => {
  const regionOf = (node: NodeId): string => (node < "n25" ? "us" : "eu");
  const mesh = new VirtualNeighbours(ALL, createTestPorts, {}, { regionOf });
  mesh.run(26_000);
  const sinceMs = mesh.nowMs;
  mesh.drop = ({ from, to, topic }) => {
    const bytes = mesh.sent.at(-1)?.bytes;
    if (bytes === undefined || regionOf(from) !== "eu" || regionOf(to) !== "us") return false;
    const lateMs = Math.min(4_000, (mesh.nowMs - sinceMs) / 4);
    mesh.at(mesh.nowMs + 5 + lateMs, () => mesh.deliver(topic, bytes, from, mesh.node(to)));
    return true;
  };
  mesh.run(25_000);
  const eu = ALL.filter((node) => regionOf(node) === "eu");
  const said = eu.flatMap((at) => eu.filter((of) => of !== at).map((of) => saidBy(mesh, at, of)));
  expect(new Set(said)).toEqual(new Set(["up"]));
});

test("PU7 PU8 P3 one whose pulses come late, and that dies, is down for all", () => {
  const slow = new SlowNode();
  slow.slowFor(30_000);
  slow.mesh.crash("n15");
  slow.mesh.run(12_000);
  expect(slow.said()).toEqual(new Set(["down quorum"]));
});
