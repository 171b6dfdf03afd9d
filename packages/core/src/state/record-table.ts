/**
 * Every generation's records in memory, by robot and by generation, and the views that are worked out of them lazily.
 * It decides nothing: `Records` stages own writes on it, the chain side applies and replaces foreign generations.
 */
import type { DocumentRights } from "../authority/rights.ts";
import type { Env } from "../env.ts";
import { compareText, type NodeId, type RobotId } from "../ids.ts";
import type { JsonObject } from "../json.ts";
import type { CommitId } from "../input.ts";
import type { Now } from "../now.ts";
import type { GenerationRef, RecordChange } from "../ports.ts";
import { epochKey } from "../chain/rows.ts";

import { hlcHorizon } from "./hlc.ts";
import { DeadlineHeap } from "../robots/deadline-heap.ts";
import { DocumentExport } from "./document-export.ts";
import { IdList } from "./id-list.ts";
import {
  EMPTY_RECORD,
  highestStamp,
  recordFromJson,
  isSameRecord,
  mergeRecords,
  unattribute,
  type MergedRecord,
  type RobotRecord,
  type Source,
} from "./record.ts";
import { claimOf, countedSources, heededClaims, RECORDS_COUNTED_MAX } from "./counted-sources.ts";
import { viewOf } from "./record-view.ts";
import {
  hasAnything,
  mergeOwn,
  mergeSources,
  previewState,
  showSources,
  type ShownRecord,
  type StatePreview,
} from "./robot-slot.ts";
import { isSuperseded } from "./superseded.ts";

interface Slot {
  /** By generation key, in no order that matters. */
  readonly sources: Map<string, Source>;
  shown: ShownRecord | undefined;
}

/** One author's records of a robot at a moment: sources are never changed in place. */
export interface CapturedRecord {
  readonly robot: RobotId;
  readonly sources: readonly Source[];
}

/** With what a snapshot says of it. */
export type MergedCapture = CapturedRecord & { readonly merged: RobotRecord };

/** A record of a foreign snapshot; undefined where its value is none. */
export interface IncomingRecord {
  readonly robot: RobotId;
  readonly record: RobotRecord | undefined;
  /** The record that was held when this one was read, if they say the same. */
  readonly same: RobotRecord | undefined;
}

/** Robots whose views are worked out anew in one input: for a generation of 10,000 that takes a fifth of a second. */
export const SETTLED_ROBOTS_MAX: number = 250;

const EVERYTHING: DocumentRights = { isOpen: true, shows: () => true };

const NOTHING = Number.POSITIVE_INFINITY;

export class RecordTable {
  readonly #env: Env;
  readonly #tells: boolean;
  readonly #rights: DocumentRights;
  readonly #slots = new Map<RobotId, Slot>();
  readonly #generations = new Map<string, Set<RobotId>>();
  /** Robots that changed in this input, with what they showed before. */
  readonly #touched = new Map<RobotId, ShownRecord>();
  /** Those of them that this node itself has written. */
  readonly #written = new Set<RobotId>();
  /** Touched robots in the order in which they are looked at, the next one last. */
  #toSettle: RobotId[] = [];
  /** The commit that own changes still to be looked at are in, or a later one. */
  #after: CommitId | undefined;
  /** Robots that were on disk and nobody has taken yet, the next one last. */
  #found: RobotId[] = [];
  /** Robots whose view changed, until somebody takes them. */
  #changed: RobotId[] = [];
  /** Robots with stamps ahead of the clock, and the wall-clock horizon at which they must be looked at again. */
  readonly #ahead = new DeadlineHeap();
  readonly #empty: ShownRecord;
  #lastMerged:
    | { readonly robot: RobotId; readonly horizon: number; readonly merged: MergedRecord }
    | undefined;
  #horizon = 0;
  /** Robots with anything to show. */
  readonly #robots: IdList = new IdList((robot) => hasAnything(this.shown(robot)));
  readonly #export: DocumentExport;
  #sameView = false;
  #reportsChanges = false;

  /** `tells`: what changes in the view is listed, and an event for people. `rights`: whose records are shown. */
  constructor(env: Env, tells: boolean, rights: DocumentRights = EVERYTHING) {
    this.#env = env;
    this.#tells = tells;
    this.#rights = rights;
    this.#export = new DocumentExport(
      env,
      (robot) => this.shown(robot),
      (robot) => this.#whole(robot),
    );
    this.#empty = showSources(env, "", [], mergeSources([], NOTHING), NOTHING);
  }

  /** Moves the reader's clock; cheap. */
  observe(wallMs: number): void {
    this.#horizon = hlcHorizon(wallMs);
  }

  /** Events begin once the store is restored: what was on disk is no news. */
  reportChanges(): void {
    this.#reportsChanges = true;
    if (this.#tells) {
      const held = [...this.#slots.keys()];
      const found = this.#rights.isOpen
        ? held
        : held.filter((robot) => this.#sources(robot).length > 0);
      this.#found = found.toSorted(compareText).reverse();
    }
    this.#touched.clear();
    this.#written.clear();
  }

  shown(robot: RobotId): ShownRecord {
    const slot = this.#slots.get(robot);
    if (slot === undefined) return this.#empty;
    if (slot.shown === undefined) {
      const sources = this.#sources(robot);
      slot.shown = showSources(this.#env, robot, sources, this.#mergedOf(robot), this.#horizon);
      if (slot.shown.aheadHlc === NOTHING) this.#ahead.delete(robot);
      else this.#ahead.set(robot, slot.shown.aheadHlc);
    }
    return slot.shown;
  }

  robots(): readonly RobotId[] {
    return this.#robots.ids();
  }

  /** The state that the robot has, or would have if the own generation held `record`, and its size (rule CH3). */
  preview(
    robot: RobotId,
    own: GenerationRef | undefined,
    record: RobotRecord | undefined,
  ): StatePreview {
    const merged =
      record === undefined
        ? this.#mergedOf(robot)
        : mergeSources(this.#sourcesWith(robot, own, record), this.#horizon);
    return previewState(this.#env, merged);
  }

  /** What the robot's record would show if nobody but `self` had retired it since `self` claimed it. */
  unretired(robot: RobotId, self: NodeId): JsonObject {
    const sources = countedSources(this.#sources(robot));
    const claims = heededClaims(sources, this.#horizon);
    const claimHlc = claimOf(sources, self, this.#horizon);
    const heeds = (author: NodeId, hlc: number): boolean =>
      author === self || (hlc < claimHlc && claims.has(author));
    return viewOf(mergeRecords(sources, this.#horizon, heeds)).root;
  }

  highestStamp(robot: RobotId, horizon: number): number {
    return this.#sources(robot).reduce(
      (highest, { record }) => Math.max(highest, highestStamp(record, horizon)),
      0,
    );
  }

  /**
   * What this author wrote about the robot in all its live epochs: the base of its next write, so that the newest epoch's record is
   * whole and no merge of epochs can outgrow what the gate takes.
   */
  ownRecord(robot: RobotId, own: GenerationRef | undefined): RobotRecord {
    if (own === undefined) return EMPTY_RECORD;
    // Also what is not shown: it counts again when the next grant covers it.
    const sources = this.#held(robot).filter(({ author }) => author === own.author);
    const [first] = sources;
    if (first === undefined) return EMPTY_RECORD;
    return sources.length === 1 ? first.record : unattribute(mergeOwn(sources));
  }

  /** Robots in a generation, in no order that matters. */
  robotsOf(generation: GenerationRef): readonly RobotId[] {
    return [...(this.#generations.get(keyOf(generation)) ?? [])];
  }

  /** Robots in any generation of an author, in no order that matters. Looks at every robot. */
  robotsBy(author: NodeId): readonly RobotId[] {
    return [...this.#slots]
      .filter(([, { sources }]) => [...sources.values()].some((source) => source.author === author))
      .map(([robot]) => robot);
  }

  /** Whether the view of the robot would be the same, now and later, without anything that this author wrote about it. */
  isSuperseded(robot: RobotId, author: NodeId): boolean {
    const others = mergeSources(
      this.#sources(robot).filter((source) => source.author !== author),
      this.#horizon,
    );
    // Also what is not shown, as it may be one day.
    return this.#held(robot).every(
      (source) => source.author !== author || isSuperseded(source.record, others),
    );
  }

  setOwn(own: GenerationRef, robot: RobotId, record: RobotRecord): void {
    this.#touch(robot);
    this.#written.add(robot);
    this.#set(own, robot, record);
  }

  /**
   * What a delta set and deleted. Values that are no records count as deleted. How many robots a generation may hold is the gate's to
   * say: leaving some out here would make the view depend on the order in which they came (promise P1).
   */
  apply(generation: GenerationRef, changes: readonly RecordChange[]): void {
    for (const { robot, value } of changes) {
      const record = value === undefined ? undefined : recordFromJson(value);
      this.#touch(robot);
      if (record === undefined) this.#remove(generation, robot);
      else this.#set(generation, robot, record);
    }
  }

  /**
   * Reads a value of a foreign snapshot for {@link replace}, ahead of time. Whether it says anything new is looked at here, too: where the
   * very record that it was compared with is still held when the snapshot takes over, nothing has to be done.
   */
  incoming(generation: GenerationRef, { robot, value }: RecordChange): IncomingRecord {
    const held = this.#slots.get(robot)?.sources.get(keyOf(generation))?.record;
    const record = value === undefined ? undefined : recordFromJson(value);
    const isSame = held !== undefined && record !== undefined && isSameRecord(held, record);
    return { robot, record, same: isSame ? held : undefined };
  }

  /** A snapshot: the generation now holds exactly `records`, and `covered` generations are gone. */
  replace(
    generation: GenerationRef,
    records: readonly IncomingRecord[],
    covered: readonly GenerationRef[],
  ): void {
    const key = keyOf(generation);
    const named = new Set(records.map(({ robot }) => robot));
    // What is gone makes room first: the generation never holds more than the snapshot or what was there before.
    for (const robot of this.robotsOf(generation)) {
      if (named.has(robot)) continue;
      this.#touch(robot);
      this.#remove(generation, robot);
    }
    for (const { robot, record, same } of records) {
      const held = this.#slots.get(robot)?.sources.get(key)?.record;
      if (held !== undefined && held === same) continue;
      this.#touch(robot);
      if (record === undefined) this.#remove(generation, robot);
      else this.#set(generation, robot, record);
    }
    for (const old of covered) this.drop(old);
  }

  /**
   * An own snapshot that holds what was `captured`: what the covered generations held moves into `own`. Nothing that is shown can change by
   * it, unless there were more of them than count. A record that was written meanwhile is whole already (see {@link ownRecord}) and stays.
   */
  fold(
    own: GenerationRef,
    captured: readonly MergedCapture[],
    covered: readonly GenerationRef[],
  ): void {
    this.#sameView = true;
    const key = keyOf(own);
    for (const { robot, sources, merged } of captured) {
      // What did not count for the number of epochs counts again.
      if (sources.length > RECORDS_COUNTED_MAX) this.#touchOne(robot);
      const held = this.#slots.get(robot)?.sources.get(key);
      if (held === undefined || sources.includes(held)) this.#set(own, robot, merged);
    }
    for (const old of covered) this.drop(old);
    this.#sameView = false;
  }

  /** Whether what the generation says is shown is about to change. */
  review(generation: GenerationRef): void {
    for (const robot of this.#generations.get(keyOf(generation)) ?? []) this.#touch(robot);
    this.#lastMerged = undefined;
  }

  /** Forgets a generation. */
  drop(generation: GenerationRef): void {
    for (const robot of this.#generations.get(keyOf(generation)) ?? []) {
      this.#touch(robot);
      this.#remove(generation, robot);
    }
    this.#generations.delete(keyOf(generation));
  }

  /** One author's records over several generations as they are now, sorted by robot: what a snapshot has to hold. */
  capture(generations: readonly GenerationRef[]): readonly CapturedRecord[] {
    const keys = generations.map(keyOf);
    const robots = new Set(keys.flatMap((key) => [...(this.#generations.get(key) ?? [])]));
    return [...robots].toSorted(compareText).map((robot) => {
      const slot = this.#slots.get(robot);
      const sources = keys
        .map((key) => slot?.sources.get(key))
        .filter((source) => source !== undefined);
      return { robot, sources };
    });
  }

  /** Whether touched robots wait to be looked at by {@link settle}. */
  get isUnsettled(): boolean {
    return this.#reportsChanges && this.#touched.size > 0;
  }

  /**
   * Emits `robot-state` for touched robots whose view changed, for {@link SETTLED_ROBOTS_MAX} of them at a time. What this node wrote is
   * shown once `after` is durable; what others wrote is durable with them, so it is shown at once.
   */
  settle(now: Now, after: CommitId | undefined): void {
    for (
      let due = this.#ahead.peek();
      due !== undefined && due.atMs <= this.#horizon;
      due = this.#ahead.peek()
    ) {
      this.#touch(due.id);
      this.#ahead.delete(due.id);
    }
    if (!this.isUnsettled) return;
    this.#after = after ?? this.#after;
    // Sorted once for all inputs that it takes; what is touched meanwhile comes after.
    if (this.#toSettle.length === 0)
      this.#toSettle = [...this.#touched.keys()].toSorted(compareText).reverse();
    for (let count = 0; count < SETTLED_ROBOTS_MAX && this.#toSettle.length > 0; count++)
      this.#settleOne(this.#toSettle.pop() as RobotId, now);
    if (this.#touched.size === 0) this.#after = undefined;
  }

  #settleOne(robot: RobotId, now: Now): void {
    const shown = this.shown(robot);
    this.#export.settle(robot);
    const before = this.#touched.get(robot);
    const isOwn = this.#written.delete(robot);
    this.#touched.delete(robot);
    const sameView = shown.version === before?.version;
    if (shown.isCut && before?.isCut !== true)
      this.#env.out.emit({ type: "rejected", reason: "record-max", from: undefined });
    if (!this.#tells || (sameView && standingOf(shown) === standingOf(before))) return;
    this.#changed.push(robot);
    if (sameView) return;
    this.#env.out.emit(
      { type: "robot-state", robot, state: shown.state, atWallMs: now.wallMs },
      isOwn ? this.#after : undefined,
    );
  }

  /** Whether {@link takeFound} has more. */
  get hasFound(): boolean {
    return this.#found.length > 0;
  }

  /** Robots that were on disk at the start, {@link SETTLED_ROBOTS_MAX} of them at a time, each once. */
  takeFound(): readonly RobotId[] {
    return this.#found.splice(-SETTLED_ROBOTS_MAX).toReversed();
  }

  /** Robots that {@link settle} found changed since the last call. */
  takeChanged(): readonly RobotId[] {
    const changed = this.#changed;
    this.#changed = [];
    return changed.length < 2 ? changed : [...new Set(changed)].toSorted(compareText);
  }

  /** Who wrote the newest field at a pointer. */
  authorOf(robot: RobotId, pointer: string): NodeId | undefined {
    return this.#mergedOf(robot).fields.get(pointer)?.author;
  }

  exportDocument(): Uint8Array {
    return this.#export.encode();
  }

  documentHash(): string {
    return this.#export.hash();
  }

  /** The view with stamps ahead of the clock in it. */
  #whole(robot: RobotId): ShownRecord {
    const sources = this.#sources(robot);
    return showSources(this.#env, robot, sources, mergeSources(sources, NOTHING), NOTHING);
  }

  /** Kept for the robot that was asked for last: a write asks several times. */
  #mergedOf(robot: RobotId): MergedRecord {
    const held = this.#lastMerged;
    if (held?.robot === robot && held.horizon === this.#horizon) return held.merged;
    const merged = mergeSources(this.#sources(robot), this.#horizon);
    this.#lastMerged = { robot, horizon: this.#horizon, merged };
    return merged;
  }

  #held(robot: RobotId): readonly Source[] {
    return [...(this.#slots.get(robot)?.sources.values() ?? [])];
  }

  /** Those that are shown. */
  #sources(robot: RobotId): readonly Source[] {
    return this.#shownOf(robot, this.#held(robot));
  }

  #shownOf(robot: RobotId, sources: readonly Source[]): readonly Source[] {
    if (this.#rights.isOpen) return sources;
    return sources.filter((source) => this.#rights.shows(source, robot));
  }

  #sourcesWith(
    robot: RobotId,
    own: GenerationRef | undefined,
    record: RobotRecord,
  ): readonly Source[] {
    if (own === undefined) return this.#sources(robot);
    const sources = new Map(this.#slots.get(robot)?.sources);
    sources.set(keyOf(own), { author: own.author, epoch: own.epoch, record });
    return this.#shownOf(robot, [...sources.values()]);
  }

  #touch(robot: RobotId): void {
    if (!this.#sameView) this.#touchOne(robot);
  }

  #touchOne(robot: RobotId): void {
    if (this.#reportsChanges && !this.#touched.has(robot))
      this.#touched.set(robot, this.shown(robot));
    const slot = this.#slots.get(robot);
    if (slot !== undefined) slot.shown = undefined;
    this.#export.touch(robot);
    this.#robots.touch(robot);
  }

  #set(generation: GenerationRef, robot: RobotId, record: RobotRecord): void {
    const key = keyOf(generation);
    let slot = this.#slots.get(robot);
    if (slot === undefined) {
      slot = { sources: new Map(), shown: undefined };
      this.#slots.set(robot, slot);
    }
    this.#lastMerged = undefined;
    slot.sources.set(key, { author: generation.author, epoch: generation.epoch, record });
    const robots = this.#generations.get(key);
    if (robots === undefined) this.#generations.set(key, new Set([robot]));
    else robots.add(robot);
  }

  #remove(generation: GenerationRef, robot: RobotId): void {
    const key = keyOf(generation);
    const slot = this.#slots.get(robot);
    this.#lastMerged = undefined;
    slot?.sources.delete(key);
    this.#generations.get(key)?.delete(robot);
    if (slot?.sources.size === 0) {
      this.#slots.delete(robot);
      this.#ahead.delete(robot);
    }
  }
}

/** What is in no view and matters all the same: who claims the robot decides which home is believed. */
function standingOf({ claimants, retiredBy, hiddenBy, unheededBy }: ShownRecord): string {
  return [...claimants, "", retiredBy, hiddenBy, unheededBy].join();
}

/** What a snapshot says of a captured robot. */
export function mergedRecord({ sources }: CapturedRecord): RobotRecord {
  const [first] = sources;
  return sources.length === 1 && first !== undefined
    ? first.record
    : unattribute(mergeOwn(sources));
}

function keyOf(generation: GenerationRef): string {
  return epochKey(generation.document, generation.author, generation.epoch);
}
