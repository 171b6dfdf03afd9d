/**
 * A document's chains in parts by author (rule CH9): two nodes that differ in a few authors tell each other of the parts in which they do, and
 * not of the fleet. A part is a function of the author's id alone, so that nodes need not agree about anything else to compare.
 *
 * Rejected: a tree of hashes (a round trip for each level, to save a kilobyte), and sketches that name the difference outright (they have to be
 * as large as the difference, which nobody knows before).
 */
import { encodeVectorItem, type VectorItem } from "../chain/chain-index.ts";
import type { NodeId } from "../ids.ts";
import type { Ports } from "../ports.ts";
import { isBytes } from "../wire/fields.ts";

/** Parts of a document. */
export const SHARDS: number = 64;
/** Of the SHA-256 of a part; two chains of one author that agree in so many bits are nothing that anybody finds. */
const SHARD_DIGEST_BYTES: number = 16;
/** From so many live epochs of a document on it is compared by parts: below, their digests are hardly less than the vector. */
export const SHARDED_ITEMS_MIN: number = 128;

export const SHARD_DIGESTS_BYTES: number = SHARDS * SHARD_DIGEST_BYTES;
const SHARD_SET_BYTES = SHARDS / 8;

/** Numbers of parts, 0 … {@link SHARDS} − 1. */
export type ShardSet = ReadonlySet<number>;

/** The part that an author belongs to: the low bits of the 32-bit FNV-1a of its id, folded once. */
export function shardOf(author: NodeId): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < author.length; at++)
    hash = Math.imul(hash ^ author.charCodeAt(at), 0x01000193);
  return ((hash ^ (hash >>> 16)) >>> 0) % SHARDS;
}

/** One document as it is at a moment. */
export class DocumentShards {
  readonly size: number;
  readonly digests: Uint8Array;
  readonly #items: readonly (readonly VectorItem[])[];

  constructor({ codec, hash }: Pick<Ports, "codec" | "hash">, vector: readonly VectorItem[]) {
    const items: VectorItem[][] = Array.from({ length: SHARDS }, () => []);
    for (const item of vector) items[shardOf(item.author)]?.push(item);
    this.#items = items;
    this.size = vector.length;
    this.digests = new Uint8Array(SHARD_DIGESTS_BYTES);
    for (const [shard, some] of items.entries()) {
      const digest = hash.sha256(codec.encode(some.map(encodeVectorItem)));
      this.digests.set(digest.subarray(0, SHARD_DIGEST_BYTES), shard * SHARD_DIGEST_BYTES);
    }
  }

  /** What is held of these parts, part by part. */
  items(shards: ShardSet): readonly VectorItem[] {
    return [...shards].toSorted((a, b) => a - b).flatMap((shard) => this.#items[shard] ?? []);
  }

  /** Parts that are others than those of which somebody says these digests. */
  differing(theirs: Uint8Array): ShardSet {
    const differing = new Set<number>();
    for (const [at, byte] of this.digests.entries())
      if (byte !== theirs[at]) differing.add(Math.floor(at / SHARD_DIGEST_BYTES));
    return differing;
  }
}

export function encodeShardSet(shards: ShardSet): Uint8Array {
  const bits = new Uint8Array(SHARD_SET_BYTES);
  for (const shard of shards) bits[shard >> 3] = (bits[shard >> 3] as number) | (1 << (shard & 7));
  return bits;
}

/** Undefined for anything but a set of at least one part. */
export function decodeShardSet(bits: unknown): ShardSet | undefined {
  if (!isBytes(bits) || bits.length !== SHARD_SET_BYTES) return undefined;
  const shards = new Set<number>();
  for (let shard = 0; shard < SHARDS; shard++)
    if (((bits[shard >> 3] as number) & (1 << (shard & 7))) !== 0) shards.add(shard);
  return shards.size === 0 ? undefined : shards;
}
