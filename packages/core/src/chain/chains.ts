/**
 * Everything that this node holds of the fleet's documents, and how it comes and goes: the one face of chain/, state/ and sync/.
 *
 * Surface for the composition:
 * - `restore(rows, now)` for every page of rows, then `restored(now)` once; `start(boot, now)` opens this boot's epoch, again for a later boot
 *   (observers never call it);
 * - `onGossip(from, bytes, now)` for topic `state`; `onSync(from, bytes, now)` for channel `sync`; `onPeerUp`, `onPeerDown`;
 * - `onLoaded(load, rows, done, now)`, `onCommitted(commit)`, `onTimer(now)` for timer `sync`, `onWork(now)` for timer `chain`;
 * - `onHeads(author, heads, from, now)` with the heads of a verified pulse, `heads()` for the own pulse;
 * - `flush(now)` at the end of every input: writes what was staged in `records`, reports view changes, names the commit;
 *   `takeChangedRobots()` afterwards.
 */
import type { AuthorityKeeper } from "../authority/authority-keeper.ts";
import { Rights } from "../authority/rights.ts";
import type { StoreRow } from "../driver/store.ts";
import type { Validation } from "../driver/transport.ts";
import type { Env } from "../env.ts";
import { DOCUMENTS, type Boot, type DocumentName, type NodeId, type RobotId } from "../ids.ts";
import type { CommitId, LoadId } from "../input.ts";
import type { Now } from "../now.ts";
import { HEADS_MAX, type ChainHead } from "../pulse/pulse-codec.ts";
import { ChainMembership } from "../roster/chain-membership.ts";
import { CLOCK_ROW, OwnClock } from "../state/own-clock.ts";
import { Records } from "../state/records.ts";
import { LACK_DELAY_MS, Sync } from "../sync/sync.ts";
import { isIntegerIn } from "../wire/fields.ts";
import { AuthorChanges } from "./author-changes.ts";
import { ChainIndex, isShortHashOf, shortHash } from "./chain-index.ts";
import { ChainRestore } from "./chain-restore.ts";
import { ChainStore, type AcceptResult, type ChainHooks, type Refused } from "./chain-store.ts";
import type { CutsMade } from "./cut-maker.ts";
import { Forks } from "./forks.ts";
import { EPOCH_MAX, SEQ_MAX } from "./limits.ts";
import { Loads } from "./loads.ts";
import { OwnChain } from "./own-chain.ts";
import type { Preparation } from "./preparation.ts";
import { Shrink } from "./shrink.ts";
import { WorkQueue, type Work } from "./work-queue.ts";

export interface ChainsDeps {
  readonly hooks?: ChainHooks | undefined;
  readonly authority: AuthorityKeeper;
}

export class Chains {
  readonly membership: ChainMembership;
  readonly #env: Env;
  readonly #index: ChainIndex;
  readonly #loads: Loads;
  readonly #records: ReadonlyMap<DocumentName, Records>;
  readonly #clock: OwnClock;
  readonly #work: WorkQueue;
  readonly #store: ChainStore;
  readonly #forks: Forks;
  readonly #shrink: Shrink;
  readonly #sync: Sync;
  readonly #rights: Rights;
  readonly #changes: AuthorChanges;
  readonly #refused: Refused;
  readonly #own: ReadonlyMap<DocumentName, OwnChain>;
  #restore: ChainRestore | undefined;
  #rebooting = false;

  constructor(env: Env, deps: ChainsDeps) {
    const { hooks = {}, authority } = deps;
    this.#env = env;
    this.#refused = refusedBy(env, hooks);
    this.membership = new ChainMembership(
      env,
      (node) => authority.isRostered(node),
      (node) => authority.authority.authorship(node) === "revoked",
    );
    const rights = new Rights(authority.authority);
    this.#rights = rights;
    this.#index = new ChainIndex(env, (author) => rights.counts(author));
    this.#loads = new Loads(env);
    const clock = new OwnClock(env);
    this.#clock = clock;
    this.#records = recordsOf(env, clock, rights);
    const records = (of: { readonly document: DocumentName }): Records =>
      this.recordsOf(of.document);
    const parts = {
      index: this.#index,
      loads: this.#loads,
      membership: this.membership,
      records,
      hooks,
      rights,
    };
    this.#work = new WorkQueue(env);
    this.#store = new ChainStore(env, {
      ...parts,
      begin: (preparation) => this.#begin(preparation),
      isFolding: ({ document }) => this.#rebooting || this.#own.get(document)?.isFolding === true,
    });
    const isPreparing = this.#store.isPreparing.bind(this.#store);
    this.#forks = new Forks(env, parts);
    this.#restore = new ChainRestore(env, parts);
    this.#shrink = new Shrink(env, {
      ...parts,
      isPulled: (log) => this.#sync.isPulled(log),
      isPreparing,
    });
    const begin = (work: Work): void => this.#work.add(work);
    this.#changes = new AuthorChanges(env, { ...parts, authority: authority.authority, begin });
    this.#sync = new Sync(env, {
      ...parts,
      statements: authority,
      custodies: this.#changes.custodies,
      counts: (author, from) => this.#changes.countsFrom(author, from),
      isPreparing,
      accept: (bytes, now, wanted, parts) =>
        this.#introduce(() => this.#settle(this.#store.accept(bytes, now, wanted, parts), now)),
      refused: this.#refused,
    });
    const own = { index: this.#index, store: this.#store, begin };
    this.#own = new Map(
      DOCUMENTS.map((name) => [
        name,
        new OwnChain(env, name, { ...own, records: this.recordsOf(name) }),
      ]),
    );
  }

  /** Document `reported`. */
  get records(): Records {
    return this.recordsOf("reported");
  }

  recordsOf(document: DocumentName): Records {
    return this.#records.get(document) as Records;
  }

  /** What two nodes compare of a document (rule CH6): equal exactly where they hold the same of whom counts. */
  digestOf(document: DocumentName): Uint8Array {
    return this.#index.digest(document);
  }

  restore(rows: readonly StoreRow[], _now: Now): void {
    for (const row of rows) if (row.key === CLOCK_ROW) this.#clock.restore(row);
    this.#restore?.page(rows);
  }

  /** All rows were given. */
  restored(now: Now): void {
    const ownHlc = this.#restore?.finish((parts) => this.#changes.look(parts)) ?? 0;
    this.#clock.restored(ownHlc);
    this.#restore = undefined;
    for (const chain of this.#own.values()) chain.seeHlc(ownHlc);
    for (const records of this.#records.values()) {
      records.seeOwnHlc(ownHlc);
      records.begin(now);
    }
    this.#sync.start(now);
  }

  /** Who is a member, and whose entries count, may have changed. */
  onAuthority(now: Now): void {
    this.membership.refresh();
    if (this.#restore !== undefined) {
      this.#rights.renew([]);
      return;
    }
    this.#changes.look();
    this.#sync.lookForParts(now);
    const from = this.#changes.takeRefused();
    if (from.length > 0) this.#sync.spread(from, now);
  }

  /** Whether this node's own grant is about the robot (rule ME1): what nobody would show is not taken. */
  mayWrite(robot: RobotId): boolean {
    return this.records.mayWrite(robot);
  }

  /** Cuts an author where its chains end here now, for a revocation to name (rule ME1); see {@link CutMaker.make}. */
  makeCuts(author: NodeId, done: CutsMade): void {
    this.#changes.cuts.make(author, done);
  }

  /** Writes under a new epoch from now on. */
  start(boot: Boot, now: Now): void {
    const isFork = this.#rebooting;
    this.#store.ownEpoch = boot;
    this.#rebooting = false;
    this.#own.get("reported")?.start(boot, this.membership, isFork, now);
    const roster = this.#own.get("roster");
    if (roster?.log !== undefined) roster.start(boot, this.membership, isFork, now);
  }

  /** Opens this boot's epoch of document `roster`, which hardly any node ever writes to, before the first write. */
  openRoster(now: Now): void {
    const roster = this.#own.get("roster");
    const boot = this.#own.get("reported")?.log?.epoch;
    if (roster !== undefined && roster.log === undefined && boot !== undefined)
      roster.start(boot, this.membership, false, now);
  }

  /** Topic `state`: one entry. */
  onGossip(from: NodeId, bytes: Uint8Array, now: Now): Validation {
    const result = this.#settle(
      this.#store.accept(bytes, now, new Set(), () => undefined),
      now,
    );
    switch (result.status) {
      case "stored":
      case "fork":
      case "own-unknown":
        return "accept";
      case "preparing":
        return "accept";
      case "duplicate":
        return "ignore";
      case "gap":
      case "mismatch":
      case "needs-parts": {
        const { document, author, epoch, seq } = result.entry;
        // Parts never come by gossip; what is only out of order may.
        const delayMs = result.status === "needs-parts" ? 0 : LACK_DELAY_MS;
        // A snapshot at a place that is taken (rule CH5) comes to whoever asks from the start.
        const isTaken = this.#index.log(document, author, epoch)?.hashAt(seq) !== undefined;
        const deep = result.status === "mismatch" || isTaken;
        this.#sync.lack({ document, author, epoch, seq, from, deep }, now, delayMs);
        return "accept";
      }
      case "refused":
        this.#refused(result.code, from, now);
        if (result.author !== undefined) this.#changes.countsFrom(result.author, from);
        return isWrongForAll(result.code) ? "reject" : "ignore";
    }
  }

  onSync(from: NodeId, bytes: Uint8Array, now: Now): void {
    this.#sync.onMessage(from, bytes, now);
  }

  onPeerUp(peer: NodeId, now: Now): void {
    this.#sync.onPeerUp(peer, now);
  }

  onPeerDown(peer: NodeId): void {
    this.#sync.onPeerDown(peer);
  }

  /** A page of an answer to one of the loads asked for here; others are ignored. */
  onLoaded(load: LoadId, rows: readonly StoreRow[], done: boolean, now: Now): void {
    this.#loads.onLoaded(load, rows, done, now);
  }

  onCommitted(commit: CommitId): void {
    this.#index.committed(commit);
  }

  onTimer(now: Now): void {
    this.#shrink.onTimer(now);
    this.#sync.onTimer(now);
  }

  /** Timer `chain`: a step of what takes more than one input. */
  onWork(now: Now): void {
    this.#work.step(now);
  }

  /** Heads of a pulse whose signature was verified; what they name and this node lacks is pulled from `from`. */
  onHeads(author: NodeId, heads: readonly ChainHead[], from: NodeId, now: Now): void {
    if (author === this.#env.identity.self || !this.#changes.countsFrom(author, from)) return;
    for (const head of heads.slice(0, HEADS_MAX)) {
      const { document, epoch, seq } = head;
      const known = DOCUMENTS.includes(document as DocumentName);
      if (known && isIntegerIn(epoch, 1, EPOCH_MAX) && isIntegerIn(seq, 0, SEQ_MAX))
        this.#onHead(author, head, from, now);
    }
  }

  /** A peer holds a newer charter than this node (rule ME2). */
  lackStatements(from: NodeId, now: Now): void {
    this.#sync.lackStatements(from, now);
  }

  /** Own durable heads, for the next pulse. */
  heads(): readonly ChainHead[] {
    const heads: ChainHead[] = [];
    if (!this.#rights.counts(this.#env.identity.self)) return heads;
    for (const [document, { log }] of this.#own) {
      if (log?.durable === undefined) continue;
      heads.push({
        document,
        epoch: log.epoch,
        seq: log.durable.seq,
        hash8: shortHash(log.durable.hash),
      });
    }
    return heads;
  }

  /** Own changes that are not in an entry yet: they are when an entry before them is durable. Nobody is told of them until then. */
  /** Parts of what stands for revoked authors that have not come yet. */
  get missingParts(): number {
    return this.#changes.custodies.missing;
  }

  get hasStaged(): boolean {
    for (const records of this.#records.values()) if (records.hasStaged) return true;
    return false;
  }

  /** Grows when an input stages an own change. */
  get stagings(): number {
    let stagings = 0;
    for (const records of this.#records.values()) stagings += records.stagings;
    return stagings;
  }

  /** The newest commit that holds an entry and is not durable yet. */
  get newestCommit(): CommitId | undefined {
    return this.#index.newestCommit;
  }

  /** Ends an input. The commit is that of everything persisted while it was handled, by whomever. */
  flush(now: Now): CommitId | undefined {
    if (!this.#rebooting) for (const chain of this.#own.values()) chain.flush(now);
    let isUnsettled = false;
    for (const records of this.#records.values()) {
      if (records.hasStaged) continue;
      records.settle(now);
      isUnsettled ||= records.table.isUnsettled;
    }
    if (isUnsettled || !this.#work.isEmpty) this.#work.schedule(now);
    return this.#env.out.pendingCommit();
  }

  /** Robots of document `reported` that were on disk at the start, some at a time. */
  takeFoundRobots(now: Now): readonly RobotId[] {
    const { table } = this.records;
    const found = table.takeFound();
    if (table.hasFound) this.#work.schedule(now);
    return found;
  }

  /** Robots of document `reported` whose view changed since the last call, sorted. */
  takeChangedRobots(): readonly RobotId[] {
    return this.records.takeChanged();
  }

  #begin(preparation: Preparation): void {
    this.#work.add({
      step: (now) => {
        // To take over is as long as a part, so it has an input of its own.
        if (preparation.state === "working") {
          preparation.step();
          return false;
        }
        this.#finish(preparation, now);
        return true;
      },
    });
  }

  /** All parts of a foreign snapshot were read: it goes the way of every entry, which may have changed meanwhile. */
  #finish(preparation: Preparation, now: Now): void {
    const { log, entry } = preparation;
    const { document, author, epoch, seq } = entry;
    const isLive = this.#index.log(document, author, epoch) === log;
    const result = isLive
      ? this.#settle(
          this.#store.accept(entry.bytes, now, new Set(), () => undefined),
          now,
        )
      : undefined;
    this.#store.prepared(preparation);
    if (result?.status === "refused") this.#refused(result.code, author, now);
    this.#sync.prepared(entry, result?.status === "stored", now);
    if (result?.status === "needs-parts")
      this.#sync.lack({ document, author, epoch, seq, from: author, deep: false }, now, 0);
  }

  #onHead(author: NodeId, head: ChainHead, from: NodeId, now: Now): void {
    const { epoch, seq, hash8 } = head;
    const document = head.document as DocumentName;
    const chain = this.#index.chain(document, author);
    const log = chain?.epochs.get(epoch);
    if (log === undefined) {
      if (this.#index.passedSeq(document, author, epoch) < seq)
        this.#sync.lack({ document, author, epoch, seq, from, deep: false }, now);
      return;
    }
    const held = log.hashAt(seq);
    const differs = held !== undefined && !isShortHashOf(hash8, held);
    if (log.fork !== undefined || (held !== undefined && !differs)) return;
    if (differs || seq > log.head.seq)
      this.#sync.lack({ document, author, epoch, seq, from, deep: differs }, now);
  }

  /**
   * A header that came by sync and makes a member is handed on by gossip: a newcomer publishes it before it knows anybody, and until the
   * others know it they follow its pulses only where it is their neighbour.
   */
  #introduce(accept: () => AcceptResult): AcceptResult {
    const { version } = this.membership;
    const result = accept();
    const isNew = result.status === "stored" && this.membership.version !== version;
    if (isNew) this.#env.out.publish("state", result.entry.bytes, this.#env.out.pendingCommit());
    return result;
  }

  /** What a received entry means beyond the store: forks are recorded, unknown own entries end this boot. */
  #settle(result: AcceptResult, now: Now): AcceptResult {
    if (result.status === "fork") {
      this.#forks.onFork(result.log, result.entry, result.proof, now);
    } else if (result.status === "own-unknown" && !this.#rebooting) {
      // Somebody writes, or wrote, as this node: nothing more goes into this epoch, or it would fork. Own changes are staged until the
      // next one is open, and their answers wait with them (promise P5).
      this.#rebooting = true;
      for (const chain of this.#own.values()) chain.abandon();
      this.#env.out.reboot(Math.max(result.entry.epoch, this.#store.ownEpoch));
    }
    return result;
  }
}

/** Each document's records; people hear of changes in one of them. */
function recordsOf(env: Env, clock: OwnClock, rights: Rights): Map<DocumentName, Records> {
  return new Map(
    DOCUMENTS.map((name) => [name, new Records(env, name === "reported", clock, rights.of(name))]),
  );
}

function refusedBy(env: Env, hooks: ChainHooks): Refused {
  return (reason, from, now) => {
    env.out.emit({ type: "rejected", reason, from });
    hooks.refused?.(reason, from, now);
  };
}

function isWrongForAll(code: string): boolean {
  return (
    code === "entry-malformed" ||
    code === "envelope-malformed" ||
    code === "entry-oversized" ||
    code === "signature-bad"
  );
}
