/** What memory keeps of one epoch of one author's chain: hashes since its opening, never the entries themselves. */
import type { DocumentName, HashHex, NodeId } from "../ids.ts";
import type { GenerationRef } from "../ports.ts";
import type { Entry, Place, SnapshotPayload } from "./entry.ts";

/** Two entries at one place (rule CH5): proof that the author, or a copy of it, wrote twice. */
export interface ForkProof {
  readonly seq: number;
  /** The branch that is shown. */
  readonly kept: HashHex;
  readonly other: HashHex;
}

export class EpochLog implements GenerationRef {
  readonly document: DocumentName;
  readonly author: NodeId;
  readonly epoch: number;
  /** Hash of seq 0; the header stays stored when a snapshot drops everything else before it. */
  #headerHash: HashHex;
  /** Last own entry that the author named in the header. */
  readonly prev: Place | undefined;
  #openSeq = 0;
  /** Of seq `openSeq + i`. */
  #hashes: HashHex[];
  #deltaBytes = 0;
  #manifest: SnapshotPayload | undefined;
  #fork: ForkProof | undefined;
  #durable: Place | undefined;
  #durableOpening: Place | undefined;
  /** A snapshot that the gate refused; not asked for again. */
  badSnapshot: HashHex | undefined;
  /** It was told that the author contradicts itself at or before the newest snapshot, of which no proof is kept. */
  isForkTold: boolean = false;
  /** A snapshot whose parts cannot be written from what is held here, but have to be fetched. */
  unlikeSnapshot: HashHex | undefined;

  constructor(header: Entry, prev: Place | undefined) {
    this.document = header.document;
    this.author = header.author;
    this.epoch = header.epoch;
    this.#headerHash = header.hash;
    this.prev = prev;
    this.#hashes = [header.hash];
  }

  /** Seq of the header, or of the newest snapshot. */
  get openSeq(): number {
    return this.#openSeq;
  }

  /** Place of the newest snapshot, or of the header. */
  get opening(): Place {
    return { epoch: this.epoch, seq: this.#openSeq, hash: this.#hashes[0] as HashHex };
  }

  get head(): Place {
    const seq = this.#openSeq + this.#hashes.length - 1;
    return { epoch: this.epoch, seq, hash: this.#hashes[this.#hashes.length - 1] as HashHex };
  }

  /** The newest place that is committed to disk: all that peers are told of. */
  get durable(): Place | undefined {
    return this.#durable;
  }

  /** The opening that belongs to {@link durable}. */
  get durableOpening(): Place | undefined {
    return this.#durableOpening;
  }

  get deltas(): number {
    return this.#hashes.length - 1;
  }

  /** Bytes of the stored envelopes since the opening. */
  get deltaBytes(): number {
    return this.#deltaBytes;
  }

  get manifest(): SnapshotPayload | undefined {
    return this.#manifest;
  }

  get fork(): ForkProof | undefined {
    return this.#fork;
  }

  /** Undefined before the opening (except seq 0) and after the head. */
  hashAt(seq: number): HashHex | undefined {
    return seq === 0 ? this.#headerHash : this.#hashes[seq - this.#openSeq];
  }

  /** Whether the entry that is held at this place is a snapshot. */
  isSnapshotAt(seq: number): boolean {
    return seq === this.#openSeq && this.#manifest !== undefined;
  }

  append(entry: Entry): void {
    this.#hashes.push(entry.hash);
    this.#deltaBytes += entry.bytes.length;
  }

  /** A snapshot took over: everything between the header and it is gone, and so is what forked there. */
  reopen(entry: Entry, manifest: SnapshotPayload): void {
    this.#openSeq = entry.seq;
    this.#hashes = [entry.hash];
    this.#deltaBytes = 0;
    this.#manifest = manifest;
    this.#fork = undefined;
  }

  /** Ends the epoch at a forked place, which is never below the opening. */
  endAt(fork: ForkProof): void {
    this.#fork = fork;
    if (fork.seq === 0) this.#headerHash = fork.kept;
    this.#hashes.length = Math.max(fork.seq - this.#openSeq, 0);
    this.#hashes.push(fork.kept);
  }

  markDurable(place: Place, opening: Place): void {
    this.#durable = place;
    this.#durableOpening = opening;
  }
}
