/**
 * What is being fetched from one peer (rule CH6): a list of epochs with the place that the peer says it holds, one outstanding want at a
 * time. Each answer must bring something forward; what the peer was asked for and did not deliver is not asked of it again.
 */
import type { DocumentName, HashHex, NodeId } from "../ids.ts";
import { epochKey } from "../chain/rows.ts";
import type { ChainIndex } from "../chain/chain-index.ts";
import type { Entry, EntryName, SnapshotPayload } from "../chain/entry.ts";
import { WANT_ITEMS_MAX, type WantItem } from "./messages.ts";

/** Epochs that one peer may make this node ask for. */
export const PULLS_MAX: number = 20_000;
/** Bytes of parts that wait for their snapshot, per peer … */
export const STAGED_PARTS_BYTES_MAX: number = 64 * 1024 * 1024;
/** … and of all peers together. */
export const STAGED_PARTS_ALL_BYTES_MAX: number = 256 * 1024 * 1024;

/** Bytes staged for all peers, counted by their {@link Pulls}. */
export interface StagedBytes {
  bytes: number;
}

export type IsPreparing = (document: DocumentName, author: NodeId, epoch: number) => boolean;

export interface Pull {
  readonly document: DocumentName;
  readonly author: NodeId;
  readonly epoch: number;
  /** The peer's head; reached means done. */
  seq: number;
  /** Looks for the place where two branches part: from the start, held entries included. */
  deep: boolean;
  /** It became deep by what came in this answer, which was not asked for from the start. */
  isDeepened: boolean;
  nextSeq: number;
  /** A snapshot that waits for parts. */
  waiting: { readonly bytes: Uint8Array; readonly manifest: SnapshotPayload } | undefined;
  progressed: boolean;
}

export class Pulls {
  readonly #index: ChainIndex;
  readonly #pulls = new Map<string, Pull>();
  readonly #parts = new Map<HashHex, Uint8Array>();
  readonly #staged: StagedBytes;
  readonly #isPreparing: (pull: Pull) => boolean;
  #partsBytes = 0;
  #asked: readonly string[] | undefined;
  /** Parts that no snapshot waits for, but what stands for revoked authors (rule ME1). */
  #loose: readonly HashHex[] = [];

  /** `isPreparing` says that a snapshot of the epoch is being taken in: nothing of it is asked for until then. */
  constructor(index: ChainIndex, staged: StagedBytes, isPreparing: IsPreparing) {
    this.#index = index;
    this.#staged = staged;
    this.#isPreparing = ({ document, author, epoch }) => isPreparing(document, author, epoch);
  }

  get isEmpty(): boolean {
    return this.#pulls.size === 0 && this.#loose.length === 0;
  }

  /** Parts to ask the peer for, once, when there is nothing else to ask it for. */
  wantParts(hashes: readonly HashHex[]): void {
    this.#loose = hashes.slice(0, WANT_ITEMS_MAX);
  }

  has(key: string): boolean {
    return this.#pulls.has(key);
  }

  /** Keys of the epochs that the outstanding want asks for; undefined when nothing is outstanding. */
  get asked(): readonly string[] | undefined {
    return this.#asked;
  }

  add(document: DocumentName, author: NodeId, epoch: number, seq: number, deep: boolean): void {
    const key = epochKey(document, author, epoch);
    const held = this.#pulls.get(key);
    if (held !== undefined) {
      held.seq = Math.max(held.seq, seq);
      if (deep && !held.deep) Object.assign(held, { deep, isDeepened: true, nextSeq: 0 });
    } else if (this.#pulls.size < PULLS_MAX) {
      this.#pulls.set(key, {
        document,
        author,
        epoch,
        seq,
        deep,
        isDeepened: false,
        nextSeq: 0,
        waiting: undefined,
        progressed: false,
      });
    }
  }

  clear(): void {
    this.#loose = [];
    this.#pulls.clear();
    this.#unstageAll();
    this.#asked = undefined;
  }

  /** The next want; undefined when nothing is left or one is outstanding. */
  ask(): readonly WantItem[] | undefined {
    if (this.#asked !== undefined) return undefined;
    const items: WantItem[] = [];
    const asked: string[] = [];
    let isWaiting = false;
    for (const [key, pull] of this.#pulls) {
      if (items.length >= WANT_ITEMS_MAX) break;
      if (this.#isPreparing(pull)) {
        isWaiting = true;
        continue;
      }
      pull.progressed = false;
      pull.isDeepened = false;
      asked.push(key);
      if (pull.waiting === undefined) {
        const { document, author, epoch } = pull;
        items.push({ type: "entries", document, author, epoch, fromSeq: this.#fromSeq(pull) });
        continue;
      }
      for (const hash of pull.waiting.manifest.parts) {
        if (items.length >= WANT_ITEMS_MAX) break;
        if (!this.#parts.has(hash)) items.push({ type: "part", hash });
      }
    }
    if (items.length === 0 && this.#loose.length > 0) {
      const loose = this.#loose;
      this.#loose = [];
      this.#asked = [];
      return loose.map((hash) => ({ type: "part", hash }) as const);
    }
    if (items.length === 0) {
      if (!isWaiting) this.clear();
      return undefined;
    }
    this.#asked = asked;
    return items;
  }

  /** Keeps a part that a signed manifest names which is waited for; false when none does, or when there is no room. */
  stage(hash: HashHex, bytes: Uint8Array): boolean {
    if (this.#parts.has(hash)) return true;
    const named = (this.#asked ?? [])
      .map((key) => this.#pulls.get(key))
      .filter((pull) => pull?.waiting?.manifest.parts.includes(hash) === true);
    if (named.length === 0) return false;
    if (this.#partsBytes + bytes.length > STAGED_PARTS_BYTES_MAX) return false;
    if (this.#staged.bytes + bytes.length > STAGED_PARTS_ALL_BYTES_MAX) return false;
    this.#parts.set(hash, bytes);
    this.#count(bytes.length);
    for (const pull of named) if (pull !== undefined) pull.progressed = true;
    return true;
  }

  part(hash: HashHex): Uint8Array | undefined {
    return this.#parts.get(hash);
  }

  /** Snapshots whose parts are all there now. */
  ready(): readonly { readonly key: string; readonly bytes: Uint8Array }[] {
    const ready: { readonly key: string; readonly bytes: Uint8Array }[] = [];
    for (const [key, pull] of this.#pulls) {
      if (this.#isPreparing(pull)) continue;
      const { waiting } = pull;
      const whole = waiting?.manifest.parts.every((hash) => this.#parts.has(hash)) === true;
      if (waiting !== undefined && whole) ready.push({ key, bytes: waiting.bytes });
    }
    return ready;
  }

  /** What came for this epoch is of no use: not asked of this peer again. */
  giveUp(key: string): void {
    const pull = this.#pulls.get(key);
    if (pull !== undefined) this.#unstage(pull);
    this.#pulls.delete(key);
  }

  /** An entry came; `stored` is the same if it was. */
  seen(entry: EntryName, stored: Entry | undefined): void {
    const pull = this.#pulls.get(epochKey(entry.document, entry.author, entry.epoch));
    if (pull === undefined) return;
    if (pull.deep && !pull.isDeepened && entry.seq >= pull.nextSeq) {
      pull.nextSeq = entry.seq + 1;
      pull.progressed = true;
    }
    if (stored === undefined) return;
    pull.progressed = true;
    if (pull.waiting !== undefined && stored.payload.kind === "snapshot") this.#unstage(pull);
  }

  /** A snapshot was taken in (`stored`) or came to nothing; true when something was being fetched of its epoch. */
  prepared(entry: Entry, stored: boolean): boolean {
    const key = epochKey(entry.document, entry.author, entry.epoch);
    const pull = this.#pulls.get(key);
    if (pull === undefined) return false;
    if (stored) this.seen(entry, entry);
    if (!stored || this.#isDone(pull)) this.giveUp(key);
    return true;
  }

  /** A snapshot came without all its parts. */
  await(entry: Entry, manifest: SnapshotPayload): void {
    const pull = this.#pulls.get(epochKey(entry.document, entry.author, entry.epoch));
    if (pull === undefined || pull.waiting?.bytes === entry.bytes) return;
    pull.waiting = { bytes: entry.bytes, manifest };
    pull.progressed = true;
  }

  /** The branches part before this entry: look for the place from the start. */
  deepen(entry: Entry): void {
    const pull = this.#pulls.get(epochKey(entry.document, entry.author, entry.epoch));
    if (pull === undefined || pull.deep) return;
    pull.deep = true;
    pull.isDeepened = true;
    pull.nextSeq = 0;
    pull.progressed = true;
  }

  /** The outstanding want was answered; `more` when the peer did not get through it. */
  answered(more: boolean): void {
    const asked = this.#asked ?? [];
    this.#asked = undefined;
    const anything = asked.some((key) => this.#pulls.get(key)?.progressed === true);
    for (const key of asked) {
      const pull = this.#pulls.get(key);
      if (pull === undefined) continue;
      if (this.#isPreparing(pull)) continue;
      const keep = pull.progressed || (more && anything);
      // What proves a fork is the last that a peer sends.
      if (!keep || (this.#isDone(pull) && !(pull.deep && more))) this.giveUp(key);
    }
    if (this.#pulls.size === 0) this.#unstageAll();
  }

  #isDone(pull: Pull): boolean {
    if (pull.waiting !== undefined) return false;
    const log = this.#index.log(pull.document, pull.author, pull.epoch);
    if (pull.deep) return pull.nextSeq > pull.seq;
    return log !== undefined && (log.head.seq >= pull.seq || log.fork !== undefined);
  }

  #fromSeq(pull: Pull): number {
    if (pull.deep) return pull.nextSeq;
    const log = this.#index.log(pull.document, pull.author, pull.epoch);
    return log === undefined ? 0 : log.head.seq + 1;
  }

  #unstage(pull: Pull): void {
    for (const hash of pull.waiting?.manifest.parts ?? []) {
      const bytes = this.#parts.get(hash);
      if (bytes === undefined) continue;
      this.#parts.delete(hash);
      this.#count(-bytes.length);
    }
    pull.waiting = undefined;
  }

  #unstageAll(): void {
    this.#parts.clear();
    this.#count(-this.#partsBytes);
  }

  #count(bytes: number): void {
    this.#partsBytes += bytes;
    this.#staged.bytes += bytes;
  }
}
