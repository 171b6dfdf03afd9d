/**
 * Rebuilds everything from the store at start (rule DU1). Rows come in pages and in key order, in which parts and forks sort after the chains
 * that need them, so that chains are built at the end; or with those of chains last, so that each is built as soon as its rows are here. A row that does not read or link goes to quarantine and is
 * reported; the rest loads, and sync brings back what is missing.
 */
import type { Env } from "../env.ts";
import type { StoreOp, StoreRow } from "../driver/store.ts";
import { DOCUMENTS, type DocumentName, type HashHex } from "../ids.ts";
import type { ChainMembership } from "../roster/chain-membership.ts";
import type { Records } from "../state/records.ts";
import type { ChainIndex } from "./chain-index.ts";
import { dropOps, dropSuperfluous } from "./compaction.ts";
import { decodeEntry, decodePlace, type Entry } from "./entry.ts";
import { toHex } from "../wire/hex.ts";
import { buildEpoch, type PartSource } from "./epoch-builder.ts";
import type { EpochLog } from "./epoch-log.ts";
import { BadRows } from "./bad-rows.ts";
import { chainRow, epochKey, forkRow, partRow } from "./rows.ts";
import { StoredEpoch } from "./stored-epoch.ts";

const CHAIN_PREFIX = "chain/";

export class ChainRestore {
  readonly #env: Env;
  readonly #index: ChainIndex;
  readonly #records: (log: EpochLog) => Records;
  readonly #membership: ChainMembership;
  readonly #epochs = new Map<string, StoredEpoch>();
  readonly #parts = new Map<HashHex, Uint8Array>();
  /** Rows that sort behind those of chains came before them: whatever an epoch needs is here once its own rows are. */
  #chainsAreLast = false;
  #hasChains = false;
  /** The epoch whose rows are coming. */
  #current: string | undefined;
  #ownHlc = 0;
  readonly #bad: BadRows;

  constructor(
    env: Env,
    deps: {
      readonly index: ChainIndex;
      readonly records: (log: EpochLog) => Records;
      readonly membership: ChainMembership;
    },
  ) {
    this.#env = env;
    this.#bad = new BadRows(env);
    this.#index = deps.index;
    this.#records = deps.records;
    this.#membership = deps.membership;
  }

  /** One page of rows; those with other prefixes are ignored. */
  page(rows: readonly StoreRow[]): void {
    for (const row of rows) {
      const isChain = row.key.startsWith(CHAIN_PREFIX);
      this.#chainsAreLast ||= !this.#hasChains && !isChain && row.key > CHAIN_PREFIX;
      this.#hasChains ||= isChain;
      if (!this.#take(row)) this.#reject(row.key, row.value, "unreadable");
    }
  }

  /**
   * All pages are there: builds the chains. `built` is called with the parts that are on disk, before those are deleted that nothing names.
   * Returns own entries' highest stamp by nobody's clock, 0 when there are none.
   */
  finish(built: (parts: PartSource) => void): number {
    for (const key of [...this.#epochs.keys()].toSorted()) this.#buildStored(key);
    this.#dropSuperfluous();
    built((hash) => this.#parts.get(hash));
    const orphans: StoreOp[] = [];
    for (const hash of this.#parts.keys()) {
      if (!this.#index.holdsPart(hash)) orphans.push({ type: "del", key: partRow(hash) });
    }
    if (orphans.length > 0) this.#env.out.persist(orphans);
    this.#parts.clear();
    this.#index.markAllDurable();
    this.#bad.trim();
    return this.#ownHlc;
  }

  /** Builds an epoch whose rows are all here, and keeps of them what it needs. */
  #buildStored(key: string): void {
    const stored = this.#epochs.get(key);
    if (stored === undefined) return;
    this.#epochs.delete(key);
    for (const entry of stored.entries)
      if (entry.author === this.#env.identity.self)
        this.#ownHlc = Math.max(this.#ownHlc, entry.hlc);
    this.#build(stored);
  }

  #take({ key, value }: StoreRow): boolean {
    const [prefix, ...rest] = key.split("/");
    switch (prefix) {
      case "chain":
      case "fork":
        return this.#takeEntry(prefix, key, value);
      case "final": {
        const [document, author] = rest;
        return this.#takeFinals(document as DocumentName, author, value);
      }
      case "part": {
        const [hash] = rest;
        if (hash === undefined || !isPart(this.#env, hash, value)) return false;
        this.#parts.set(hash, value);
        return true;
      }
      case "member":
        return this.#membership.restoreMember(rest.join("/"), value);
      case "left":
        return this.#membership.restoreLeft(rest.join("/"), value);
      default:
        this.#bad.restore(key);
        return true;
    }
  }

  #takeFinals(document: DocumentName, author: string | undefined, value: Uint8Array): boolean {
    if (!DOCUMENTS.includes(document) || author === undefined) return false;
    let places: unknown;
    try {
      places = this.#env.ports.codec.decode(value);
    } catch {
      return false;
    }
    if (!Array.isArray(places)) return false;
    const finals = places.map(decodePlace).filter((place) => place !== undefined);
    if (finals.length !== places.length) return false;
    this.#index.addFinals(document, author, finals);
    return true;
  }

  #takeEntry(prefix: "chain" | "fork", key: string, value: Uint8Array): boolean {
    const decoded = decodeEntry(this.#env, value);
    if (!decoded.ok) return false;
    const { entry, envelope } = decoded;
    const { document, author, epoch, seq, hash } = entry;
    const expected =
      prefix === "chain"
        ? chainRow(document, author, epoch, seq)
        : forkRow(document, author, epoch, seq, hash);
    if (key !== expected) return false;
    const name = epochKey(document, author, epoch);
    if (prefix === "chain") this.#begin(name);
    let stored = this.#epochs.get(name);
    if (stored === undefined) {
      stored = new StoredEpoch();
      this.#epochs.set(name, stored);
    }
    stored.add(prefix, entry, envelope);
    return true;
  }

  /** Rows of one epoch come together. What they are read from is let go with them, which spares a start most of the memory it takes. */
  #begin(name: string): void {
    if (this.#chainsAreLast && this.#current !== undefined && this.#current !== name)
      this.#buildStored(this.#current);
    this.#current = name;
  }

  #build(stored: StoredEpoch): void {
    const { entries, forks, unsigned, unsignedForks } = stored.verified(this.#env);
    for (const entry of unsigned) this.#rejectEntry(entry, "signature-bad");
    for (const { document, author, epoch, seq, hash, bytes } of unsignedForks)
      this.#reject(forkRow(document, author, epoch, seq, hash), bytes, "signature-bad");
    const built = buildEpoch(this.#env, entries, forks, (hash) => this.#parts.get(hash));
    if (built === undefined) {
      for (const entry of entries) this.#rejectEntry(entry, "no header");
      return;
    }
    const { log, values, unlinked } = built;
    for (const entry of unlinked) this.#rejectEntry(entry, "unlinked");
    this.#index.add(log);
    for (const hash of log.manifest?.parts ?? []) this.#index.holdPart(hash);
    this.#records(log).table.apply(log, values);
    const header = entries[0]?.payload;
    if (log.document === "reported" && header?.kind === "header")
      this.#membership.restoreHeader(log, header);
  }

  /** A crash cannot come between a snapshot and what it covers, but a quarantined row can. */
  #dropSuperfluous(): void {
    for (const log of this.#index.logs()) {
      for (const old of dropSuperfluous(this.#env, this.#index, log)) {
        this.#records(old).table.drop(old);
        this.#env.out.persist(dropOps(this.#index, old));
      }
    }
  }

  #rejectEntry(entry: Entry, reason: string): void {
    this.#reject(
      chainRow(entry.document, entry.author, entry.epoch, entry.seq),
      entry.bytes,
      reason,
    );
  }

  #reject(key: string, value: Uint8Array, reason: string): void {
    this.#bad.add({ key, value }, reason);
  }
}

function isPart(env: Env, hash: HashHex, value: Uint8Array): boolean {
  return hash === toHex(env.ports.hash.sha256(value));
}
