/**
 * Anti-entropy between neighbours (rule CH6): whatever gossip lost, this brings.
 *
 * Two nodes compare digests when they meet, and in a round with a random neighbour; where they differ they exchange vectors and each pulls
 * what it lacks, one want at a time. Heads in pulses and gossip that does not link name what is missing in between; that is
 * pulled from the neighbour who said so, after a moment in which gossip may still bring it.
 *
 * Surface for the composition (through `Chains`): `start`, `onPeerUp`, `onPeerDown`, `onMessage`, `onTimer`, `lack`.
 */
import type { StatementSource } from "../authority/authority-keeper.ts";
import type { Env } from "../env.ts";
import { compareText, type DocumentName, type NodeId } from "../ids.ts";
import type { Now } from "../now.ts";
import type { ChainIndex, VectorItem } from "../chain/chain-index.ts";
import type { AcceptResult, Refused } from "../chain/chain-store.ts";
import type { PartSource } from "../chain/epoch-builder.ts";
import type { Entry } from "../chain/entry.ts";
import type { EpochLog } from "../chain/epoch-log.ts";
import type { Loads } from "../chain/loads.ts";
import { epochKey } from "../chain/rows.ts";
import { toHex } from "../wire/hex.ts";
import { Comparisons } from "./comparisons.ts";
import { decodeSync, encodeSync, WANT_TIMEOUT_MS, type SyncMessage } from "./messages.ts";
import { PartRequests, type CustodyParts } from "./part-requests.ts";
import { Pulls, type IsPreparing, type StagedBytes } from "./pulls.ts";
import { SyncServer } from "./server.ts";
import { StatementExchange } from "./statement-exchange.ts";

/** How long gossip may still bring what a head named, in ms. */
export const LACK_DELAY_MS: number = 150;

/** Epochs named by heads and gossip that wait to be pulled. */
export const LACKS_MAX: number = 4_096;
/** Neighbours told of new chains after a pull, so that a heal crosses the fleet before the next round. */
export const SPREAD_PEERS_MAX: number = 3;

interface PeerSync {
  readonly pulls: Pulls;
  askedMonoMs: number;
  /** Its vectors came whole in this comparison, so that running out of pulls means synced. */
  vectorDone: boolean;
  stored: number;
}

interface Lack {
  readonly document: DocumentName;
  readonly author: NodeId;
  readonly epoch: number;
  readonly seq: number;
  readonly deep: boolean;
  readonly from: NodeId;
  readonly dueMonoMs: number;
}

/** Takes an entry that came by sync. */
export type AcceptEntry = (
  bytes: Uint8Array,
  now: Now,
  wanted: ReadonlySet<string>,
  parts: PartSource,
) => AcceptResult;

export class Sync {
  readonly #env: Env;
  readonly #index: ChainIndex;
  readonly #server: SyncServer;
  readonly #comparisons: Comparisons;
  readonly #statements: StatementExchange;
  readonly #custodies: CustodyParts;
  readonly #requests: PartRequests;
  readonly #counts: (author: NodeId, from?: NodeId) => boolean;
  readonly #accept: AcceptEntry;
  readonly #refused: Refused;
  readonly #isPreparing: IsPreparing;
  readonly #peers = new Map<NodeId, PeerSync>();
  readonly #lacks = new Map<string, Lack>();
  readonly #staged: StagedBytes = { bytes: 0 };
  #roundMonoMs = Number.POSITIVE_INFINITY;
  #spreadMonoMs = Number.POSITIVE_INFINITY;
  /** Asked before others when the spread is due. */
  #spreadTo: readonly NodeId[] = [];

  constructor(
    env: Env,
    deps: {
      readonly index: ChainIndex;
      readonly loads: Loads;
      readonly accept: AcceptEntry;
      readonly refused: Refused;
      readonly isPreparing: IsPreparing;
      readonly statements: StatementSource;
      readonly custodies: CustodyParts;
      /** Whether entries of the author count here, which `from` says that it holds. */
      readonly counts: (author: NodeId, from?: NodeId) => boolean;
    },
  ) {
    this.#env = env;
    this.#statements = new StatementExchange(env, deps.statements);
    this.#index = deps.index;
    this.#custodies = deps.custodies;
    this.#requests = new PartRequests(deps.custodies, env.config.syncEveryMs);
    this.#counts = deps.counts;
    this.#accept = deps.accept;
    this.#refused = deps.refused;
    this.#isPreparing = deps.isPreparing;
    this.#server = new SyncServer(env, deps);
    this.#comparisons = new Comparisons(env, deps.index);
  }

  start(now: Now): void {
    this.#roundMonoMs =
      now.monoMs + this.#env.config.syncEveryMs * (0.5 + this.#env.ports.random.unit() / 2);
    this.#requests.look(now, LACK_DELAY_MS);
    this.#schedule();
  }

  /** Who counts may be others than before: neighbours are compared with soon, first of all `from`, who offered what was not taken. */
  spread(from: readonly NodeId[], now: Now): void {
    this.#spreadTo = [...new Set([...from, ...this.#spreadTo])].slice(0, SPREAD_PEERS_MAX);
    this.#spreadMonoMs = Math.min(this.#spreadMonoMs, now.monoMs + LACK_DELAY_MS);
    this.#schedule();
  }

  /** Parts of what stands for a revoked author may be lacking since now. */
  lookForParts(now: Now): void {
    this.#requests.look(now, LACK_DELAY_MS);
    this.#schedule();
  }

  onPeerUp(peer: NodeId, now: Now): void {
    this.#peers.get(peer)?.pulls.clear();
    const pulls = new Pulls(this.#index, this.#staged, this.#isPreparing);
    this.#requests.look(now, LACK_DELAY_MS);
    this.#peers.set(peer, {
      pulls,
      askedMonoMs: 0,
      vectorDone: false,
      stored: 0,
    });
    this.#statements.onPeerUp(peer);
    this.#comparisons.onPeerUp(peer);
    this.#sendDigest(peer);
  }

  onPeerDown(peer: NodeId): void {
    this.#statements.onPeerDown(peer);
    this.#comparisons.onPeerDown(peer);
    this.#peers.get(peer)?.pulls.clear();
    this.#peers.delete(peer);
    this.#server.onPeerDown(peer);
  }

  /** Something is known to exist that is not held here: pulled from `from` unless gossip brings it within `delayMs`. */
  lack(item: Omit<Lack, "dueMonoMs">, now: Now, delayMs: number = LACK_DELAY_MS): void {
    const key = epochKey(item.document, item.author, item.epoch);
    const known = this.#lacks.get(key);
    if (known !== undefined && known.seq >= item.seq && known.deep === item.deep) return;
    if (known === undefined && this.#lacks.size >= LACKS_MAX) return;
    this.#lacks.set(key, { ...item, dueMonoMs: known?.dueMonoMs ?? now.monoMs + delayMs });
    this.#schedule();
  }

  /** Statements of the fleet's authority are known to exist that are not held here; see {@link StatementExchange.lack}. */
  lackStatements(from: NodeId, now: Now): void {
    this.#statements.lack(from, now);
  }

  /** A snapshot that was `preparing` is stored, or came to nothing: whoever waits for it goes on. */
  prepared(entry: Entry, stored: boolean, now: Now): void {
    for (const peer of [...this.#peers.keys()].toSorted(compareText)) {
      const state = this.#peers.get(peer) as PeerSync;
      if (!state.pulls.prepared(entry, stored)) continue;
      if (stored) state.stored++;
      this.#pump(peer, state, now);
    }
    this.#schedule();
  }

  /** Whether anybody is being asked for the epoch. */
  isPulled({ document, author, epoch }: EpochLog): boolean {
    const key = epochKey(document, author, epoch);
    return [...this.#peers.values()].some(({ pulls }) => pulls.has(key));
  }

  onTimer(now: Now): void {
    for (const state of this.#peers.values()) {
      if (state.pulls.asked === undefined || now.monoMs - state.askedMonoMs < WANT_TIMEOUT_MS)
        continue;
      state.pulls.clear();
    }
    this.#comparisons.onTimer(now);
    this.#statements.onTimer(now);
    this.#pullLacks(now);
    if (now.monoMs >= this.#spreadMonoMs) {
      this.#spreadMonoMs = Number.POSITIVE_INFINITY;
      for (const peer of this.#spreadPeers()) this.#sendDigest(peer);
    }
    this.#askParts(now);
    if (now.monoMs >= this.#roundMonoMs) {
      this.#roundMonoMs = now.monoMs + this.#env.config.syncEveryMs;
      for (const peer of this.#somePeers(1)) this.#sendDigest(peer);
    }
    this.#schedule();
  }

  onMessage(from: NodeId, bytes: Uint8Array, now: Now): void {
    const state = this.#peers.get(from);
    if (state === undefined) return;
    const message = decodeSync(this.#env, bytes);
    if (message === undefined || !this.#take(from, state, message, now)) {
      this.#refused("sync-malformed", from, now);
    }
    this.#schedule();
  }

  /** False when the message is out of turn. */
  #take(from: NodeId, state: PeerSync, message: SyncMessage, now: Now): boolean {
    switch (message.type) {
      case "digest":
        this.#comparisons.onDigest(from, message, now);
        return true;
      case "shards":
        this.#comparisons.onShards(from, message, now);
        return true;
      case "same":
        this.#env.out.emit({ type: "synced", with: from });
        return true;
      case "vector":
        this.#onVector(from, state, message, now);
        return true;
      case "want":
        return this.#server.onWant(from, message.items, now);
      case "have":
        return this.#onHave(from, state, message, now);
      default:
        return this.#statements.onMessage(from, message, now);
    }
  }

  #onVector(
    from: NodeId,
    state: PeerSync,
    message: SyncMessage & { readonly type: "vector" },
    now: Now,
  ): void {
    for (const item of message.items) this.#compare(from, state, message.document, item);
    if (!this.#comparisons.onVector(from, message, now)) return;
    state.vectorDone = true;
    this.#pump(from, state, now);
  }

  #compare(from: NodeId, state: PeerSync, document: DocumentName, item: VectorItem): void {
    const { author, place, forkHash } = item;
    const { epoch, seq, hash } = place;
    if (!this.#counts(author, from)) return;
    const chain = this.#index.chain(document, author);
    const log = chain?.epochs.get(epoch);
    if (log === undefined) {
      if (!this.#index.isOver(document, author, place, forkHash))
        state.pulls.add(document, author, epoch, seq, false);
      return;
    }
    const { head, fork } = log;
    if (isAheadOf(item, log)) {
      state.pulls.add(document, author, epoch, seq, true);
      return;
    }
    if (head.seq === seq && head.hash === hash && fork?.other === forkHash) return;
    // What is before the snapshot that is held here can not be shown any more: the peer takes that snapshot.
    if (seq < log.openSeq) return;
    // From the start: where a fork is, either side may know of an earlier place, another branch, or a snapshot beyond it (rule CH5).
    const isForked = forkHash !== undefined || (fork !== undefined && seq >= fork.seq);
    if (isForked || head.seq === seq) state.pulls.add(document, author, epoch, seq, true);
    else if (fork === undefined && seq > head.seq)
      state.pulls.add(document, author, epoch, seq, false);
  }

  #onHave(
    from: NodeId,
    state: PeerSync,
    message: SyncMessage & { readonly type: "have" },
    now: Now,
  ): boolean {
    const { pulls } = state;
    if (pulls.asked === undefined) return false;
    const wanted = new Set(pulls.asked);
    // At hand while this message is taken; kept beyond it is only what a manifest names that waits for more.
    const came = new Map(
      message.parts.map((part) => [toHex(this.#env.ports.hash.sha256(part)), part] as const),
    );
    const parts: PartSource = (hash) => pulls.part(hash) ?? came.get(hash);
    for (const bytes of message.entries) {
      const result = this.#accept(bytes, now, wanted, parts);
      if (result.status === "refused") {
        this.#refused(result.code, from, now);
        continue;
      }
      if (result.status === "stored") state.stored++;
      if (result.status === "needs-parts") pulls.await(result.entry, result.manifest);
      else if (result.status === "mismatch") pulls.deepen(result.entry);
      const isStored = result.status === "stored" || result.status === "fork";
      pulls.seen(result.entry, isStored ? result.entry : undefined);
    }
    let isCustody = false;
    for (const [hash, part] of came) {
      pulls.stage(hash, part);
      if (this.#custodies.offer(hash, part)) isCustody = true;
    }
    if (isCustody) pulls.wantParts(this.#custodies.lacking());
    for (const { key, bytes } of pulls.ready()) {
      const result = this.#accept(bytes, now, wanted, parts);
      // What is being taken in is settled by `prepared`.
      if (result.status === "preparing") continue;
      if (result.status === "stored") {
        state.stored++;
        pulls.seen(result.entry, result.entry);
        continue;
      }
      pulls.giveUp(key);
      if (result.status === "refused") this.#refused(result.code, from, now);
    }
    pulls.answered(message.more);
    this.#pump(from, state, now);
    return true;
  }

  /** Asks for more, or says that nothing is missing. */
  #pump(peer: NodeId, state: PeerSync, now: Now): void {
    const items = state.pulls.ask();
    if (items !== undefined) {
      state.askedMonoMs = now.monoMs;
      this.#env.out.send(peer, "sync", encodeSync(this.#env, { type: "want", items }));
      return;
    }
    if (!state.pulls.isEmpty || state.pulls.asked !== undefined) return;
    if (state.stored > 0) {
      state.stored = 0;
      this.#spreadMonoMs = Math.min(this.#spreadMonoMs, now.monoMs + LACK_DELAY_MS);
    }
    if (!state.vectorDone) return;
    state.vectorDone = false;
    this.#env.out.emit({ type: "synced", with: peer }, this.#env.out.pendingCommit());
  }

  #pullLacks(now: Now): void {
    const asked = new Map<NodeId, PeerSync>();
    for (const key of [...this.#lacks.keys()].toSorted(compareText)) {
      const lack = this.#lacks.get(key) as Lack;
      if (lack.dueMonoMs > now.monoMs) continue;
      this.#lacks.delete(key);
      if (!this.#counts(lack.author)) continue;
      const log = this.#index.log(lack.document, lack.author, lack.epoch);
      if (log !== undefined && log.head.seq >= lack.seq && !lack.deep) continue;
      const from = this.#peers.has(lack.from) ? lack.from : this.#somePeers(1)[0];
      const state = from === undefined ? undefined : this.#peers.get(from);
      if (from === undefined || state === undefined) continue;
      state.pulls.add(lack.document, lack.author, lack.epoch, lack.seq, lack.deep);
      asked.set(from, state);
    }
    for (const [peer, state] of asked) this.#pump(peer, state, now);
  }

  /** Who may be here comes before what they wrote. */
  #sendDigest(peer: NodeId): void {
    this.#statements.sendDigest(peer);
    this.#comparisons.open(peer);
  }

  #askParts(now: Now): void {
    if (!this.#requests.take(now)) return;
    for (const peer of this.#somePeers(SPREAD_PEERS_MAX)) {
      const state = this.#peers.get(peer) as PeerSync;
      state.pulls.wantParts(this.#custodies.lacking());
      this.#pump(peer, state, now);
    }
  }

  #spreadPeers(): readonly NodeId[] {
    const asked = this.#spreadTo.filter((peer) => this.#peers.has(peer));
    this.#spreadTo = [];
    const others = this.#somePeers(SPREAD_PEERS_MAX).filter((peer) => !asked.includes(peer));
    return [...asked, ...others].slice(0, SPREAD_PEERS_MAX);
  }

  #somePeers(countMax: number): readonly NodeId[] {
    const peers = [...this.#peers.keys()].toSorted(compareText);
    const chosen: NodeId[] = [];
    while (chosen.length < countMax && peers.length > 0) {
      const [peer] = peers.splice(Math.floor(this.#env.ports.random.unit() * peers.length), 1);
      if (peer !== undefined) chosen.push(peer);
    }
    return chosen;
  }

  #schedule(): void {
    const { dueMonoMs: partsMonoMs } = this.#requests;
    let due = Math.min(
      this.#roundMonoMs,
      this.#spreadMonoMs,
      partsMonoMs,
      this.#statements.dueMonoMs,
      this.#comparisons.dueMonoMs,
    );
    for (const { dueMonoMs } of this.#lacks.values()) due = Math.min(due, dueMonoMs);
    for (const { pulls, askedMonoMs } of this.#peers.values()) {
      if (pulls.asked !== undefined) due = Math.min(due, askedMonoMs + WANT_TIMEOUT_MS);
    }
    if (Number.isFinite(due)) this.#env.out.setTimer("sync", Math.ceil(due));
  }
}

/** Whether the peer holds a snapshot that is shown instead of what is held here, and does not follow what is held here (rule CH5). */
function isAheadOf({ opening }: VectorItem, { openSeq, opening: own, head }: EpochLog): boolean {
  if (opening === undefined || opening.seq > head.seq) return false;
  if (opening.seq !== openSeq) return opening.seq > openSeq;
  return opening.hash < own.hash;
}
