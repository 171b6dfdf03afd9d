/**
 * This node's own chain of one document: opens an epoch at each start, turns staged records into signed deltas, and compacts itself
 * (rules CH1, CH2, DU2). Every entry is durable before it is published.
 */
import type { StoreOp } from "../driver/store.ts";
import type { Env } from "../env.ts";
import type { DocumentName } from "../ids.ts";
import type { Now } from "../now.ts";
import type { RecordChange } from "../ports.ts";
import type { ChainMembership } from "../roster/chain-membership.ts";
import { hlcAfter } from "../state/hlc.ts";
import type { Records } from "../state/records.ts";
import { sealEnvelope } from "../wire/envelope.ts";
import { toHex } from "../wire/hex.ts";
import type { ChainIndex } from "./chain-index.ts";
import { generationClientId } from "./client-id.ts";
import type { ChainStore } from "./chain-store.ts";
import { dropOps, dropSuperfluous, reportUncovered, superseded } from "./compaction.ts";
import { encodeEntryBody, type Entry, type EntryPayload, type Place } from "./entry.ts";
import type { EpochLog } from "./epoch-log.ts";
import { GenerationWriter } from "./generation-writer.ts";
import {
  AUTHOR_IDS_MAX,
  DELTA_FILL_BYTES_MAX,
  DELTA_ROBOTS_MAX,
  DELTA_TO_LIVE_RATIO_MAX,
  EPOCHS_MAX,
  OWN_EPOCHS_MAX,
  SNAPSHOT_BYTES_MIN,
} from "./limits.ts";
import { partRow } from "./rows.ts";
import type { Work } from "./work-queue.ts";

const SNAPSHOT_RETRY_DELTAS = 100;
/** With more robots than this not even the first part of a snapshot is written in the input that finds it due. */
const SHORT_ROBOTS = 500;
/** Robots whose changes one input writes; what waited for a snapshot can be more, and goes on when these are durable. */
const STAGED_TAKEN_AT_ONCE = 512;

export class OwnChain {
  readonly #env: Env;
  readonly #document: DocumentName;
  readonly #index: ChainIndex;
  readonly #store: ChainStore;
  readonly #records: Records;
  readonly #begin: (work: Work) => void;
  #log: EpochLog | undefined;
  #lastHlc = 0;
  #liveBytes = 0;
  /** The snapshot that is being written. */
  #writing: GenerationWriter | undefined;
  /** Somebody else wrote as this node: what is held of older epochs goes into a snapshot before a fork of theirs can void any of it. */
  #isFoldDue = false;
  /** After a snapshot that could not be written. */
  #retrySeq = 0;

  constructor(
    env: Env,
    document: DocumentName,
    deps: {
      readonly index: ChainIndex;
      readonly store: ChainStore;
      readonly records: Records;
      /** Takes over what is left of a long snapshot. */
      readonly begin: (work: Work) => void;
    },
  ) {
    this.#env = env;
    this.#document = document;
    this.#index = deps.index;
    this.#store = deps.store;
    this.#records = deps.records;
    this.#begin = deps.begin;
  }

  /** The epoch being written; undefined before the start. */
  get log(): EpochLog | undefined {
    return this.#log;
  }

  /** Whether older epochs are on their way into a snapshot, so that nothing may be taken from them. */
  get isFolding(): boolean {
    return this.#isFoldDue;
  }

  /** Breaks off a snapshot that is being written: nothing more may go into this epoch. */
  abandon(): void {
    this.#writing = undefined;
  }

  /** Opens the epoch of this boot with a header that names the last own entry held. */
  start(boot: number, membership: ChainMembership, isFork: boolean, now: Now): void {
    const { name, region, agent, self } = this.#env.identity;
    const prev = this.#index.epochs(this.#document, self).at(-1)?.head;
    const mayBeOfflineMs = Math.floor(this.#env.config.mayBeOfflineMs) || undefined;
    const payload: EntryPayload = { kind: "header", name, region, agent, prev, mayBeOfflineMs };
    const entry = this.#seal(boot, undefined, payload, hlcAfter(now.wallMs, this.#lastHlc));
    this.#log = this.#store.appendOwn(undefined, entry, now);
    this.#retrySeq = 0;
    this.#isFoldDue = isFork;
    this.abandon();
    if (this.#document === "reported") membership.learn(entry, payload, now);
    this.#records.beginOwn(this.#log);
    this.#publish(entry);
  }

  /** Learns the stamps of own entries of earlier boots. */
  seeHlc(hlc: number): void {
    this.#lastHlc = Math.max(this.#lastHlc, hlc);
  }

  /**
   * Writes what is staged, and a snapshot when one is due. While an earlier entry is on its way to the disk, changes wait for it, or
   * until they fill a delta: robots that change at once share an entry, a signature and a gossip message, and a lone one never waits.
   */
  flush(now: Now): void {
    const log = this.#log;
    if (log === undefined || this.#writing !== undefined) return;
    if (this.#records.hasStaged) {
      // A snapshot holds what entries said, so it waits as well.
      if (!this.#isWriteDue(log)) return;
      const staged = this.#records.takeStaged(STAGED_TAKEN_AT_ONCE);
      for (const batch of this.#batches(staged.changes))
        this.#writeDelta(log, batch, staged.hlc, now);
      if (this.#records.hasStaged) return;
    }
    if (this.#isSnapshotDue(log)) this.#beginSnapshot(log, now);
  }

  #isWriteDue({ durable, head }: EpochLog): boolean {
    if (durable !== undefined && durable.seq >= head.seq) return true;
    return this.#records.stagedRobots >= DELTA_ROBOTS_MAX;
  }

  #batches(changes: readonly RecordChange[]): readonly (readonly RecordChange[])[] {
    const batches: RecordChange[][] = [];
    let filledBytes = 0;
    for (const change of changes) {
      const bytes = this.#env.ports.codec.encode(change.value).length + change.robot.length;
      const batch = batches.at(-1);
      if (
        batch !== undefined &&
        batch.length < DELTA_ROBOTS_MAX &&
        filledBytes + bytes <= DELTA_FILL_BYTES_MAX
      ) {
        batch.push(change);
        filledBytes += bytes;
      } else {
        batches.push([change]);
        filledBytes = bytes;
      }
    }
    return batches;
  }

  #writeDelta(log: EpochLog, batch: readonly RecordChange[], hlc: number, now: Now): void {
    const { documents } = this.#env.ports;
    let update: Uint8Array;
    try {
      update = documents.write(log, batch);
    } catch (error) {
      // Each record was checked when it was staged; together they may be too large for one delta. One that can not be written after all
      // must not be acknowledged (promise P5): its caller waits, so this node's memory is given up for what is on disk.
      if (batch.length < 2) throw error;
      for (const change of batch) this.#writeDelta(log, [change], hlc, now);
      return;
    }
    const entry = this.#seal(log.epoch, log.head, { kind: "delta", update }, hlc);
    this.#store.appendOwn(log, entry, now);
    this.#publish(entry);
  }

  #isSnapshotDue(log: EpochLog): boolean {
    if (log.head.seq < this.#retrySeq) return false;
    if (this.#isFoldDue) return true;
    if (log.deltas >= this.#env.config.snapshotAfterDeltas) return true;
    const bytesMax = Math.max(SNAPSHOT_BYTES_MIN, DELTA_TO_LIVE_RATIO_MAX * this.#liveBytes);
    if (log.deltaBytes > bytesMax) return true;
    // A snapshot rids of none that are fetched again: counting them, each one would make the next one due, for as long as peers take.
    const older = this.#index
      .epochs(this.#document, log.author)
      .filter((each) => each !== log && !this.#index.isReturning(each));
    return older.length >= OWN_EPOCHS_MAX;
  }

  /** Begins a snapshot, and has written it where it has one part only. Own changes wait until it is written: its place is the next one. */
  #beginSnapshot(log: EpochLog, now: Now): void {
    const older = this.#index
      .epochs(this.#document, log.author)
      .filter(({ epoch }) => epoch < log.epoch);
    const captured = this.#records.table.capture([log, ...older]);
    const covers = this.#covers(older);
    const clientId = generationClientId(this.#env, log, log.head.seq + 1);
    const writer = new GenerationWriter(this.#env, log, clientId, captured);
    this.#writing = writer;
    const step = (stepNow: Now): boolean => {
      if (this.#writing !== writer) return true;
      if (writer.isDone) {
        this.#writing = undefined;
        this.#finishSnapshot(log, writer, covers, stepNow);
        return true;
      }
      // Writes beyond these limits are refused; epochs that came back after a rollback can still bring too much together. Then the
      // chain goes on without a snapshot until there is less.
      if (captured.length <= AUTHOR_IDS_MAX && writer.step()) return false;
      this.#writing = undefined;
      this.#isFoldDue = false;
      this.#retrySeq = log.head.seq + 1 + SNAPSHOT_RETRY_DELTAS;
      return true;
    };
    // What goes into one part is written at once; otherwise gathering the records was work enough for this input.
    const isShort = captured.length <= SHORT_ROBOTS && !step(now) && writer.isDone;
    if (isShort) step(now);
    else if (this.#writing === writer) this.#begin({ step });
  }

  #finishSnapshot(
    log: EpochLog,
    writer: GenerationWriter,
    covers: readonly Place[],
    now: Now,
  ): void {
    const { hashes, parts, robots } = writer;
    this.#isFoldDue = false;
    const payload: EntryPayload = { kind: "snapshot", parts: hashes, robots, covers };
    const entry = this.#seal(log.epoch, log.head, payload, this.#lastHlc);
    const ops: StoreOp[] = superseded(this.#index, log);
    for (const [i, part] of parts.entries()) {
      this.#index.holdPart(hashes[i] as string);
      ops.push({ type: "put", key: partRow(hashes[i] as string), value: part });
    }
    writer.draft.install();
    log.reopen(entry, payload);
    reportUncovered(this.#env, this.#index, log, payload);
    const covered = dropSuperfluous(this.#env, this.#index, log);
    for (const old of covered) ops.push(...dropOps(this.#index, old));
    const moved = covered.length === 0 ? [] : writer.captures();
    this.#records.table.fold(log, moved, covered);
    this.#env.out.persist(ops);
    this.#store.persistOwn(log, entry, now);
    this.#publish(entry);
    this.#liveBytes = parts.reduce((sum, part) => sum + part.length, 0);
  }

  /** Places of live epochs and of those covered before, newest first as far as a manifest may name them. */
  #covers(older: readonly EpochLog[]): readonly Place[] {
    const places = new Map<number, Place>();
    for (const { manifest } of this.#index.epochs(this.#document, this.#env.identity.self))
      for (const place of manifest?.covers ?? []) places.set(place.epoch, place);
    for (const { head } of older) places.set(head.epoch, head);
    // What is live goes first: peers may hand back epochs older than any that are still named, and one left out would stay, and be due again.
    const live = new Set(older.map(({ epoch }) => epoch));
    const isLive = ({ epoch }: Place): number => (live.has(epoch) ? 1 : 0);
    return [...places.values()]
      .toSorted((a, b) => isLive(a) - isLive(b) || a.epoch - b.epoch)
      .slice(-EPOCHS_MAX)
      .toSorted((a, b) => a.epoch - b.epoch);
  }

  #seal(epoch: number, prev: Place | undefined, payload: EntryPayload, hlc: number): Entry {
    this.#lastHlc = Math.max(this.#lastHlc, hlc);
    const seq = prev === undefined ? 0 : prev.seq + 1;
    const body = encodeEntryBody(this.#env, {
      document: this.#document,
      epoch,
      seq,
      prevHash: prev?.hash,
      hlc: this.#lastHlc,
      payload,
    });
    const hash = toHex(this.#env.ports.hash.sha256(body));
    const bytes = sealEnvelope(this.#env, "entry", body);
    const author = this.#env.identity.self;
    return {
      document: this.#document,
      author,
      epoch,
      seq,
      prevHash: prev?.hash,
      hlc: this.#lastHlc,
      payload,
      hash,
      bytes,
    };
  }

  #publish(entry: Entry): void {
    this.#env.out.publish("state", entry.bytes, this.#env.out.pendingCommit());
  }
}
