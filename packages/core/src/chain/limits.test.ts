import { createHash } from "node:crypto";
import { createMemoryDocuments } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import { coreConfig } from "../config.ts";
import { Authority } from "../authority/authority.ts";
import { Rights } from "../authority/rights.ts";
import { ChainMembership } from "../roster/chain-membership.ts";
import { ROSTER_MAX } from "../roster/membership.ts";
import { isPointer, POINTER_DEPTH_MAX, POINTER_LENGTH_MAX } from "../state/pointer.ts";
import { Records } from "../state/records.ts";
import { ENTRIES_FRAME_BYTES_MAX, ROWS_PER_LOAD_MAX } from "../sync/server.ts";
import { SPREAD_PEERS_MAX } from "../sync/sync.ts";
import { sealEnvelope } from "../wire/envelope.ts";
import { ChainIndex } from "./chain-index.ts";
import { ChainStore } from "./chain-store.ts";
import { generationClientId } from "./client-id.ts";
import { encodeEntryBody, type Entry, type EntryPayload } from "./entry.ts";
import {
  AUTHOR_ROBOTS_MAX,
  AUTHORS_MAX,
  DELTA_FILL_BYTES_MAX,
  DELTA_ROBOTS_MAX,
  DELTA_TO_LIVE_RATIO_MAX,
  DELTAS_BYTES_MAX,
  DELTAS_MAX,
  ENTRY_BYTES_MAX,
  PART_BYTES_MAX,
  SNAPSHOT_BYTES_MIN,
} from "./limits.ts";
import { PREPARATIONS_MAX } from "./preparation.ts";
import { VirtualMesh, type VirtualNode } from "./virtual-mesh.test-support.ts";

function mesh(): VirtualMesh {
  const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
  return new VirtualMesh({ sha256, documents: createMemoryDocuments });
}

const begin = (): void => undefined;

function headerOf(node: VirtualNode, author: string, epoch: number): Uint8Array {
  const payload: EntryPayload = {
    kind: "header",
    name: "n",
    region: "r",
    agent: "t",
    prev: undefined,
  };
  return seal(node, author, { epoch, seq: 0, prevHash: undefined, payload });
}

/** Signatures of the virtual mesh can be made for anybody. */
function seal(
  node: VirtualNode,
  author: string,
  entry: Pick<Entry, "epoch" | "seq" | "prevHash" | "payload">,
): Uint8Array {
  const env = mesh().add(author, 0).env;
  return sealEnvelope(
    env,
    "entry",
    encodeEntryBody(node.env, { document: "reported", hlc: 1, ...entry }),
  );
}

function entries(node: VirtualNode, author: string): readonly string[] {
  return [...node.rows.keys()].filter((key) => key.startsWith(`chain/reported/${author}/`));
}

describe("limits of chains", () => {
  test("CH7 ME3 strangers take nobody's place among AUTHORS_MAX authors and ROSTER_MAX members", () => {
    const { env } = mesh().add("a", 0);
    const counts = (node: string): boolean => !node.startsWith("stranger");
    const index = new ChainIndex(env, counts);
    const membership = new ChainMembership(env, counts);
    const names = { name: "n", region: "r", agent: "t" };
    const now = { monoMs: 0, wallMs: 1 };
    const join = (author: string): boolean => {
      index.add({ document: "reported", author, epoch: 1 } as never);
      return membership.learn({ author, epoch: 1 }, names, now);
    };
    for (let i = 0; i < AUTHORS_MAX; i++) expect(join(`stranger${i}`)).toBe(true);
    expect(index.isFull("reported", AUTHORS_MAX)).toBe(false);
    expect(join("new")).toBe(true);
    expect(membership.member("new")).toBeDefined();
    for (let i = 1; i < AUTHORS_MAX; i++) expect(join(`n${i}`)).toBe(true);
    expect(index.isFull("reported", AUTHORS_MAX)).toBe(true);
    expect(join("one more")).toBe(false);
  });

  test("CH7 AUTHORS_MAX authors are stored, and ROSTER_MAX members known, further ones refused", () => {
    const { env } = mesh().add("a", 0);
    const membership = new ChainMembership(env, () => true);
    const index = new ChainIndex(env);
    const records = new Records(env);
    const store = new ChainStore(env, {
      index,
      membership,
      rights: new Rights(new Authority(env)),
      records: () => records,
      hooks: {},
      begin,
      isFolding: () => false,
    });
    const now = { monoMs: 0, wallMs: 1 };
    const node = mesh().add("b", 0);
    for (let i = 0; i < AUTHORS_MAX; i++)
      index.add({ document: "reported", author: `n${i}`, epoch: 1 } as never);
    expect(store.accept(headerOf(node, "new", 1), now, new Set(), () => undefined)).toEqual({
      status: "refused",
      code: "authors-max",
    });
    for (let i = 0; i < ROSTER_MAX; i++) {
      expect(
        membership.learn(
          { author: `n${i}`, epoch: 1 },
          { name: "n", region: "r", agent: "t" },
          now,
        ),
      ).toBe(true);
    }
    expect(
      membership.learn({ author: "new", epoch: 1 }, { name: "n", region: "r", agent: "t" }, now),
    ).toBe(false);
    expect(membership.members()).toHaveLength(ROSTER_MAX);
    expect(membership.members()).toBe(membership.members());
  });

  test("CH3 an epoch takes DELTAS_MAX entries after its opening and no more", () => {
    const { env } = mesh().add("a", 0);
    const index = new ChainIndex(env);
    const membership = new ChainMembership(env, () => true);
    const records = new Records(env);
    const store = new ChainStore(env, {
      index,
      membership,
      rights: new Rights(new Authority(env)),
      records: () => records,
      hooks: {},
      begin,
      isFolding: () => false,
    });
    const node = mesh().add("b", 0);
    const now = { monoMs: 0, wallMs: 1 };
    store.accept(headerOf(node, "b", 1), now, new Set(), () => undefined);
    const log = index.log("reported", "b", 1);
    for (let i = 0; i < DELTAS_MAX; i++)
      log?.append({ hash: "11".repeat(32), bytes: new Uint8Array(1) } as Entry);
    const payload: EntryPayload = { kind: "delta", update: new Uint8Array(1) };
    const next = seal(node, "b", {
      epoch: 1,
      seq: DELTAS_MAX + 1,
      prevHash: "11".repeat(32),
      payload,
    });
    expect(store.accept(next, now, new Set(), () => undefined)).toEqual({
      status: "refused",
      code: "deltas-max",
    });
  });

  test("CH3 P6 an epoch takes DELTAS_BYTES_MAX of entries after its opening and no more", () => {
    const node = mesh().add("a", 1);
    const other = mesh().add("b", 0);
    const index = new ChainIndex(node.env);
    const records = new Records(node.env);
    const store = new ChainStore(node.env, {
      index,
      membership: new ChainMembership(node.env, () => true),
      rights: new Rights(new Authority(node.env)),
      records: () => records,
      hooks: {},
      begin,
      isFolding: () => false,
    });
    const now = { monoMs: 0, wallMs: 1 };
    store.accept(headerOf(other, "b", 1), now, new Set(), () => undefined);
    const log = index.log("reported", "b", 1);
    log?.append({ hash: "11".repeat(32), bytes: new Uint8Array(DELTAS_BYTES_MAX) } as Entry);
    const payload: EntryPayload = { kind: "delta", update: new Uint8Array(1) };
    const next = seal(other, "b", { epoch: 1, seq: 2, prevHash: "11".repeat(32), payload });
    expect(store.accept(next, now, new Set(), () => undefined)).toEqual({
      status: "refused",
      code: "deltas-max",
    });
  });

  test("CH2 P6 PREPARATIONS_MAX snapshots of several parts are taken in at a time, further ones wait with who has them", () => {
    const { env } = mesh().add("a", 0);
    const index = new ChainIndex(env);
    const records = new Records(env);
    const begun: unknown[] = [];
    const store = new ChainStore(env, {
      index,
      membership: new ChainMembership(env, () => true),
      rights: new Rights(new Authority(env)),
      records: () => records,
      hooks: {},
      begin: (preparation) => begun.push(preparation),
      isFolding: () => false,
    });
    const node = mesh().add("b", 0);
    const now = { monoMs: 0, wallMs: 1 };
    const statuses = Array.from({ length: PREPARATIONS_MAX + 1 }, (_, i) => {
      const author = `p${i}`;
      const header = headerOf(node, author, 1);
      const opened = store.accept(header, now, new Set(), () => undefined);
      const prevHash = opened.status === "stored" ? opened.entry.hash : "";
      const generation = { document: "reported", author, epoch: 1 } as const;
      const values = ["x", "y"].map((robot) => ({ robot, value: "x".repeat(20_000) }));
      const clientId = generationClientId(env, generation, 1);
      const parts = env.ports.documents.snapshot(generation, clientId, values, 24 * 1024);
      const byHash = new Map(
        parts.map((part) => [createHash("sha256").update(part).digest("hex"), part]),
      );
      const payload: EntryPayload = {
        kind: "snapshot",
        parts: [...byHash.keys()],
        robots: 2,
        covers: [],
      };
      const snapshot = seal(node, author, { epoch: 1, seq: 1, prevHash, payload });
      return store.accept(snapshot, now, new Set(), (hash) => byHash.get(hash)).status;
    });
    expect(statuses.slice(0, -1).every((status) => status === "preparing")).toBe(true);
    expect(statuses.at(-1)).toBe("needs-parts");
    expect(begun).toHaveLength(PREPARATIONS_MAX);
    expect(store.isPreparing("reported", "p0", 1)).toBe(true);
  });

  test("CH3 one delta holds DELTA_ROBOTS_MAX robots and about DELTA_FILL_BYTES_MAX bytes; more become more entries", () => {
    const net = mesh();
    const node = net.add("a", 1);
    const put = (prefix: string, count: number, text: string): void =>
      net.input(node, (now) => {
        for (let i = 0; i < count; i++)
          node.chains.records.patchState(`${prefix}-${i}`, { text }, undefined, now);
      });
    put("small", DELTA_ROBOTS_MAX * 2 + 1, "x");
    expect(entries(node, "a")).toHaveLength(1 + 3);
    put("large", 4, "x".repeat(DELTA_FILL_BYTES_MAX / 2));
    expect(entries(node, "a")).toHaveLength(1 + 3 + 4);
    for (const [key, value] of node.rows)
      if (key.startsWith("chain/")) expect(value.length).toBeLessThanOrEqual(ENTRY_BYTES_MAX);
  });

  test("CH2 a snapshot is written when deltas outweigh the live bytes DELTA_TO_LIVE_RATIO_MAX times, in parts of PART_BYTES_MAX", () => {
    const net = mesh();
    const node = net.add("a", 1);
    let longest = 0;
    for (let i = 0; i < 200; i++) {
      net.patch("a", "bot", { text: "x".repeat(2_000), i });
      longest = Math.max(longest, entries(node, "a").length);
    }
    expect(longest * 2_000).toBeLessThan(SNAPSHOT_BYTES_MIN + DELTA_TO_LIVE_RATIO_MAX * 3_000);
    for (let i = 0; i < 100; i++) net.patch("a", `big-${i}`, { text: "x".repeat(12_000) });
    net.advance(100);
    const parts = [...node.rows]
      .filter(([key]) => key.startsWith("part/"))
      .map(([, value]) => value.length);
    expect(parts.length).toBeGreaterThan(1);
    for (const bytes of parts) expect(bytes).toBeLessThanOrEqual(PART_BYTES_MAX);
  });

  test("P1 a generation of AUTHOR_ROBOTS_MAX robots and a snapshot of as many others show the same to who held it and to a joiner", () => {
    const generation = { document: "reported", author: "x", epoch: 1 } as const;
    const value = { f: { "/state/a": [5, 1] }, t: {} };
    const robots = (prefix: string) =>
      Array.from({ length: AUTHOR_ROBOTS_MAX }, (_, i) => ({ robot: `${prefix}${i}`, value }));
    const table = () => mesh().add("a", 1).chains.records.table;
    const [holder, joiner] = [table(), table()];
    const snapshot = (to: typeof holder) =>
      to.replace(
        generation,
        robots("y").map((change) => to.incoming(generation, change)),
        [],
      );
    holder.apply(generation, robots("x"));
    snapshot(holder);
    snapshot(joiner);
    expect(joiner.robots()).toHaveLength(AUTHOR_ROBOTS_MAX);
    expect(holder.documentHash()).toBe(joiner.documentHash());
    expect(Buffer.compare(holder.exportDocument(), joiner.exportDocument())).toBe(0);
  });

  test("P1 a generation beyond AUTHOR_ROBOTS_MAX shows the same in whatever order its robots came", () => {
    const generation = { document: "reported", author: "x", epoch: 1 } as const;
    const value = { f: { "/state/a": [5, 1] }, t: {} };
    const robots = Array.from({ length: AUTHOR_ROBOTS_MAX + 1 }, (_, i) => ({
      robot: `r${i}`,
      value,
    }));
    const table = () => mesh().add("a", 1).chains.records.table;
    const [live, restored] = [table(), table()];
    live.apply(generation, robots);
    restored.apply(generation, robots.toReversed());
    expect(live.documentHash()).toBe(restored.documentHash());
  });

  test("CH4 pointers up to POINTER_LENGTH_MAX characters and POINTER_DEPTH_MAX levels are read", () => {
    expect(isPointer(`/${"x".repeat(POINTER_LENGTH_MAX - 1)}`)).toBe(true);
    expect(isPointer(`/${"x".repeat(POINTER_LENGTH_MAX)}`)).toBe(false);
    expect(isPointer("/x".repeat(POINTER_DEPTH_MAX))).toBe(true);
    expect(isPointer("/x".repeat(POINTER_DEPTH_MAX + 1))).toBe(false);
    for (const bad of ["", "x", "/~", "/~2", "/a~"]) expect(isPointer(bad)).toBe(false);
  });

  test("CH6 answers carry about ENTRIES_FRAME_BYTES_MAX of entries, read ROWS_PER_LOAD_MAX rows at a time", () => {
    const net = mesh();
    net.gossip = false;
    const node = net.add("a", 1);
    for (let i = 0; i < 900; i++) net.patch("a", `bot-${i % 600}`, { i, text: "x".repeat(60) });
    const limits: (number | undefined)[] = [];
    const scan = node.scan.bind(node);
    node.scan = (range) => {
      limits.push(range.limit);
      return scan(range);
    };
    net.add("b", 1);
    net.link("a", "b");
    net.advance(1_000);
    expect(net.nodes.get("b")?.chains.records.documentHash()).toBe(
      node.chains.records.documentHash(),
    );
    expect(net.framesBytesMax).toBeLessThanOrEqual(ENTRIES_FRAME_BYTES_MAX + PART_BYTES_MAX);
    for (const limit of limits) expect(limit).toBeLessThanOrEqual(ROWS_PER_LOAD_MAX);
  });

  test("CH6 a node that pulled something tells SPREAD_PEERS_MAX neighbours, so that a heal crosses the fleet at once", () => {
    const net = mesh();
    net.gossip = false;
    const ids = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for (const id of ids) net.add(id, 1);
    for (const id of ids.slice(1)) net.link("a", id);
    net.advance(2_000);
    net.add("z", 1);
    net.patch("z", "bot", { late: true });
    const before = net.framesSent;
    net.link("a", "z");
    net.advance(1_000);
    const told = ids.filter(
      (id) => net.nodes.get(id)?.chains.records.state("bot")["late"] === true,
    );
    expect(told.length).toBeGreaterThan(1);
    expect(told.length).toBeLessThanOrEqual(1 + SPREAD_PEERS_MAX);
    expect(net.framesSent - before).toBeLessThan(100);
  });

  test("CH2 a generation's clientID follows from what opened it, and keeps clear of Yjs's own", () => {
    const { env } = mesh().add("a", 0);
    const ids = new Set<number>();
    for (const author of ["a", "b"]) {
      for (const epoch of [1, 2]) {
        for (const seq of [0, 1, 1_000])
          ids.add(generationClientId(env, { document: "reported", author, epoch }, seq));
      }
    }
    expect(ids.size).toBe(12);
    for (const id of ids) expect(id >= 2 ** 32 && Number.isSafeInteger(id)).toBe(true);
    expect(coreConfig().snapshotAfterDeltas).toBeLessThan(DELTAS_MAX);
  });
});
