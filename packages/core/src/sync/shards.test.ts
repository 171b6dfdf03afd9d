import { createHash } from "node:crypto";
import { createMemoryDocuments } from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import { encodeEntryBody } from "../chain/entry.ts";
import {
  VirtualMesh,
  type VirtualFrame,
  type VirtualNode,
} from "../chain/virtual-mesh.test-support.ts";
import { sealEnvelope } from "../wire/envelope.ts";
import { decodeSync, encodeSync, type SyncMessage } from "./messages.ts";
import {
  decodeShardSet,
  encodeShardSet,
  shardOf,
  SHARDED_ITEMS_MIN,
  SHARD_DIGESTS_BYTES,
  SHARDS,
} from "./shards.ts";

const AUTHORS = 400;
const FEW = 20;

const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
const meshOf = (): VirtualMesh =>
  new VirtualMesh({ sha256, documents: createMemoryDocuments }, { syncEveryMs: 1_000 });

/** Headers of authors that nobody runs. */
function headers(count: number): readonly Uint8Array[] {
  const others = meshOf();
  return Array.from({ length: count }, (_, index) => {
    const { env } = others.add(`m${index}`, 0);
    const payload = {
      kind: "header",
      name: "x",
      region: "r",
      agent: "x",
      prev: undefined,
    } as const;
    const place = { document: "reported", epoch: 1, seq: 0, prevHash: undefined, hlc: 5 } as const;
    return sealEnvelope(env, "entry", encodeEntryBody(env, { ...place, payload }));
  });
}

/** Two nodes without gossip that hold the same of `count` authors, not linked yet. */
function pairWith(count: number): { readonly mesh: VirtualMesh; readonly said: SyncMessage[] } {
  const mesh = meshOf();
  mesh.gossip = false;
  const said: SyncMessage[] = [];
  mesh.drop = (frame: VirtualFrame): boolean => {
    const message = decodeSync(mesh.nodes.get(frame.from)?.env ?? noNode(), frame.bytes);
    if (message !== undefined) said.push(message);
    return false;
  };
  const entries = headers(count);
  for (const id of ["a", "b"]) {
    const node = mesh.add(id, 1);
    for (const bytes of entries)
      mesh.input(node, (now) => void node.chains.onGossip("m", bytes, now));
  }
  mesh.run();
  return { mesh, said };
}

function noNode(): never {
  throw new Error("no node has sent it");
}

const listed = (said: readonly SyncMessage[]): number =>
  said.reduce(
    (total, message) => total + (message.type === "vector" ? message.items.length : 0),
    0,
  );

const digestsOf = (mesh: VirtualMesh): readonly string[] =>
  [...mesh.nodes.values()].map(({ chains }) =>
    Buffer.from(chains.digestOf("reported")).toString("hex"),
  );

describe("comparing by parts", () => {
  test("CH9 authors are spread over all parts, each in the same one for ever", () => {
    const authors = Array.from({ length: 10_000 }, (_, index) => `12D3KooW${index * 7}`);
    const sizes = new Map<number, number>();
    for (const author of authors) sizes.set(shardOf(author), (sizes.get(shardOf(author)) ?? 0) + 1);
    expect(sizes.size).toBe(SHARDS);
    expect(Math.max(...sizes.values())).toBeLessThan((2 * authors.length) / SHARDS);
    expect(["", "a", "12D3KooWA"].map(shardOf)).toEqual([25, 32, 24]);
  });

  test("CH9 a set of parts is eight bytes, and nothing else is one", () => {
    const shards = new Set([0, 7, 8, 63]);
    expect(decodeShardSet(encodeShardSet(shards))).toEqual(shards);
    const none = new Uint8Array(8);
    for (const bad of [none, new Uint8Array(7).fill(1), new Uint8Array(9).fill(1), 5, undefined])
      expect(decodeShardSet(bad)).toBeUndefined();
  });

  test("CH9 CH6 P1 two nodes of a large fleet tell each other of the parts in which they differ, and come to hold the same", () => {
    const { mesh, said } = pairWith(AUTHORS);
    mesh.write("a", "r1", { "/schedule": 1 });
    mesh.write("b", "r2", { "/schedule": 1 });
    mesh.link("a", "b");
    mesh.advance(100);
    const [a, b] = digestsOf(mesh);
    expect(a).toBe(b);
    expect(said.filter(({ type }) => type === "shards").length).toBeGreaterThan(0);
    // Of both directions, both vectors, of the two parts that the two authors are in.
    expect(listed(said)).toBeLessThan((8 * AUTHORS) / SHARDS + FEW);
  });

  test("CH9 CH6 P1 in a round who was asked answers with the same parts, which its peer lacks", () => {
    const { mesh, said } = pairWith(AUTHORS);
    mesh.link("a", "b");
    mesh.advance(2_000);
    const [before] = digestsOf(mesh);
    said.length = 0;
    mesh.write("a", "r1", { "/schedule": 1 });
    mesh.write("b", "r2", { "/schedule": 1 });
    mesh.advance(2_000);
    const [a, b] = digestsOf(mesh);
    expect([a === b, a === before]).toEqual([true, false]);
    const pages = said.filter(({ type }) => type === "vector");
    expect(pages.some((page) => page.type === "vector" && !page.first)).toBe(true);
    expect(listed(said)).toBeLessThan((8 * AUTHORS) / SHARDS + FEW);
  });

  test("CH9 CH6 small documents are compared as a whole, without a further message", () => {
    const { mesh, said } = pairWith(SHARDED_ITEMS_MIN - 3);
    mesh.write("a", "r1", { "/schedule": 1 });
    mesh.link("a", "b");
    mesh.advance(100);
    const [a, b] = digestsOf(mesh);
    expect([a === b, said.some(({ type }) => type === "shards")]).toEqual([true, false]);
  });

  test("CH9 SG2 who says nothing of parts, as earlier releases, is sent whole vectors", () => {
    const { mesh } = pairWith(AUTHORS);
    const node = mesh.nodes.get("a") as VirtualNode;
    mesh.input(node, (now) => node.chains.onPeerUp("p", now));
    const unlike = new Map([["reported", new Uint8Array(32).fill(7)]] as const);
    const answers = [false, true].map((byShards) => {
      const digest = encodeSync(node.env, { type: "digest", digests: unlike, byShards });
      node.env.out.drain();
      node.chains.onSync("p", digest, { monoMs: byShards ? 60_000 : 30_000, wallMs: 1 });
      return node.env.out.drain().flatMap((effect) => {
        const message = effect.type === "send" ? decodeSync(node.env, effect.bytes) : undefined;
        return message === undefined ? [] : `${message.type} ${listed([message])}`;
      });
    });
    expect(answers).toEqual([[`vector ${AUTHORS + 1}`], ["shards 0"]]);
  });

  test("CH9 P6 a peer that asks by parts again and again is sent VECTOR_ITEMS_PER_SECOND_MAX as any other", () => {
    const { mesh } = pairWith(AUTHORS);
    const node = mesh.nodes.get("a") as VirtualNode;
    mesh.input(node, (now) => node.chains.onPeerUp("p", now));
    const unlike = new Map([["reported", new Uint8Array(SHARD_DIGESTS_BYTES).fill(7)]] as const);
    const shards = encodeSync(node.env, { type: "shards", digests: unlike });
    const ask = (monoMs: number): number => {
      node.env.out.drain();
      for (let count = 0; count < 20; count++)
        node.chains.onSync("p", shards, { monoMs, wallMs: 1 });
      return node.env.out.drain().filter(({ type }) => type === "send").length;
    };
    expect([ask(60_000), ask(60_099), ask(60_101)]).toEqual([1, 0, 1]);
  });

  test("CH9 SG4 parts that are none are malformed", () => {
    const { mesh } = pairWith(1);
    const { env } = mesh.nodes.get("a") as VirtualNode;
    const encode = (value: unknown): Uint8Array => env.ports.codec.encode(value);
    const some = new Uint8Array(SHARD_DIGESTS_BYTES);
    for (const bad of [
      ["shards", [["reported", some.subarray(1)]]],
      ["shards", 5],
      ["vector", "reported", [], true, true, new Uint8Array(8)],
      ["vector", "reported", [], true, true, "x"],
    ])
      expect(decodeSync(env, encode(bad))).toBeUndefined();
    expect(decodeSync(env, encode(["shards", [["later", some]]]))).toEqual({
      type: "shards",
      digests: new Map(),
    });
  });
});
