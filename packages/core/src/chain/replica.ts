/**
 * Everything that this node holds of the fleet's documents, and how it comes and goes: the one face of chain/, state/ and sync/.
 *
 * Surface for the composition:
 * - `restore(rows)` for every page of rows, then `restored(now)` once, then `start(boot, now)` opens this boot's epoch (observers write none);
 * - `onGossip(bytes, from, now)` for topic `state`; `onMessage(from, bytes, now)` for channel `sync`; `onPeerUp`, `onPeerDown`;
 * - `onLoaded(load, rows, done)` (false: not mine), `onCommitted(commit)`, `onTimer(now)` for timer `sync`;
 * - `onHeads(author, heads, from, now)` with the heads of a verified pulse, `heads()` for the own pulse;
 * - `flush(now)` at the end of every input: writes what was staged in `records`, reports view changes, names the commit.
 */
import type { StoreRow } from "../driver/store.ts";
import type { Validation } from "../driver/transport.ts";
import type { Env } from "../env.ts";
import type { Boot, DocumentName, NodeId } from "../ids.ts";
import type { CommitId, LoadId } from "../input.ts";
import type { Now } from "../now.ts";
import { ChainMembership } from "../roster/chain-membership.ts";
import { Records } from "../state/records.ts";
import { Sync } from "../sync/sync.ts";
import { isBytes, isIntegerIn } from "../wire/fields.ts";
import { ChainIndex, isShortHashOf, shortHash } from "./chain-index.ts";
import { ChainRestore } from "./chain-restore.ts";
import { ChainStore, type AcceptResult, type ChainHooks } from "./chain-store.ts";
import { DOCUMENTS } from "./entry.ts";
import { Forks } from "./forks.ts";
import { EPOCH_MAX, SEQ_MAX } from "./limits.ts";
import { Loads } from "./loads.ts";
import { OwnChain } from "./own-chain.ts";

/** A head as pulses carry it: document, epoch, seq, first 8 bytes of the entry's hash. */
export type PulseHead = readonly [DocumentName, number, number, Uint8Array];

/** Heads that one pulse may carry. */
export const PULSE_HEADS_MAX: number = 4;

export class Replica {
  readonly membership: ChainMembership;
  readonly #env: Env;
  readonly #index: ChainIndex;
  readonly #loads: Loads;
  readonly #records: ReadonlyMap<DocumentName, Records>;
  readonly #store: ChainStore;
  readonly #forks: Forks;
  readonly #sync: Sync;
  readonly #own: ReadonlyMap<DocumentName, OwnChain>;
  #restore: ChainRestore | undefined;
  #rebooting = false;

  constructor(env: Env, hooks: ChainHooks = {}) {
    this.#env = env;
    this.membership = new ChainMembership(env);
    this.#index = new ChainIndex(env);
    this.#loads = new Loads(env);
    this.#records = new Map(DOCUMENTS.map((name) => [name, new Records(env)]));
    const records = (of: { readonly document: DocumentName }): Records => this.recordsOf(of.document);
    const deps = { index: this.#index, loads: this.#loads, membership: this.membership, records, hooks };
    this.#store = new ChainStore(env, deps);
    this.#forks = new Forks(env, deps);
    this.#restore = new ChainRestore(env, deps);
    this.#sync = new Sync(env, {
      ...deps,
      accept: (bytes, from, now, wanted, parts) =>
        this.#settle(this.#store.accept(bytes, now, wanted, parts), from, now),
    });
    const own = { index: this.#index, store: this.#store };
    this.#own = new Map(DOCUMENTS.map((name) => [name, new OwnChain(env, name, { ...own, records: this.recordsOf(name) })]));
  }

  /** Document `reported`. */
  get records(): Records {
    return this.recordsOf("reported");
  }

  recordsOf(document: DocumentName): Records {
    return this.#records.get(document) as Records;
  }

  restore(rows: readonly StoreRow[]): void {
    this.#restore?.page(rows);
  }

  /** All rows were given. */
  restored(now: Now): void {
    const ownHlc = this.#restore?.finish() ?? 0;
    this.#restore = undefined;
    for (const chain of this.#own.values()) chain.seeHlc(ownHlc);
    for (const records of this.#records.values()) records.begin(now);
  }

  start(boot: Boot, now: Now): void {
    this.#store.ownEpoch = boot;
    this.#sync.start(now);
    if (!this.#env.config.observer) this.#own.get("reported")?.start(boot, this.membership, now);
  }

  /** Topic `state`: one entry. */
  onGossip(bytes: Uint8Array, from: NodeId, now: Now): Validation {
    const result = this.#settle(this.#store.accept(bytes, now, new Set(), () => undefined), from, now);
    switch (result.status) {
      case "stored":
      case "fork":
      case "own-unknown":
        return "accept";
      case "duplicate":
        return "ignore";
      case "gap":
      case "mismatch":
      case "needs-parts": {
        const { document, author, epoch, seq } = result.entry;
        this.#sync.lack({ document, author, epoch, seq, from, deep: result.status === "mismatch" }, now);
        return "accept";
      }
      case "refused":
        this.#env.out.emit({ type: "rejected", reason: result.code, from });
        return isWrongForAll(result.code) ? "reject" : "ignore";
    }
  }

  onMessage(from: NodeId, bytes: Uint8Array, now: Now): void {
    this.#sync.onMessage(from, bytes, now);
  }

  onPeerUp(peer: NodeId): void {
    this.#sync.onPeerUp(peer);
  }

  onPeerDown(peer: NodeId): void {
    this.#sync.onPeerDown(peer);
  }

  /** False when the load was not one of the replica's. */
  onLoaded(load: LoadId, rows: readonly StoreRow[], done: boolean): boolean {
    return this.#loads.onLoaded(load, rows, done);
  }

  onCommitted(commit: CommitId): void {
    this.#index.committed(commit);
  }

  onTimer(now: Now): void {
    this.#sync.onTimer(now);
  }

  /** Heads of a pulse whose signature was verified; what they name and this node lacks is pulled from `from`. */
  onHeads(author: NodeId, heads: unknown, from: NodeId, now: Now): void {
    if (author === this.#env.identity.self || !Array.isArray(heads)) return;
    for (const head of heads.slice(0, PULSE_HEADS_MAX) as readonly unknown[]) {
      if (!Array.isArray(head)) continue;
      const [document, epoch, seq, hash] = head as readonly unknown[];
      const valid =
        DOCUMENTS.includes(document as DocumentName) &&
        isIntegerIn(epoch, 1, EPOCH_MAX) &&
        isIntegerIn(seq, 0, SEQ_MAX) &&
        isBytes(hash) &&
        hash.length === 8;
      if (valid) this.#onHead(author, [document as DocumentName, epoch, seq, hash], from, now);
    }
  }

  /** Own durable heads, for the next pulse. */
  heads(): readonly PulseHead[] {
    const heads: PulseHead[] = [];
    for (const [document, { log }] of this.#own) {
      if (log?.durable !== undefined) heads.push([document, log.epoch, log.durable.seq, shortHash(log.durable.hash)]);
    }
    return heads;
  }

  /** Ends an input. The commit is that of everything persisted while it was handled, by whomever. */
  flush(now: Now): CommitId | undefined {
    for (const chain of this.#own.values()) chain.flush(now);
    for (const records of this.#records.values()) records.settle(now);
    return this.#env.out.pendingCommit();
  }

  #onHead(author: NodeId, [document, epoch, seq, hash]: PulseHead, from: NodeId, now: Now): void {
    const chain = this.#index.chain(document, author);
    const log = chain?.epochs.get(epoch);
    if (log === undefined) {
      if ((chain?.covered.get(epoch)?.seq ?? -1) < seq) this.#sync.lack({ document, author, epoch, seq, from, deep: false }, now);
      return;
    }
    const held = log.hashAt(seq);
    const differs = held !== undefined && !isShortHashOf(hash, held);
    if (log.fork !== undefined || (held !== undefined && !differs)) return;
    if (differs || seq > log.head.seq) this.#sync.lack({ document, author, epoch, seq, from, deep: differs }, now);
  }

  /** What a received entry means beyond the store: forks are recorded, unknown own entries end this boot. */
  #settle(result: AcceptResult, from: NodeId, now: Now): AcceptResult {
    if (result.status === "fork") {
      this.#forks.onFork(result.log, result.entry, now);
    } else if (result.status === "own-unknown" && !this.#rebooting) {
      this.#rebooting = true;
      const { epoch } = result.entry;
      this.#env.out.reboot(`${from} holds own entries of epoch ${epoch} that are not held here`, Math.max(epoch, this.#store.ownEpoch));
    }
    return result;
  }
}

function isWrongForAll(code: string): boolean {
  return code === "entry-malformed" || code === "envelope-malformed" || code === "entry-oversized" || code === "signature-bad";
}
