import { createHash } from "node:crypto";
import { decode } from "@ipld/dag-cbor";
import { createMemoryDocuments } from "@pulsemesh/testkit";
import { beforeEach, describe, expect, test } from "vitest";
import { decodeEntry, type Entry } from "./entry.ts";
import { VirtualMesh, type VirtualNode } from "./virtual-mesh.test-support.ts";

const AFTER = 10;

function mesh(snapshotAfterDeltas: number): VirtualMesh {
  const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
  return new VirtualMesh({ sha256, documents: createMemoryDocuments }, { snapshotAfterDeltas });
}

/** Two copies of one node, in one boot: `left` snapshots after ten deltas, `right` writes on. What follows `common` differs. */
let left: VirtualMesh;
let right: VirtualMesh;

function twins(): void {
  left = mesh(AFTER);
  right = mesh(1_000);
  for (const net of [left, right]) {
    net.add("a", 7);
    net.add(net === left ? "b" : "c", 1);
    net.linkAll();
  }
}

beforeEach(twins);

function common(deltas: number, salt: number = 0): void {
  for (const net of [left, right]) {
    for (let n = 0; n < deltas; n++)
      net.patch("a", n === 0 ? `salt-${salt}` : `bot-${n % 3}`, { n });
    net.advance(1_000);
  }
}

/** Everybody but the copies meets in one mesh, one of them being a newcomer. */
function meet(): VirtualMesh {
  const net = mesh(1_000);
  net.monoMs = 10_000;
  net.add("b", 2, (left.nodes.get("b") as VirtualNode).rows);
  net.add("c", 2, (right.nodes.get("c") as VirtualNode).rows);
  net.link("b", "c");
  net.advance(61_000);
  net.add("d", 1);
  net.link("b", "d");
  net.link("c", "d");
  net.advance(61_000);
  return net;
}

function node(net: VirtualMesh, id: string): VirtualNode {
  return net.nodes.get(id) as VirtualNode;
}

function entryAt(of: VirtualNode, seq: number): Entry | undefined {
  const key = `chain/reported/a/000000000007/${String(seq).padStart(12, "0")}`;
  const decoded = decodeEntry(of.env, of.rows.get(key) ?? new Uint8Array());
  return decoded.ok ? decoded.entry : undefined;
}

function rowsOf(of: VirtualNode, prefix: string): readonly string[] {
  return [...of.rows.keys()].filter((key) => key.startsWith(prefix)).toSorted();
}

function views(net: VirtualMesh): readonly string[] {
  return [...new Set([...net.nodes.values()].map(({ chains }) => chains.records.documentHash()))];
}

describe("forks and snapshots", () => {
  test("CH5 CH2 P1 at the place of a snapshot the snapshot is shown, by who held it, by who held the other, and by a newcomer", () => {
    const order = new Set<boolean>();
    for (const other of [1, 2, 3, 4, 5, 6]) {
      twins();
      common(AFTER, other);
      right.patch("a", "bot-0", { other });
      right.patch("a", "bot-1", { other });
      left.patch("a", "bot-2", { after: true });
      left.advance(1_000);
      right.advance(1_000);
      const [snapshot, delta] = [
        entryAt(node(left, "b"), AFTER + 1),
        entryAt(node(right, "c"), AFTER + 1),
      ];
      expect([snapshot?.payload.kind, delta?.payload.kind]).toEqual(["snapshot", "delta"]);
      order.add((snapshot?.hash ?? "") < (delta?.hash ?? ""));
      const net = meet();
      for (const id of ["b", "c", "d"]) {
        expect(node(net, id).chains.records.state("bot-0")).toEqual({ n: 9 });
        expect(node(net, id).chains.records.state("bot-2")).toEqual({ n: 8, after: true });
        expect(entryAt(node(net, id), AFTER + 1)?.hash).toBe(snapshot?.hash);
        // Who held the other branch says so; nothing is proven at a snapshot, and the epoch goes on.
        if (id === "c") expect(node(net, id).eventsOf("forked")).toHaveLength(1);
        expect(rowsOf(node(net, id), "fork/")).toEqual([]);
        expect(rowsOf(node(net, id), "chain/reported/a/")).toHaveLength(3);
        expect(rowsOf(node(net, id), "part/")).toEqual(rowsOf(node(net, "b"), "part/"));
      }
      expect(views(net)).toHaveLength(1);
      const [before] = views(net);
      for (const id of ["b", "c", "d"]) net.restart(id, 3);
      net.advance(61_000);
      expect(views(net)).toEqual([before]);
    }
    expect(order.size).toBe(2);
  });

  test("CH5 P5 DU1 who dies between the proof and showing the other branch shows it at its next start", () => {
    common(3);
    left.patch("a", "bot-0", { branch: "left" });
    right.patch("a", "bot-0", { branch: "right" });
    right.advance(1_000);
    left.advance(1_000);
    const shown = [node(left, "b"), node(right, "c")].toSorted((p, q) =>
      (entryAt(p, 4)?.hash ?? "") < (entryAt(q, 4)?.hash ?? "") ? -1 : 1,
    );
    const net = mesh(1_000);
    net.add("b", 2, shown[0]?.rows);
    const c = net.add("c", 2, shown[1]?.rows);
    const scan = c.scan.bind(c);
    let atProof: Map<string, Uint8Array> | undefined;
    c.scan = (range) => {
      if (rowsOf(c, "fork/").length > 0) atProof ??= new Map(c.rows);
      return scan(range);
    };
    net.link("b", "c");
    net.advance(61_000);
    expect(atProof).toBeDefined();
    net.unlink("b", "c");
    const again = net.restart("c", 3, atProof);
    expect(again.chains.records.state("bot-0")).toEqual(
      (shown[0] as VirtualNode).chains.records.state("bot-0"),
    );
    expect(again.eventsOf("quarantined")).toEqual([]);
  });

  test("CH5 a snapshot that gossip brings to a place that is taken is fetched with its parts", () => {
    common(AFTER);
    right.patch("a", "bot-0", { other: true });
    right.advance(1_000);
    const snapshot = entryAt(node(left, "b"), AFTER + 1)?.bytes ?? new Uint8Array();
    const net = mesh(1_000);
    net.add("b", 2, node(left, "b").rows);
    const c = net.add("c", 2, node(right, "c").rows);
    net.drop = ({ kind, bytes }) =>
      kind === "sync" &&
      ["digest", "vector"].includes((decode(bytes) as readonly string[])[0] ?? "");
    net.link("b", "c");
    net.input(c, (now) => expect(c.chains.onGossip("b", snapshot, now)).toBe("accept"));
    net.advance(5_000);
    expect(c.eventsOf("forked")).toHaveLength(1);
    expect(c.chains.records.state("bot-0")).toEqual({ n: 9 });
  });

  test("CH5 CH2 P1 below the newest snapshot nothing proves a fork, and who stands at a fork takes that snapshot", () => {
    common(3);
    left.patch("a", "bot-0", { left: 0 });
    const first = entryAt(node(left, "a"), 4)?.bytes ?? new Uint8Array();
    for (let n = 1; n < 9; n++) left.patch("a", "bot-0", { left: n });
    for (let n = 0; n < 2; n++) right.patch("a", "bot-0", { right: n });
    left.advance(1_000);
    right.advance(1_000);
    expect(entryAt(node(left, "b"), AFTER + 1)?.payload.kind).toBe("snapshot");
    const c = node(right, "c");
    right.input(c, (now) => c.chains.onGossip("x", first, now));
    expect(c.eventsOf("forked")).toHaveLength(1);
    const net = meet();
    expect(node(net, "b").eventsOf("forked")).toEqual([]);
    expect(views(net)).toHaveLength(1);
    expect(node(net, "c").chains.records.state("bot-0")["left"]).toBe(8);
    expect(rowsOf(node(net, "c"), "fork/")).toEqual([]);
    let wants = 0;
    net.drop = ({ kind, bytes }) => {
      if (kind === "sync" && (decode(bytes) as readonly unknown[])[0] === "want") wants += 1;
      return false;
    };
    net.advance(121_000);
    expect(wants).toBe(0);
  });
});
