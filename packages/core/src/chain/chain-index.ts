/**
 * Every chain that is held, by document and author, and what is said of them to peers. Only what a commit has made durable is named
 * in heads and vectors (rule DU2), so that a crash never leaves a peer waiting for something that this node said it had.
 */
import type { Env } from "../env.ts";
import { DOCUMENTS, compareText, type DocumentName, type HashHex, type NodeId } from "../ids.ts";
import type { CommitId } from "../input.ts";
import { fromHex, toHex } from "../wire/hex.ts";
import { encodePlace, type Place } from "./entry.ts";
import type { EpochLog } from "./epoch-log.ts";
import { EPOCHS_MAX } from "./limits.ts";

export interface AuthorChain {
  readonly document: DocumentName;
  readonly author: NodeId;
  /** Live epochs, ascending. */
  readonly epochs: Map<number, EpochLog>;
  /** Where epochs ended that were dropped when the author had left (rule CH7). */
  readonly finals: readonly Place[];
}

/** One live epoch as peers compare it. */
export interface VectorItem {
  readonly author: NodeId;
  readonly place: Place;
  /** The other hash at the place, when it is forked. */
  readonly forkHash: HashHex | undefined;
  /** Place of its newest snapshot; undefined where there is none. */
  readonly opening: Place | undefined;
}

/**
 * Whether a snapshot that covers `place` makes what is held of that epoch superfluous. What is held beyond it, or says something else there,
 * stays: its author did not know it when it wrote the snapshot (rule CH1).
 */
export function isCoveredBy(place: Place, held: Place, forkHash: HashHex | undefined): boolean {
  if (held.seq !== place.seq) return held.seq < place.seq;
  return held.hash === place.hash || forkHash === place.hash;
}

export class ChainIndex {
  readonly #env: Env;
  readonly #counts: (author: NodeId) => boolean;
  readonly #chains = new Map<DocumentName, Map<NodeId, AuthorChain>>(
    DOCUMENTS.map((name) => [name, new Map()]),
  );
  readonly #pending: {
    readonly commit: CommitId;
    readonly log: EpochLog;
    readonly place: Place;
    readonly opening: Place;
  }[] = [];
  readonly #digests = new Map<DocumentName, Uint8Array>();
  /** Covered epochs that are fetched again because a peer holds more of them: spared until everything is there. */
  readonly #returning = new Set<EpochLog>();
  /** How many manifests name a part. */
  readonly #parts = new Map<HashHex, number>();

  /** `counts` says whose entries are told and asked for (rule ME3): what is held of others is as if it were not. */
  constructor(env: Env, counts: (author: NodeId) => boolean = () => true) {
    this.#env = env;
    this.#counts = counts;
  }

  /** Who counts may be others than before. */
  recount(): void {
    this.#digests.clear();
  }

  /** Whose chains are held, whether they count or not. */
  heldAuthors(): ReadonlySet<NodeId> {
    return new Set([...this.#chains.values()].flatMap((authors) => [...authors.keys()]));
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

  /** Whether as many authors count as a document may have: who does not count takes nobody's place. */
  isFull(document: DocumentName, authorsMax: number): boolean {
    if (this.authors(document) < authorsMax) return false;
    const authors = [...(this.#chains.get(document)?.keys() ?? [])];
    return authors.filter((author) => this.#counts(author)).length >= authorsMax;
  }

  /** Forgets everything of an author in a document, places kept included. */
  removeChain(document: DocumentName, author: NodeId): void {
    for (const log of this.epochs(document, author)) this.remove(log);
    this.#chains.get(document)?.delete(author);
  }

  /** Forgets where epochs ended that are held no more, and of whom. */
  clearFinals(): readonly Pick<AuthorChain, "document" | "author">[] {
    const cleared: AuthorChain[] = [];
    for (const authors of this.#chains.values()) {
      for (const chain of authors.values()) {
        if (chain.finals.length === 0) continue;
        cleared.push(chain);
        if (chain.epochs.size === 0) authors.delete(chain.author);
        else authors.set(chain.author, { ...chain, finals: [] });
      }
    }
    return cleared;
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

  /** Remembers where epochs of an author ended that are held no more: the newest {@link EPOCHS_MAX} such places. */
  addFinals(document: DocumentName, author: NodeId, places: readonly Place[]): readonly Place[] {
    const chain = this.#made(document, author);
    const others = chain.finals.filter(
      ({ epoch, hash }) => !places.some((place) => place.epoch === epoch && place.hash === hash),
    );
    // Newest last, so that those go which are least likely to be listed by anybody.
    const finals = [...others, ...places]
      .toSorted((a, b) => a.epoch - b.epoch || a.seq - b.seq)
      .slice(-EPOCHS_MAX);
    this.#chains.get(document)?.set(author, { ...chain, finals });
    return finals;
  }

  /** Places of this epoch that live snapshots of newer ones cover. */
  covers(document: DocumentName, author: NodeId, epoch: number): readonly Place[] {
    const covers: Place[] = [];
    for (const log of this.chain(document, author)?.epochs.values() ?? []) {
      if (log.epoch <= epoch) continue;
      const place = log.manifest?.covers.find((each) => each.epoch === epoch);
      if (place !== undefined) covers.push(place);
    }
    return covers;
  }

  /**
   * Whether what a peer lists of an epoch that is not held here is over with: covered, shrunk at that very place, or older than
   * {@link EPOCHS_MAX} newer ones. By what is held alone, so that nodes that hold the same agree, whatever they held before (promise P1).
   */
  isOver(
    document: DocumentName,
    author: NodeId,
    place: Place,
    forkHash: HashHex | undefined,
  ): boolean {
    const chain = this.chain(document, author);
    if (chain === undefined) return false;
    if (this.isTooOld(document, author, place.epoch)) return true;
    if (chain.finals.some(({ epoch, hash }) => epoch === place.epoch && hash === place.hash))
      return true;
    return this.covers(document, author, place.epoch).some((cover) =>
      isCoveredBy(cover, place, forkHash),
    );
  }

  /** The highest seq of an epoch that is known to be over with and is not held: nothing up to it is taken of who was not asked. */
  passedSeq(document: DocumentName, author: NodeId, epoch: number): number {
    const chain = this.chain(document, author);
    if (this.isTooOld(document, author, epoch)) return Number.POSITIVE_INFINITY;
    const finals = chain?.finals.filter((place) => place.epoch === epoch) ?? [];
    return Math.max(
      -1,
      ...[...this.covers(document, author, epoch), ...finals].map(({ seq }) => seq),
    );
  }

  /** What another epoch has no room for: {@link EPOCHS_MAX} newer ones are live. */
  isTooOld(document: DocumentName, author: NodeId, epoch: number): boolean {
    const { epochs } = this.chain(document, author) ?? { epochs: new Map<number, EpochLog>() };
    if (epochs.size < EPOCHS_MAX || epochs.has(epoch)) return false;
    return Math.min(...epochs.keys()) > epoch;
  }

  /** Live epochs of an author that are superfluous: covered by newer live ones, and the oldest beyond {@link EPOCHS_MAX}. */
  superfluous(document: DocumentName, author: NodeId): readonly EpochLog[] {
    const kept: EpochLog[] = [];
    const gone: EpochLog[] = [];
    for (const log of this.epochs(document, author).toReversed()) {
      const covers = kept.flatMap(({ manifest }) => manifest?.covers ?? []);
      const isCovered = covers.some(
        (place) => place.epoch === log.epoch && isCoveredBy(place, log.head, log.fork?.other),
      );
      const isGone = isCovered && !this.#returning.has(log);
      (isGone || kept.length >= EPOCHS_MAX ? gone : kept).push(log);
    }
    return gone;
  }

  /** A covered epoch was opened because a peer said that it holds more than what is covered. */
  returns(log: EpochLog): void {
    this.#returning.add(log);
  }

  isReturning(log: EpochLog): boolean {
    return this.#returning.has(log);
  }

  /** Ends the sparing of epochs that nobody is asked for any more, and names them. */
  returned(isPulled: (log: EpochLog) => boolean): readonly EpochLog[] {
    const done = [...this.#returning].filter((log) => !isPulled(log));
    for (const log of done) this.#returning.delete(log);
    return done;
  }

  #made(document: DocumentName, author: NodeId): AuthorChain {
    const authors = this.#chains.get(document);
    let chain = authors?.get(author);
    if (chain === undefined) {
      chain = { document, author, epochs: new Map(), finals: [] };
      authors?.set(author, chain);
    }
    return chain;
  }

  remove(log: EpochLog): void {
    this.chain(log.document, log.author)?.epochs.delete(log.epoch);
    this.#returning.delete(log);
    this.#digests.delete(log.document);
  }

  /** The log's head becomes public once `commit` is durable. */
  changed(log: EpochLog, commit: CommitId): void {
    this.#pending.push({ commit, log, place: log.head, opening: log.opening });
  }

  /** At start: what was read from disk is durable. */
  markAllDurable(): void {
    for (const authors of this.#chains.values()) {
      for (const chain of authors.values())
        for (const log of chain.epochs.values()) log.markDurable(log.head, log.opening);
    }
    this.#digests.clear();
  }

  /** The newest commit that holds an entry and is not durable yet. */
  get newestCommit(): CommitId | undefined {
    return this.#pending.at(-1)?.commit;
  }

  committed(commit: CommitId): void {
    let done = 0;
    for (const { commit: waiting, log, place, opening } of this.#pending) {
      if (waiting > commit) break;
      log.markDurable(place, opening);
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
      if (!this.#counts(author)) continue;
      const epochs = authors.get(author)?.epochs ?? new Map<number, EpochLog>();
      for (const epoch of [...epochs.keys()].toSorted((a, b) => a - b)) {
        const { durable: place, durableOpening, fork } = epochs.get(epoch) as EpochLog;
        const opening = durableOpening?.seq === 0 ? undefined : durableOpening;
        if (place !== undefined) items.push({ author, place, forkHash: fork?.other, opening });
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

export function encodeVectorItem(item: VectorItem): readonly unknown[] {
  const { author, place, forkHash, opening } = item;
  const fork = forkHash === undefined ? null : fromHex(forkHash);
  return [author, encodePlace(place), fork, opening === undefined ? null : encodePlace(opening)];
}

/** A hash's first bytes, as pulses carry it. */
export function shortHash(hash: HashHex): Uint8Array {
  return fromHex(hash.slice(0, 16));
}

export function isShortHashOf(short: Uint8Array, hash: HashHex): boolean {
  return toHex(short) === hash.slice(0, short.length * 2);
}
