import { createHash } from "node:crypto";
import { decode } from "@ipld/dag-cbor";
import { createMemoryDocuments } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import type { CoreConfig } from "../config.ts";
import { decodeEntry } from "./entry.ts";
import { VirtualMesh, type VirtualNode } from "./virtual-mesh.test-support.ts";

function mesh(config: Partial<CoreConfig> = {}): VirtualMesh {
  return new VirtualMesh(
    {
      sha256: (bytes) => createHash("sha256").update(bytes).digest(),
      documents: createMemoryDocuments,
    },
    config,
  );
}

/** Every node shows the same document, byte for byte. */
function expectSameView(net: VirtualMesh): void {
  const views = [...net.nodes.values()].map(({ chains }) =>
    Buffer.from(chains.records.exportDocument()).toString("hex"),
  );
  expect(new Set(views).size).toBe(1);
  expect(
    new Set([...net.nodes.values()].map(({ chains }) => chains.records.documentHash())).size,
  ).toBe(1);
}

function started(
  config: Partial<CoreConfig> = {},
  ids: readonly string[] = ["a", "b", "c"],
): VirtualMesh {
  const net = mesh(config);
  for (const id of ids) net.add(id, 1);
  net.linkAll();
  net.advance(1_000);
  return net;
}

describe("chains between nodes", () => {
  test("P1 state written on one node is shown by all, by gossip", () => {
    const net = started();
    expect(net.patch("a", "bot", { status: "scanning", disk: { free: 7 } }).ok).toBe(true);
    net.run();
    for (const node of net.nodes.values())
      expect(node.chains.records.state("bot")).toEqual({ status: "scanning", disk: { free: 7 } });
    expectSameView(net);
  });

  test("CH6 without gossip sync alone brings everything", () => {
    const net = mesh();
    net.gossip = false;
    for (const id of ["a", "b", "c"]) net.add(id, 1);
    for (let i = 0; i < 50; i++) net.patch(["a", "b", "c"][i % 3] as string, `bot-${i}`, { n: i });
    net.link("a", "b");
    net.run();
    net.link("b", "c");
    net.advance(5_000);
    expect(net.nodes.get("a")?.chains.records.robots()).toHaveLength(50);
    expectSameView(net);
    expect(net.nodes.get("a")?.eventsOf("synced").length).toBeGreaterThan(0);
  });

  test("P9 CH4 two sides that were apart keep each other's fields of one robot", () => {
    const net = started();
    net.patch("a", "bot", { x: 1, y: 1 });
    net.run();
    net.unlink("a", "b");
    net.unlink("a", "c");
    net.patch("a", "bot", { x: 2 });
    net.patch("b", "bot", { y: 3, z: { deep: true } });
    net.run();
    net.link("a", "b");
    net.advance(1_000);
    for (const node of net.nodes.values())
      expect(node.chains.records.state("bot")).toEqual({ x: 2, y: 3, z: { deep: true } });
    expectSameView(net);
  });

  test("CH2 a snapshot replaces the deltas, and a latecomer gets it with its parts and what follows", () => {
    const net = started({ snapshotAfterDeltas: 10 }, ["a", "b"]);
    for (let i = 0; i < 25; i++) net.patch("a", `bot-${i % 4}`, { n: i });
    net.run();
    net.advance(1_000);
    const keys = [...(net.nodes.get("b")?.rows.keys() ?? [])].filter((key) =>
      key.startsWith("chain/reported/a/"),
    );
    expect(keys.length).toBeLessThan(10);
    expect(keys[0]).toMatch(/\/0{12}$/);
    net.add("c", 1);
    net.link("b", "c");
    net.advance(1_000);
    expect(net.nodes.get("c")?.chains.records.state("bot-0")).toEqual({ n: 24 });
    expect(
      net.nodes
        .get("c")
        ?.chains.membership.members()
        .map(({ node }) => node),
    ).toEqual(["a", "b", "c"]);
    expectSameView(net);
  });

  test("P5 a restart shows what was acknowledged, under a new epoch, and peers agree", () => {
    const net = started({ snapshotAfterDeltas: 10 });
    for (let i = 0; i < 15; i++) net.patch("a", "bot", { n: i });
    net.run();
    const node = net.restart("a", 2);
    expect(node.chains.records.state("bot")).toEqual({ n: 14 });
    net.patch("a", "bot", { m: 1 });
    net.advance(1_000);
    for (const { chains } of net.nodes.values())
      expect(chains.records.state("bot")).toEqual({ n: 14, m: 1 });
    expectSameView(net);
    expect(net.nodes.get("b")?.eventsOf("rollback")).toEqual([]);
  });

  test("CH1 a restored disk gets its later entries back, peers report a rollback, nothing acknowledged is lost", () => {
    const net = started();
    net.patch("a", "bot", { n: 1 });
    net.run();
    const backup = new Map(net.nodes.get("a")?.rows);
    net.patch("a", "bot", { n: 2, late: true });
    net.run();
    net.restart("a", 5, backup);
    net.advance(1_000);
    expect(net.nodes.get("b")?.eventsOf("rollback").length).toBe(1);
    expect(net.nodes.get("a")?.chains.records.state("bot")).toEqual({ n: 2, late: true });
    expectSameView(net);
    net.patch("a", "bot", { n: 3 });
    net.run();
    expectSameView(net);
  });

  test("CH1 a snapshot by an author that lost entries drops nothing that peers still hold", () => {
    const net = started({ snapshotAfterDeltas: 10 });
    const empty = new Map(net.nodes.get("a")?.rows);
    for (let i = 0; i < 5; i++) net.patch("a", `lost-${i}`, { n: i });
    net.run();
    net.drop = ({ to, kind, bytes }) =>
      kind === "sync" && to === "a" && (decode(bytes) as readonly unknown[])[0] === "have";
    net.restart("a", 9, empty);
    for (let i = 0; i < 12; i++) net.patch("a", "new", { n: i });
    net.advance(40_000);
    const b = net.nodes.get("b");
    expect(net.nodes.get("a")?.chains.records.robots()).toEqual(["new"]);
    expect(b?.chains.records.state("new")).toEqual({ n: 11 });
    expect(b?.chains.records.robots()).toHaveLength(6);
    expect(b?.eventsOf("rollback")).toContainEqual({
      type: "rollback",
      author: "a",
      epoch: 1,
      seq: 5,
    });
    net.drop = () => false;
    net.restart("a", 10);
    net.advance(40_000);
    expect(net.nodes.get("a")?.chains.records.robots()).toHaveLength(6);
    expectSameView(net);
  });

  test("CH5 two copies of one node fork: every node shows the same branch, and says so", () => {
    const net = started();
    net.patch("a", "bot", { n: 0 });
    net.run();
    const copy = new Map(net.nodes.get("a")?.rows);
    const other = mesh();
    other.add("a", 7, copy);
    other.add("d", 1);
    other.link("a", "d");
    net.restart("a", 7);
    for (let i = 0; i < 3; i++) {
      net.patch("a", "bot", { left: i });
      other.patch("a", "bot", { right: i });
      net.run();
      other.run();
    }
    const place = "chain/reported/a/000000000007/000000000001";
    const rows = other.nodes.get("d")?.rows as Map<string, Uint8Array>;
    net.unlink("a", "b");
    net.unlink("a", "c");
    net.nodes.delete("a");
    net.add("d", 2, rows);
    net.link("b", "d");
    net.link("c", "d");
    net.advance(61_000);
    expectSameView(net);
    const shown = [...net.nodes.values()].map(({ rows: held }) => String(held.get(place)));
    expect(new Set(shown).size).toBe(1);
    for (const node of net.nodes.values()) {
      expect(node.eventsOf("forked").length).toBe(1);
      expect([...node.rows.keys()].filter((key) => key.startsWith("fork/"))).toHaveLength(1);
    }
    const b = net.nodes.get("b") as VirtualNode;
    const hashAt = (key: string | undefined): string => {
      const decoded = decodeEntry(b.env, b.rows.get(key ?? "") ?? new Uint8Array());
      return decoded.ok ? decoded.entry.hash : "";
    };
    const forkKey = [...b.rows.keys()].find((key) => key.startsWith("fork/"));
    expect(hashAt(place) < hashAt(forkKey)).toBe(true);
    const before = net.nodes.get("b")?.chains.records.documentHash();
    expect(net.restart("b", 3).chains.records.documentHash()).toBe(before);
  });

  test("CH5 PU3 a node that hears of an unknown entry of its own boot asks for a new boot and writes no more in this one", () => {
    const net = started();
    const copy = new Map(net.nodes.get("a")?.rows);
    const twin = mesh();
    twin.add("a", 7, copy);
    twin.patch("a", "bot", { twin: true });
    net.restart("a", 7);
    net.patch("a", "bot", { mine: true });
    net.run();
    const node = net.nodes.get("a");
    const bytes = [...(twin.nodes.get("a")?.rows ?? [])].find(([key]) =>
      key.endsWith("000000000007/000000000001"),
    )?.[1];
    net.input(node as NonNullable<typeof node>, (now) =>
      node?.chains.onGossip("b", bytes as Uint8Array, now),
    );
    expect(node?.env.out.takeReboot()).toBe(7);
    const entries = (): number =>
      [...(node?.rows.keys() ?? [])].filter((key) => key.startsWith("chain/reported/a/")).length;
    const before = entries();
    expect(net.patch("a", "bot", { more: 1 }).ok).toBe(true);
    expect([entries(), node?.chains.hasStaged]).toEqual([before, true]);
  });

  test("CH5 P5 a node whose running copy wrote as it did folds its own branch into its next epoch: all show what it acknowledged", () => {
    for (let salt = 0; salt < 6; salt++) {
      const net = started();
      const twin = mesh();
      twin.add("a", 7, new Map(net.nodes.get("a")?.rows));
      twin.add("d", 1);
      twin.link("a", "d");
      net.restart("a", 7);
      for (let n = 0; n < 3; n++) {
        net.patch("a", "bot", { [`mine-${n}`]: salt });
        twin.patch("a", "bot", { [`twin-${n}`]: salt });
      }
      net.run();
      twin.run();
      net.add("d", 2, twin.nodes.get("d")?.rows as Map<string, Uint8Array>);
      for (const id of ["a", "b", "c"]) net.link(id, "d");
      net.run();
      const node = net.nodes.get("a") as VirtualNode;
      expect(node.env.out.takeReboot()).toBe(7);
      net.input(node, (now) => node.chains.start(8, now));
      net.advance(121_000);
      expectSameView(net);
      const state = net.nodes.get("b")?.chains.records.state("bot");
      expect(state).toMatchObject({ "mine-0": salt, "mine-1": salt, "mine-2": salt });
    }
  });

  test("DU2 heads name only what is durable", () => {
    const net = started({}, ["a"]);
    const node = net.nodes.get("a");
    const before = node?.chains.heads()[0]?.seq;
    const now = net.now(node as NonNullable<typeof node>);
    node?.chains.records.patchState("bot", { n: 1 }, undefined, now);
    const commit = node?.chains.flush(now) as number;
    expect(node?.chains.heads()[0]?.seq).toBe(before);
    const effects = node?.env.out.drain() ?? [];
    expect(effects.find(({ type }) => type === "publish")).toMatchObject({
      topic: "state",
      after: commit,
    });
    node?.chains.onCommitted(commit);
    expect(node?.chains.heads()[0]?.seq).toBe((before ?? 0) + 1);
  });

  test("CH6 a head in a pulse makes a node pull what gossip lost", () => {
    const net = started();
    net.gossip = false;
    net.patch("a", "bot", { n: 1 });
    const b = net.nodes.get("b");
    const heads = net.nodes.get("a")?.chains.heads() ?? [];
    net.input(b as NonNullable<typeof b>, (now) => b?.chains.onHeads("a", heads, "a", now));
    expect(b?.chains.records.state("bot")).toEqual({});
    net.advance(1_000);
    expect(b?.chains.records.state("bot")).toEqual({ n: 1 });
  });

  test("CH2 more than OWN_EPOCHS_MAX restarts leave one live epoch after compaction everywhere", () => {
    const net = started({ snapshotAfterDeltas: 10 });
    for (let boot = 2; boot < 12; boot++) {
      net.patch("a", `bot-${boot}`, { boot });
      net.run();
      net.restart("a", boot);
      net.advance(500);
    }
    net.advance(31_000);
    const epochs = new Set(
      [...(net.nodes.get("c")?.rows.keys() ?? [])]
        .filter((key) => key.startsWith("chain/reported/a/"))
        .map((key) => key.split("/")[3]),
    );
    expect(epochs.size).toBeLessThanOrEqual(5);
    expect(net.nodes.get("c")?.chains.records.robots()).toHaveLength(10);
    expectSameView(net);
  });

  test("VE1 members are the authors of headers, minus those that said goodbye, until they come back", () => {
    const net = started();
    const b = net.nodes.get("b");
    net.input(b as NonNullable<typeof b>, () => b?.chains.membership.leave("a", 1));
    expect(b?.chains.membership.members().map(({ node }) => node)).toEqual(["b", "c"]);
    expect(b?.chains.membership.hasLeft("a")).toBe(true);
    expect(net.restart("b", 2).chains.membership.hasLeft("a")).toBe(true);
    net.restart("a", 2);
    net.advance(1_000);
    expect(
      net.nodes
        .get("b")
        ?.chains.membership.members()
        .map(({ node }) => node),
    ).toEqual(["a", "b", "c"]);
  });

  test("VE9 a recording of a goodbye of an earlier boot takes out nobody, whatever came in between", () => {
    const net = started();
    const b = net.nodes.get("b") as VirtualNode;
    net.restart("a", 5);
    net.advance(1_000);
    net.input(b, () => expect(b.chains.membership.leave("a", 4)).toBe(false));
    expect(b.chains.membership.member("a")).toBeDefined();
    const again = net.restart("b", 2);
    net.input(again, () => expect(again.chains.membership.leave("a", 1)).toBe(false));
    expect(again.chains.membership.hasLeft("a")).toBe(false);
    net.input(again, () => expect(again.chains.membership.leave("a", 5)).toBe(true));
    expect(again.chains.membership.hasLeft("a")).toBe(true);
  });

  test("DU1 a damaged row is quarantined and reported, the rest loads, and sync brings the missing back", () => {
    const net = started();
    for (let i = 0; i < 6; i++) net.patch("a", `bot-${i}`, { n: i });
    net.run();
    const rows = net.nodes.get("b")?.rows as Map<string, Uint8Array>;
    const key = [...rows.keys()].filter((name) =>
      name.startsWith("chain/reported/a/"),
    )[3] as string;
    rows.set(
      key,
      (rows.get(key) as Uint8Array).map((byte, i) => (i === 200 ? byte ^ 1 : byte)),
    );
    const node = net.restart("b", 2);
    expect(node.eventsOf("quarantined").length).toBeGreaterThan(0);
    expect(node.chains.records.robots().length).toBeGreaterThanOrEqual(2);
    net.advance(1_000);
    expectSameView(net);
  });

  test("DU1 CH1 a stored entry that does not link to the one before it is quarantined, with what follows", () => {
    const net = started();
    const twin = mesh();
    twin.add("a", 1);
    for (let i = 0; i < 4; i++) {
      net.patch("a", "bot", { n: i });
      twin.patch("a", "bot", { twin: i });
    }
    net.run();
    const rows = net.nodes.get("b")?.rows as Map<string, Uint8Array>;
    const key = "chain/reported/a/000000000001/000000000002";
    rows.set(key, twin.nodes.get("a")?.rows.get(key) as Uint8Array);
    for (const id of ["a", "c"]) net.unlink("b", id);
    const node = net.restart("b", 2);
    const what = node
      .eventsOf("quarantined")
      .map((event) => (event.type === "quarantined" ? event.what : ""));
    expect(what).toContain(key);
    expect(node.chains.records.state("bot")).toEqual({ n: 0 });
    net.link("a", "b");
    net.advance(1_000);
    expectSameView(net);
  });
});
