/**
 * What two nodes tell each other to find out in what they differ (rules CH6, CH9): digests, then vectors, of large documents those of the parts
 * that differ. What comes of it is for {@link Sync} to pull.
 */
import type { ChainIndex } from "../chain/chain-index.ts";
import type { Env } from "../env.ts";
import { DOCUMENTS, type DocumentName, type NodeId } from "../ids.ts";
import type { Now } from "../now.ts";
import { toHex } from "../wire/hex.ts";
import { encodeSync, type Digests, type SyncMessage } from "./messages.ts";
import { SHARDS } from "./shards.ts";
import {
  VECTOR_ITEMS_PER_SECOND_MAX,
  VectorPages,
  type Answer,
  type DocumentParts,
} from "./vector-pages.ts";

/** What a peer has to get: what its message asks for. */
type Owed =
  /** Its digest differs: our vectors of those documents, or the digests of their parts. */
  | { readonly type: "digest"; readonly digests: Digests; readonly byShards: boolean }
  /** Its vectors came first: ours of everything, or of the same parts. */
  | { readonly type: "answer"; readonly parts: DocumentParts | undefined }
  /** Its parts differ: our vectors of those. */
  | { readonly type: "shards"; readonly digests: Digests };

interface Comparison {
  /** Our vectors are sent, so that whoever opened at the same time is not answered. */
  vectorSent: boolean;
  /** Parts of which its vectors have come so far; undefined once a whole one has. */
  came: Map<DocumentName, ReadonlySet<number>> | undefined;
  /** What it asked before {@link againMonoMs}; answered then. */
  owed: Owed | undefined;
  againMonoMs: number;
}

export class Comparisons {
  readonly #env: Env;
  readonly #index: ChainIndex;
  readonly #pages: VectorPages;
  readonly #peers = new Map<NodeId, Comparison>();

  constructor(env: Env, index: ChainIndex) {
    this.#env = env;
    this.#index = index;
    this.#pages = new VectorPages(env, index);
  }

  /** When somebody is answered that has to wait; infinite while nobody has. */
  get dueMonoMs(): number {
    let due = Number.POSITIVE_INFINITY;
    for (const { owed, againMonoMs } of this.#peers.values())
      if (owed !== undefined) due = Math.min(due, againMonoMs);
    return due;
  }

  onPeerUp(peer: NodeId): void {
    const againMonoMs = Number.NEGATIVE_INFINITY;
    const comparison = { vectorSent: false, came: new Map(), owed: undefined, againMonoMs };
    this.#peers.set(peer, comparison);
  }

  onPeerDown(peer: NodeId): void {
    this.#peers.delete(peer);
  }

  onTimer(now: Now): void {
    for (const [peer, { owed }] of this.#peers)
      if (owed !== undefined) this.#settle(peer, owed, now);
  }

  /** Begins a comparison. */
  open(peer: NodeId): void {
    const digests = new Map(
      DOCUMENTS.map((document) => [document, this.#index.digest(document)] as const),
    );
    this.#send(peer, encodeSync(this.#env, { type: "digest", digests, byShards: true }));
  }

  onDigest(from: NodeId, message: SyncMessage & { readonly type: "digest" }, now: Now): void {
    const { digests, byShards } = message;
    if (this.#differing(digests).length === 0) this.#sendSame(from);
    else this.#settle(from, { type: "digest", digests, byShards: byShards === true }, now);
  }

  onShards(from: NodeId, message: SyncMessage & { readonly type: "shards" }, now: Now): void {
    this.#settle(from, { type: "shards", digests: message.digests }, now);
  }

  /** A page of vectors was compared with what is held. Whether it was the last one of this comparison. */
  onVector(from: NodeId, message: SyncMessage & { readonly type: "vector" }, now: Now): boolean {
    const comparison = this.#peers.get(from);
    if (comparison === undefined) return false;
    const { document, shards, first, last } = message;
    if (shards === undefined) comparison.came = undefined;
    else comparison.came?.set(document, shards);
    if (!last) return false;
    const parts = comparison.came;
    comparison.came = new Map();
    // Where both opened the comparison at once, each has sent its vectors already.
    if (first && !comparison.vectorSent) this.#settle(from, { type: "answer", parts }, now);
    comparison.vectorSent = false;
    return true;
  }

  /** Answers, or later if the last answer to this peer was not long ago for its size. */
  #settle(peer: NodeId, owed: Owed, now: Now): void {
    const comparison = this.#peers.get(peer);
    if (comparison === undefined) return;
    comparison.owed = now.monoMs < comparison.againMonoMs ? owed : undefined;
    if (comparison.owed !== undefined) return;
    const answer = this.#answer(owed);
    if (answer === undefined) {
      this.#sendSame(peer);
      return;
    }
    if (answer.isOpening) comparison.vectorSent = true;
    comparison.againMonoMs = now.monoMs + answer.waitMs;
    for (const frame of answer.frames) this.#send(peer, frame);
  }

  /** Undefined when there is nothing to tell apart any more. */
  #answer(owed: Owed): (Answer & { readonly isOpening: boolean }) | undefined {
    if (owed.type === "answer") {
      const { parts } = owed;
      const answer =
        parts === undefined
          ? this.#pages.answer(this.#held(), false)
          : this.#pages.answerOf(parts, false);
      return { ...answer, isOpening: false };
    }
    if (owed.type === "shards") {
      const parts = this.#differingParts(owed.digests);
      return parts.size === 0
        ? undefined
        : { ...this.#pages.answerOf(parts, true), isOpening: true };
    }
    const documents = this.#differing(owed.digests);
    if (documents.length === 0) return undefined;
    const isLarge = owed.byShards && documents.some((document) => this.#pages.isLarge(document));
    return isLarge
      ? { ...this.#partDigests(documents), isOpening: false }
      : { ...this.#pages.answer(documents, true), isOpening: true };
  }

  #partDigests(documents: readonly DocumentName[]): Answer {
    const digests = new Map(
      documents.map((document) => [document, this.#pages.shards(document).digests] as const),
    );
    const waitMs = (SHARDS / VECTOR_ITEMS_PER_SECOND_MAX) * 1_000;
    return { frames: [encodeSync(this.#env, { type: "shards", digests })], waitMs };
  }

  #differingParts(digests: Digests): DocumentParts {
    const parts = new Map<DocumentName, ReadonlySet<number>>();
    for (const [document, theirs] of digests) {
      const differing = this.#pages.shards(document).differing(theirs);
      if (differing.size > 0) parts.set(document, differing);
    }
    return parts;
  }

  /** Documents of which this node could tell anything, and at the end, where the last page says so, the one that every release knows. */
  #held(): readonly DocumentName[] {
    const others = DOCUMENTS.filter(
      (document) => document !== "reported" && this.#index.authors(document) > 0,
    );
    return [...others, "reported"];
  }

  #differing(digests: Digests): readonly DocumentName[] {
    return DOCUMENTS.filter((document) => {
      const theirs = digests.get(document);
      return theirs !== undefined && toHex(theirs) !== toHex(this.#index.digest(document));
    });
  }

  #sendSame(peer: NodeId): void {
    this.#send(peer, encodeSync(this.#env, { type: "same" }));
    this.#env.out.emit({ type: "synced", with: peer });
  }

  #send(peer: NodeId, frame: Uint8Array): void {
    this.#env.out.send(peer, "sync", frame);
  }
}
