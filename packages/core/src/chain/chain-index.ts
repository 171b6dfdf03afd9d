/**
 * Every chain that is held, by document and author, and what is said of them to peers. Only what a commit has made durable is named
 * in heads and vectors (rule DU2), so that a crash never leaves a peer waiting for something that this node said it had.
 */
import type { Env } from "../env.ts";
import { compareText, type DocumentName, type HashHex, type NodeId } from "../ids.ts";
import type { CommitId } from "../input.ts";
import { fromHex, toHex } from "../wire/hex.ts";
import { DOCUMENTS, encodePlace, type Place } from "./entry.ts";
import type { EpochLog } from "./epoch-log.ts";
import { EPOCHS_MAX } from "./limits.ts";

export interface AuthorChain {
  readonly document: DocumentName;
  readonly author: NodeId;
  /** Live epochs, ascending. */
  readonly epochs: Map<number, EpochLog>;
  /** Covered places by epoch, from the manifests that were adopted. */
  readonly covered: Map<number, Place>;
  /** Where epochs ended that were dropped when the author had left (rule CH7). */
  readonly finals: Map<number, Place>;
}

/** One live epoch as peers compare it. */
export interface VectorItem {
  readonly author: NodeId;
  readonly place: Place;
  /** The other hash at the place, when it is forked. */
  readonly forkHash: HashHex | undefined;
}

export class ChainIndex {
  readonly #env: Env;
  readonly #chains = new Map<DocumentName, Map<NodeId, AuthorChain>>(
    DOCUMENTS.map((name) => [name, new Map()]),
  );
  readonly #pending: {
    readonly commit: CommitId;
    readonly log: EpochLog;
    readonly place: Place;
  }[] = [];
  readonly #digests = new Map<DocumentName, Uint8Array>();
  /** How many manifests name a part. */
  readonly #parts = new Map<HashHex, number>();

  constructor(env: Env) {
    this.#env = env;
  }

  chain(document: DocumentName, author: NodeId): AuthorChain | undefined {
    return this.#chains.get(document)?.get(author);
  }

  log(document: DocumentName, author: NodeId, epoch: number): EpochLog | undefined {
    return this.chain(document, author)?.epochs.get(epoch);
  }

  authors(document: DocumentName): number {
    return this.#chains.get(document)?.size ?? 0;
  }

  /** Live epochs of an author, ascending. */
  epochs(document: DocumentName, author: NodeId): readonly EpochLog[] {
    const epochs = this.chain(document, author)?.epochs ?? new Map<number, EpochLog>();
    return [...epochs.values()].toSorted((a, b) => a.epoch - b.epoch);
  }

  /** Every live epoch, by document, author and epoch. */
  logs(): readonly EpochLog[] {
    const logs: EpochLog[] = [];
    for (const [document, authors] of this.#chains) {
      for (const author of [...authors.keys()].toSorted(compareText))
        logs.push(...this.epochs(document, author));
    }
    return logs;
  }

  add(log: EpochLog): void {
    this.#made(log.document, log.author).epochs.set(log.epoch, log);
  }

  /** Remembers where epochs of an author ended that are held no more: the newest {@link EPOCHS_MAX} of them. */
  setFinals(document: DocumentName, author: NodeId, places: readonly Place[]): readonly Place[] {
    const { finals } = this.#made(document, author);
    for (const place of places) finals.set(place.epoch, place);
    const newest = [...finals.values()].toSorted((a, b) => a.epoch - b.epoch).slice(-EPOCHS_MAX);
    finals.clear();
    for (const place of newest) finals.set(place.epoch, place);
    return newest;
  }

  /** The last place of an epoch that is known to be over with and is not held: nothing up to it is taken or asked for. */
  passed(document: DocumentName, author: NodeId, epoch: number): Place | undefined {
    const chain = this.chain(document, author);
    const [covered, final] = [chain?.covered.get(epoch), chain?.finals.get(epoch)];
    if (covered === undefined || final === undefined) return covered ?? final;
    return covered.seq > final.seq ? covered : final;
  }

  #made(document: DocumentName, author: NodeId): AuthorChain {
    const authors = this.#chains.get(document);
    let chain = authors?.get(author);
    if (chain === undefined) {
      chain = { document, author, epochs: new Map(), covered: new Map(), finals: new Map() };
      authors?.set(author, chain);
    }
    return chain;
  }

  remove(log: EpochLog): void {
    this.chain(log.document, log.author)?.epochs.delete(log.epoch);
    this.#digests.delete(log.document);
  }

  /** The log's head becomes public once `commit` is durable. */
  changed(log: EpochLog, commit: CommitId): void {
    this.#pending.push({ commit, log, place: log.head });
  }

  /** At start: what was read from disk is durable. */
  markAllDurable(): void {
    for (const authors of this.#chains.values()) {
      for (const chain of authors.values())
        for (const log of chain.epochs.values()) log.markDurable(log.head);
    }
    this.#digests.clear();
  }

  /** The newest commit that holds an entry and is not durable yet. */
  get newestCommit(): CommitId | undefined {
    return this.#pending.at(-1)?.commit;
  }

  committed(commit: CommitId): void {
    let done = 0;
    for (const { commit: waiting, log, place } of this.#pending) {
      if (waiting > commit) break;
      log.markDurable(place);
      this.#digests.delete(log.document);
      done++;
    }
    this.#pending.splice(0, done);
  }

  /** A stored manifest names the part. */
  holdPart(hash: HashHex): void {
    this.#parts.set(hash, (this.#parts.get(hash) ?? 0) + 1);
  }

  /** A manifest that named the part is gone; true when it was the last one. */
  releasePart(hash: HashHex): boolean {
    const left = (this.#parts.get(hash) ?? 1) - 1;
    if (left > 0) this.#parts.set(hash, left);
    else this.#parts.delete(hash);
    return left <= 0;
  }

  holdsPart(hash: HashHex): boolean {
    return this.#parts.has(hash);
  }

  /** Everything durable of a document, by author and epoch. */
  vector(document: DocumentName): readonly VectorItem[] {
    const items: VectorItem[] = [];
    const authors = this.#chains.get(document) ?? new Map<NodeId, AuthorChain>();
    for (const author of [...authors.keys()].toSorted(compareText)) {
      const epochs = authors.get(author)?.epochs ?? new Map<number, EpochLog>();
      for (const epoch of [...epochs.keys()].toSorted((a, b) => a - b)) {
        const log = epochs.get(epoch) as EpochLog;
        if (log.durable !== undefined)
          items.push({ author, place: log.durable, forkHash: log.fork?.other });
      }
    }
    return items;
  }

  /** SHA-256 over the vector: equal digests, equal chains. Cached until something changes. */
  digest(document: DocumentName): Uint8Array {
    let digest = this.#digests.get(document);
    if (digest === undefined) {
      const { codec, hash } = this.#env.ports;
      digest = hash.sha256(codec.encode(this.vector(document).map(encodeVectorItem)));
      this.#digests.set(document, digest);
    }
    return digest;
  }
}

export function encodeVectorItem({ author, place, forkHash }: VectorItem): readonly unknown[] {
  return [author, encodePlace(place), forkHash === undefined ? null : fromHex(forkHash)];
}

/** A hash's first bytes, as pulses carry it. */
export function shortHash(hash: HashHex): Uint8Array {
  return fromHex(hash.slice(0, 16));
}

export function isShortHashOf(short: Uint8Array, hash: HashHex): boolean {
  return toHex(short) === hash.slice(0, short.length * 2);
}
