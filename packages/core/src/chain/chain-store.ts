/**
 * Takes signed entries of all authors into chains: decode, de-duplicate, verify, link, gate, persist, index (rules CH1–CH3, CH7, SG1).
 *
 * An entry is stored only where it links to what is held, or where it opens a generation of its own (header, snapshot with all its
 * parts); everything else is left to sync. What the gate refuses is stored too, because later entries link to it, but changes nothing.
 */
import type { Rights } from "../authority/rights.ts";
import type { Env } from "../env.ts";
import type { StoreOp } from "../driver/store.ts";
import type { RejectReason } from "../event.ts";
import type { HashHex, NodeId, RobotId } from "../ids.ts";
import type { Now } from "../now.ts";
import type { CapturedRecord } from "../state/record-table.ts";
import type { Records } from "../state/records.ts";
import { verifyEnvelope } from "../wire/envelope.ts";
import type { ChainMembership } from "../roster/chain-membership.ts";
import { AuthorBudgets } from "./author-budget.ts";
import { type ChainIndex } from "./chain-index.ts";
import { generationClientId } from "./client-id.ts";
import {
  openEntry,
  readEntry,
  type Entry,
  type EntryName,
  type HeaderPayload,
  type OpenedEntry,
  type SnapshotPayload,
} from "./entry.ts";
import { dropOps, dropSuperfluous, forkOps, reportUncovered, superseded } from "./compaction.ts";
import { applyEntry, forkProof, type PartSource } from "./epoch-builder.ts";
import { EpochLog, type ForkProof } from "./epoch-log.ts";
import { AUTHORS_MAX, DELTAS_BYTES_MAX, DELTAS_MAX, EPOCHS_MAX } from "./limits.ts";
import { Preparation, PREPARATIONS_MAX } from "./preparation.ts";
import { chainRow, epochKey, partRow, quarantineRow } from "./rows.ts";

export type AcceptResult =
  | { readonly status: "stored"; readonly entry: Entry }
  /** Says nothing new. */
  | { readonly status: "duplicate"; readonly entry: EntryName }
  /** Does not link to what is held: ask for what is before it. */
  | { readonly status: "gap"; readonly entry: Entry }
  /** Links to something else at the place before it: one of the two authors' copies forked earlier. */
  | { readonly status: "mismatch"; readonly entry: Entry }
  /** A snapshot without (all) its parts. */
  | { readonly status: "needs-parts"; readonly entry: Entry; readonly manifest: SnapshotPayload }
  /** Another entry is held at this place. */
  | {
      readonly status: "fork";
      readonly entry: Entry;
      readonly log: EpochLog;
      readonly proof: ForkProof;
    }
  /** A snapshot that is being taken in, a part an input. */
  | { readonly status: "preparing"; readonly entry: Entry }
  /** An entry of this node itself that it does not know, in an epoch it is writing or will write. */
  | { readonly status: "own-unknown"; readonly entry: Entry }
  | {
      readonly status: "refused";
      readonly code: RejectReason;
      /** Whose entries do not count here, where that is why. */
      readonly author?: NodeId | undefined;
    };

/** Counts what does not count, and says so in the audit log. */
export type Refused = (reason: RejectReason, from: NodeId, now: Now) => void;

/** Told about what was stored, for the audit log (rule CH3). */
export interface ChainHooks {
  /** An own entry was written. */
  written?(entry: Entry, now: Now): void;
  /** An entry came from others and was stored; `gate` says why its payload was refused, if it was. */
  stored?(entry: Entry, gate: string | undefined, now: Now): void;
  /** Something that `from` handed over, or wrote, does not count. */
  refused?: Refused;
  /** The author wrote two entries for one place. */
  forked?(place: EntryName, now: Now): void;
}

const OVER_BUDGET: AcceptResult = { status: "refused", code: "author-budget" };

export class ChainStore {
  readonly #env: Env;
  readonly #index: ChainIndex;
  readonly #records: (entry: { readonly document: Entry["document"] }) => Records;
  readonly #membership: ChainMembership;
  readonly #rights: Rights;
  readonly #hooks: ChainHooks;
  readonly #begin: (preparation: Preparation) => void;
  readonly #isFolding: (of: { readonly document: Entry["document"] }) => boolean;
  readonly #budgets = new AuthorBudgets();
  readonly #preparations = new Map<string, Preparation>();
  /** Epoch this node writes under; 0 before the start. */
  ownEpoch = 0;

  constructor(
    env: Env,
    deps: {
      readonly index: ChainIndex;
      readonly records: (entry: { readonly document: Entry["document"] }) => Records;
      readonly membership: ChainMembership;
      readonly rights: Rights;
      readonly hooks: ChainHooks;
      /** Takes over the steps of a preparation; after the last one the entry is given to {@link accept} again. */
      readonly begin: (preparation: Preparation) => void;
      /** Whether own epochs must stay as they are for now; what contradicts them comes again by sync. */
      readonly isFolding: (of: { readonly document: Entry["document"] }) => boolean;
    },
  ) {
    this.#env = env;
    this.#index = deps.index;
    this.#records = deps.records;
    this.#membership = deps.membership;
    this.#rights = deps.rights;
    this.#hooks = deps.hooks;
    this.#begin = deps.begin;
    this.#isFolding = deps.isFolding;
  }

  /** Whether a snapshot of the epoch is being taken in; what comes after it cannot be linked until then. */
  isPreparing(document: Entry["document"], author: NodeId, epoch: number): boolean {
    return this.#preparations.has(epochKey(document, author, epoch));
  }

  /** A preparation is over, whatever came of it. */
  prepared({ log }: Preparation): void {
    this.#preparations.delete(epochKey(log.document, log.author, log.epoch));
  }

  /** Takes one foreign entry; never throws. `wanted` names the epochs that this node asked for. */
  accept(
    bytes: Uint8Array,
    now: Now,
    wanted: ReadonlySet<string>,
    parts: PartSource,
  ): AcceptResult {
    const result = openEntry(this.#env, bytes);
    if (!result.ok) return { status: "refused", code: result.code };
    const { opened } = result;
    // Before its signature: whoever does not count can make this node work for nothing else.
    const refusal = this.#refusal(opened.author);
    if (refusal !== undefined) return { status: "refused", code: refusal, author: opened.author };
    const log = this.#index.log(opened.document, opened.author, opened.epoch);
    if (log !== undefined && isOfNoUse(log, opened)) return { status: "duplicate", entry: opened };
    const asked = wanted.has(epochKey(opened.document, opened.author, opened.epoch));
    if (log === undefined && !asked && this.#isCovered(opened))
      return { status: "duplicate", entry: opened };
    if (!verifyEnvelope(this.#env, opened.envelope))
      return { status: "refused", code: "signature-bad" };
    const entry = readEntry(opened);
    if (entry === undefined) return { status: "refused", code: "entry-malformed" };
    if (
      entry.author === this.#env.identity.self &&
      this.ownEpoch > 0 &&
      entry.epoch >= this.ownEpoch
    ) {
      return { status: "own-unknown", entry };
    }
    if (entry.author === this.#env.identity.self && log !== undefined && this.#isFolding(entry))
      return { status: "duplicate", entry };
    if (log === undefined) return this.#open(entry, now);
    if (entry.payload.kind === "snapshot")
      return this.#adopt(log, entry, entry.payload, now, parts);
    const held = log.hashAt(entry.seq);
    if (held !== undefined) return this.#fork(log, held, entry, now);
    return this.#extend(log, entry, now);
  }

  /** Why the author's entries do not count (rule ME3), if they do not. */
  #refusal(author: NodeId): RejectReason | undefined {
    switch (this.#rights.authorship(author)) {
      case "none":
        return "author-unknown";
      case "observer":
        return "author-observer";
      case "revoked":
        return "author-revoked";
      case "open":
      case "writer":
        return undefined;
    }
  }

  /** Another entry is held at the place; of three or more the two with the smallest hashes are kept. */
  #fork(log: EpochLog, held: HashHex, entry: Entry, now: Now): AcceptResult {
    const { seq, hash } = entry;
    if (log.isSnapshotAt(seq)) {
      this.#tellFork(log, seq, now);
      return { status: "duplicate", entry };
    }
    // Two entries with different predecessors parted earlier, or one of them follows what a snapshot has replaced.
    if (seq > 0 && entry.prevHash !== log.hashAt(seq - 1)) return { status: "mismatch", entry };
    const others = log.fork?.seq === seq ? [log.fork.other] : [];
    const proof = forkProof(seq, [hash, held, ...others]);
    if (proof === undefined || (proof.kept !== hash && proof.other !== hash))
      return { status: "duplicate", entry };
    if (!this.#budgets.take(entry.author, entry.bytes.length, now)) return OVER_BUDGET;
    return { status: "fork", entry, log, proof };
  }

  /** The author contradicts itself where a snapshot decides what is shown: said once, without proof. */
  #tellFork(log: EpochLog, seq: number, now: Now): void {
    const { document, author, epoch } = log;
    if (!log.isForkTold && log.fork === undefined) {
      this.#env.out.emit({ type: "forked", author, epoch, seq });
      this.#hooks.forked?.({ document, author, epoch, seq }, now);
    }
    log.isForkTold = true;
  }

  /** What is beyond its author's grant is kept, as a wider one may come, and shown to nobody (rule ME1): that is said. */
  #tellBeyond({ document, author }: Entry, robots: readonly RobotId[], now: Now): void {
    if (robots.every((robot) => this.#rights.covers(document, author, robot))) return;
    this.#env.out.emit({ type: "rejected", reason: "robot-not-granted", from: author });
    this.#hooks.refused?.("robot-not-granted", author, now);
  }

  /** Takes an own entry that was just sealed; it is linked by construction. */
  appendOwn(log: EpochLog | undefined, entry: Entry, now: Now): EpochLog {
    const target = log ?? this.#newLog(entry, entry.payload as HeaderPayload);
    if (log !== undefined) log.append(entry);
    this.#persist(target, entry, []);
    this.#hooks.written?.(entry, now);
    return target;
  }

  /** Stores an own snapshot, which the log has already been opened with. */
  persistOwn(log: EpochLog, entry: Entry, now: Now): void {
    this.#persist(log, entry, []);
    this.#hooks.written?.(entry, now);
  }

  #isCovered(entry: EntryName): boolean {
    return entry.seq <= this.#index.passedSeq(entry.document, entry.author, entry.epoch);
  }

  #open(entry: Entry, now: Now): AcceptResult {
    if (entry.payload.kind !== "header") return { status: "gap", entry };
    const chain = this.#index.chain(entry.document, entry.author);
    if (chain === undefined && this.#index.isFull(entry.document, AUTHORS_MAX)) {
      return { status: "refused", code: "authors-max" };
    }
    if (this.#index.isTooOld(entry.document, entry.author, entry.epoch))
      return { status: "duplicate", entry };
    if (!this.#budgets.take(entry.author, entry.bytes.length, now)) return OVER_BUDGET;
    if (entry.document === "reported" && !this.#membership.learn(entry, entry.payload, now)) {
      return { status: "refused", code: "roster-max" };
    }
    this.#reportRollback(entry, entry.payload);
    const ops = this.#evict(entry);
    const isReturning = this.#isCovered(entry);
    const log = this.#newLog(entry, entry.payload);
    if (isReturning) this.#index.returns(log);
    this.#persist(log, entry, ops);
    this.#hooks.stored?.(entry, undefined, now);
    return { status: "stored", entry };
  }

  /** Makes room for a newer epoch: the oldest one goes, so that it does not matter in which order they come (promise P1). */
  #evict({ document, author }: Entry): readonly StoreOp[] {
    const logs = this.#index.epochs(document, author);
    const [oldest] = logs;
    if (oldest === undefined || logs.length < EPOCHS_MAX) return [];
    this.#index.remove(oldest);
    this.#env.ports.documents.drop(oldest);
    this.#records(oldest).table.drop(oldest);
    return dropOps(this.#index, oldest);
  }

  #newLog(entry: Entry, payload: HeaderPayload): EpochLog {
    const log = new EpochLog(entry, payload.prev);
    this.#env.ports.documents.open(log, generationClientId(this.#env, log, 0));
    this.#index.add(log);
    return log;
  }

  #extend(log: EpochLog, entry: Entry, now: Now): AcceptResult {
    const { head } = log;
    const next = entry.seq === head.seq + 1;
    if (next && entry.prevHash !== head.hash) return { status: "mismatch", entry };
    if (!next || entry.payload.kind === "header") return { status: "gap", entry };
    if (log.deltas >= DELTAS_MAX) return { status: "refused", code: "deltas-max" };
    if (log.deltaBytes + entry.bytes.length > DELTAS_BYTES_MAX)
      return { status: "refused", code: "deltas-max" };
    if (!this.#budgets.take(entry.author, entry.bytes.length, now)) return OVER_BUDGET;
    const result = applyEntry(this.#env, log, entry);
    log.append(entry);
    if (result.ok) {
      this.#records(entry).table.apply(log, result.changes);
      this.#persist(log, entry, []);
      const robots = result.changes.map(({ robot }) => robot);
      this.#tellBeyond(entry, robots, now);
    } else {
      this.#quarantine(log, entry, result.code);
    }
    this.#hooks.stored?.(entry, result.ok ? undefined : result.code, now);
    return { status: "stored", entry };
  }

  #adopt(
    log: EpochLog,
    entry: Entry,
    manifest: SnapshotPayload,
    now: Now,
    parts: PartSource,
  ): AcceptResult {
    if (log.badSnapshot === entry.hash) return { status: "refused", code: "snapshot-bad" };
    const key = epochKey(log.document, log.author, log.epoch);
    let preparation = this.#preparations.get(key);
    if (preparation === undefined) {
      preparation = this.#prepare(log, entry, manifest, parts);
      if (preparation?.state === "working") {
        this.#preparations.set(key, preparation);
        this.#begin(preparation);
      }
    }
    if (preparation?.state === "working") return { status: "preparing", entry };
    if (preparation?.entry.hash !== entry.hash) return { status: "needs-parts", entry, manifest };
    if (preparation.state === "bad") {
      log.badSnapshot = entry.hash;
      return { status: "refused", code: "snapshot-bad" };
    }
    if (preparation.state === "unlike") {
      log.unlikeSnapshot = entry.hash;
      return { status: "needs-parts", entry, manifest };
    }
    this.#install(preparation, manifest, now);
    return { status: "stored", entry };
  }

  /** Begins to take a snapshot in, and has done so where it has one part only; undefined when parts are missing. */
  #prepare(
    log: EpochLog,
    entry: Entry,
    manifest: SnapshotPayload,
    parts: PartSource,
  ): Preparation | undefined {
    if (this.#preparations.size >= PREPARATIONS_MAX) return undefined;
    const { table } = this.#records(entry);
    const given = collectParts(manifest, parts);
    const captured = given === undefined ? this.#captured(log, entry, manifest) : [];
    if (captured === undefined) return undefined;
    const what = { log, entry, manifest, table };
    const from = given === undefined ? { captured } : { parts: given };
    const preparation = new Preparation(this.#env, what, from);
    preparation.step();
    return preparation;
  }

  /** What the parts of a snapshot can be written from here: everything before it is held, and it is as many robots. */
  #captured(
    log: EpochLog,
    entry: Entry,
    manifest: SnapshotPayload,
  ): readonly CapturedRecord[] | undefined {
    if (log.fork !== undefined || entry.prevHash !== log.head.hash) return undefined;
    if (entry.seq !== log.head.seq + 1 || log.unlikeSnapshot === entry.hash) return undefined;
    const covered = new Set(manifest.covers.map(({ epoch }) => epoch));
    const older = this.#index
      .epochs(log.document, log.author)
      .filter(({ epoch }) => covered.has(epoch) && epoch < log.epoch);
    const captured = this.#records(entry).table.capture([log, ...older]);
    return captured.length === manifest.robots ? captured : undefined;
  }

  #install(
    { log, entry, intake: { draft, parts, records } }: Preparation,
    manifest: SnapshotPayload,
    now: Now,
  ): void {
    const before = entry.seq - 1;
    if (log.hashAt(entry.seq) !== undefined) this.#tellFork(log, entry.seq, now);
    else if (before >= log.openSeq && (log.hashAt(before) ?? entry.prevHash) !== entry.prevHash)
      this.#tellFork(log, before, now);
    const ops = [...superseded(this.#index, log), ...forkOps(log)];
    for (const [i, hash] of manifest.parts.entries()) {
      this.#index.holdPart(hash);
      ops.push({ type: "put", key: partRow(hash), value: parts[i] as Uint8Array });
    }
    draft.install();
    log.reopen(entry, manifest);
    reportUncovered(this.#env, this.#index, log, manifest);
    const covered = dropSuperfluous(this.#env, this.#index, log);
    for (const old of covered) ops.push(...dropOps(this.#index, old));
    this.#records(entry).table.replace(log, records, covered);
    this.#persist(log, entry, ops);
    this.#hooks.stored?.(entry, undefined, now);
    const robots = records.map(({ robot }) => robot);
    this.#tellBeyond(entry, robots, now);
  }

  #quarantine(log: EpochLog, entry: Entry, code: string): void {
    const { document, author, epoch, seq } = entry;
    const value = this.#env.ports.codec.encode(code);
    this.#persist(log, entry, [
      { type: "put", key: quarantineRow(document, author, epoch, seq), value },
    ]);
    this.#env.out.emit({
      type: "quarantined",
      what: chainRow(document, author, epoch, seq),
      reason: code,
    });
    this.#env.out.emit({ type: "rejected", reason: "gate", from: author });
  }

  #persist(log: EpochLog, entry: Entry, ops: readonly StoreOp[]): void {
    const key = chainRow(entry.document, entry.author, entry.epoch, entry.seq);
    this.#index.changed(
      log,
      // Last, because a snapshot may take the place of an entry that it deletes.
      this.#env.out.persist([...ops, { type: "put", key, value: entry.bytes }]),
    );
  }

  /**
   * The author came back knowing less than is held of it (rule CH1): its disk was lost or restored. The newest place that it does not know is
   * told: an event for each would let one that begins again and again fill the logs of all.
   */
  #reportRollback(entry: Entry, { prev }: HeaderPayload): void {
    const { document, author } = entry;
    const held = this.#index.epochs(document, author).map((log) => log.head);
    const finals = [...(this.#index.chain(document, author)?.finals.values() ?? [])];
    const live = new Set(held.map(({ epoch }) => epoch));
    const newest = [...held, ...finals.filter((final) => !live.has(final.epoch))]
      .filter(({ epoch }) => epoch < entry.epoch)
      .toSorted((a, b) => a.epoch - b.epoch)
      .at(-1);
    if (newest === undefined) return;
    const { epoch, seq } = newest;
    const isUnknown =
      prev === undefined || epoch > prev.epoch || (epoch === prev.epoch && seq > prev.seq);
    if (isUnknown) this.#env.out.emit({ type: "rollback", author, epoch, seq });
  }
}

/**
 * Whether an entry says nothing new: it is held, or is before the newest snapshot, at its place with a larger hash, or a delta after a fork.
 * Snapshots stand for themselves, so the newest one (at one place that with the smallest hash) is shown, whatever is before it (rule CH5).
 */
function isOfNoUse(log: EpochLog, { seq, hash, kind }: OpenedEntry): boolean {
  const held = log.hashAt(seq);
  if (held === hash || seq < log.openSeq) return true;
  const isSnapshot = kind === "snapshot";
  if (isSnapshot && log.isSnapshotAt(seq)) return held !== undefined && held < hash;
  const { fork } = log;
  if (fork === undefined) return false;
  return (seq === fork.seq && hash === fork.other) || (seq > fork.seq && !isSnapshot);
}

function collectParts(
  manifest: SnapshotPayload,
  parts: PartSource,
): readonly Uint8Array[] | undefined {
  const bytes: Uint8Array[] = [];
  for (const hash of manifest.parts) {
    const part = parts(hash);
    if (part === undefined) return undefined;
    bytes.push(part);
  }
  return bytes;
}
