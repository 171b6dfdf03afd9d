import { createHash } from "node:crypto";
import { createMemoryDocuments } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import type { Effect } from "../effect.ts";
import { SETTLED_ROBOTS_MAX } from "../state/record-table.ts";
import { VirtualMesh, type VirtualNode } from "./virtual-mesh.test-support.ts";

/** So many robots of 12 KB fill several parts. */
const ROBOTS = 60;
const TEXT = "x".repeat(12_000);

function mesh(): VirtualMesh {
  const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
  return new VirtualMesh(
    { sha256, documents: createMemoryDocuments },
    { snapshotAfterDeltas: ROBOTS + 20 },
  );
}

function partsOf(node: VirtualNode): readonly string[] {
  return [...node.rows.keys()].filter((key) => key.startsWith("part/"));
}

function entriesOf(node: VirtualNode, author: string): readonly string[] {
  return [...node.rows.keys()].filter((key) => key.startsWith(`chain/reported/${author}/`));
}

/** `a` with its robots, all written, and no snapshot of them all yet. */
function writer(net: VirtualMesh): VirtualNode {
  const node = net.add("a", 1);
  for (let i = 0; i < ROBOTS; i++) net.patch("a", `bot-${100 + i}`, { text: TEXT, lap: 0 });
  net.advance(1_000);
  return node;
}

/** Writes until `a` is in the middle of a snapshot, and goes no further. */
function untilSnapshot(net: VirtualMesh, node: VirtualNode): void {
  for (let lap = 1; !node.chains.hasStaged; lap++) {
    if (lap > 200) throw new Error("no snapshot was begun");
    net.patch("a", "bot-100", { lap });
  }
}

function expectSameView(net: VirtualMesh): void {
  const hashes = [...net.nodes.values()].map(({ chains }) => chains.records.documentHash());
  expect(new Set(hashes).size).toBe(1);
}

describe("generations of many parts", () => {
  test("CH2 an author writes one part an input, its own changes wait meanwhile, and nothing is on disk before all of it is", () => {
    const net = mesh();
    const node = writer(net);
    const [rows, parts] = [entriesOf(node, "a").length, partsOf(node)];
    untilSnapshot(net, node);
    const before = entriesOf(node, "a").length;
    expect(before).toBeGreaterThan(rows);
    const steps: number[] = [];
    for (let step = 0; node.chains.hasStaged && step < 50; step++) {
      net.advance(1);
      steps.push(partsOf(node).filter((key) => !parts.includes(key)).length);
    }
    // The first part is written at once, the other two follow, then all takes over.
    expect(steps).toEqual([0, 0, 3]);
    expect(entriesOf(node, "a").length).toBeLessThan(before);
    const lap = node.chains.records.state("bot-100")["lap"];
    expect(net.restart("a", 2).chains.records.state("bot-100")["lap"]).toBe(lap);
    expect(net.nodes.get("a")?.chains.records.robots()).toHaveLength(ROBOTS);
  });

  test("CH2 P5 an author that dies while it writes a snapshot finds everything that was acknowledged, and no trace of it", () => {
    const net = mesh();
    const node = writer(net);
    const parts = partsOf(node);
    untilSnapshot(net, node);
    net.advance(1);
    expect(partsOf(node)).toEqual(parts);
    const document = node.chains.records.state("bot-101");
    const again = net.restart("a", 2, new Map(node.rows));
    expect(again.chains.records.state("bot-101")).toEqual(document);
    expect(again.chains.records.robots()).toHaveLength(ROBOTS);
    net.advance(5_000);
    net.patch("a", "bot-100", { lap: "after" });
    expect(again.chains.hasStaged).toBe(false);
  });

  test("CH1 CH2 a new epoch breaks off the snapshot of the one before, and what waited goes into the new one", () => {
    const net = mesh();
    const node = writer(net);
    untilSnapshot(net, node);
    const staged = node.chains.records.state("bot-100")["lap"];
    net.input(node, (now) => node.chains.start(2, now));
    expect(node.chains.hasStaged).toBe(false);
    const before = partsOf(node);
    net.advance(100);
    expect(partsOf(node)).toEqual(before);
    const again = net.restart("a", 3);
    expect(again.chains.records.state("bot-100")["lap"]).toBe(staged);
  });

  test("CH2 P1 a follower that holds everything writes the parts itself and shows the new generation at once", () => {
    const net = mesh();
    const node = writer(net);
    const follower = net.add("b", 1);
    net.linkAll();
    net.advance(5_000);
    expectSameView(net);
    let sent = 0;
    net.drop = ({ kind, bytes }) => {
      if (kind === "sync" && bytes.length > 100_000) sent += 1;
      return false;
    };
    untilSnapshot(net, node);
    net.advance(2_000);
    expect(partsOf(follower)).toEqual(partsOf(node));
    expect(partsOf(node).length).toBeGreaterThan(2);
    expect(sent).toBe(0);
    expectSameView(net);
    expect(follower.eventsOf("rejected")).toEqual([]);
  });

  test("CH2 P1 a follower whose encoder makes other bytes of the same values finds out by their hashes, fetches the parts, and shows the same", () => {
    const net = mesh();
    const node = writer(net);
    const follower = net.add("b", 1);
    const { documents } = follower.env.ports;
    const part = documents.snapshotPart.bind(documents);
    documents.snapshotPart = (generation, clientId, clock, ...rest) => {
      const { bytes, count } = part(generation, clientId, clock, ...rest);
      // From the second part on, which is another input's work.
      return { bytes: clock === 0 ? bytes : Buffer.concat([bytes, Buffer.from(" ")]), count };
    };
    net.linkAll();
    net.advance(5_000);
    untilSnapshot(net, node);
    net.advance(2_000);
    expect(partsOf(node).length).toBeGreaterThan(2);
    const parts = (of: VirtualNode) => partsOf(of).map((key) => [key, of.rows.get(key)]);
    expect(parts(follower)).toEqual(parts(node));
    expectSameView(net);
    expect(follower.eventsOf("rejected")).toEqual([]);
  });

  test("CH2 CH6 a newcomer takes a generation in part by part, shows nothing of it before, and goes on with what follows", () => {
    const net = mesh();
    const node = writer(net);
    untilSnapshot(net, node);
    net.advance(100);
    for (let lap = 0; lap < 5; lap++) net.patch("a", "bot-101", { late: lap });
    const reader = net.add("c", 1);
    net.link("a", "c");
    const seen = new Set<number>();
    for (let step = 0; step < 200; step++) {
      net.run();
      seen.add(reader.chains.records.robots().length);
      net.advance(1);
    }
    expect([...seen]).toEqual([0, ROBOTS]);
    expect(reader.chains.records.state("bot-101")["late"]).toBe(4);
    expectSameView(net);
    expect(reader.eventsOf("rejected")).toEqual([]);
    expect(net.restart("c", 2).chains.records.robots()).toHaveLength(ROBOTS);
  });

  test("CH2 CH3 a part that the gate refuses leaves a reader with what it had, and the snapshot is not asked for again", () => {
    const net = mesh();
    const node = writer(net);
    untilSnapshot(net, node);
    net.advance(100);
    const reader = net.add("c", 1);
    const { documents } = reader.env.ports;
    const draft = documents.draft.bind(documents);
    let takes = 0;
    documents.draft = (generation, clientId) => {
      const made = draft(generation, clientId);
      return {
        install: () => made.install(),
        take: (part) => (++takes === 2 ? { ok: false, code: "bad-content" } : made.take(part)),
      };
    };
    net.link("a", "c");
    net.advance(61_000);
    expect(takes).toBe(2);
    expect(reader.chains.records.robots()).toEqual([]);
    expect(partsOf(reader)).toEqual([]);
    expect(reader.eventsOf("rejected")).toContainEqual({
      type: "rejected",
      reason: "snapshot-bad",
      from: "a",
    });
  });

  test("CH2 SETTLED_ROBOTS_MAX views an input are worked out, each change is told once, in order, and none is lost", () => {
    const net = mesh();
    const node = net.add("a", 1);
    const robots = SETTLED_ROBOTS_MAX * 2 + 10;
    const generation = { document: "reported", author: "x", epoch: 1 } as const;
    const changes = Array.from({ length: robots }, (_, i) => ({
      robot: `r${1_000 + i}`,
      value: { f: { "/state/a": [5, 1] }, t: {} },
    }));
    const told: number[] = [];
    const effects = (act: (now: ReturnType<typeof net.now>) => void): readonly Effect[] => {
      const now = net.now(node);
      act(now);
      node.chains.flush(now);
      return node.env.out.drain();
    };
    const count = (given: readonly Effect[]): number =>
      given.filter((effect) => effect.type === "emit" && effect.event.type === "robot-state")
        .length;
    const changed: string[] = [];
    const first = effects(() => node.chains.records.table.apply(generation, changes));
    told.push(count(first));
    expect(first.some((effect) => effect.type === "set-timer" && effect.id === "chain")).toBe(true);
    changed.push(...node.chains.takeChangedRobots());
    for (let step = 0; step < 3; step++) {
      told.push(count(effects((now) => node.chains.onWork(now))));
      changed.push(...node.chains.takeChangedRobots());
    }
    expect(told).toEqual([SETTLED_ROBOTS_MAX, SETTLED_ROBOTS_MAX, 10, 0]);
    expect(changed).toEqual(changes.map(({ robot }) => robot));
  });
});
