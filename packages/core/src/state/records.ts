/**
 * All robots' records of one document, merged over authors and epochs (rules CH1, CH4, promise P1).
 *
 * Surface for the composition and for robots/:
 *   `write(robot, changes, now)`, `patchState(…)`, `retire(robot, now)` stage own changes, visible to reads at once;
 *   `state/record/version/etag(robot)`, `robots()` read the merged view; `exportDocument()`, `documentHash()` compare nodes;
 *   `settle(now)` ends an input: emits `robot-state` for every robot whose view changed.
 * The chain side feeds it through `apply`, `replace` and `drop` per generation, and takes what is staged with `takeStaged`.
 */
import type { DocumentRights } from "../authority/rights.ts";
import type { CommandErrorCode } from "../command.ts";
import type { Env } from "../env.ts";
import { compareText, ROBOT_ID_RULE, type RobotId } from "../ids.ts";
import {
  PATCH_BYTES_MAX,
  STATE_BYTES_MAX,
  STATE_DEPTH_MAX,
  type Json,
  type JsonObject,
} from "../json.ts";
import type { Now } from "../now.ts";
import type { GateCode, GenerationRef, RecordChange } from "../ports.ts";
import { hlcAfter, hlcHorizon } from "./hlc.ts";
import { encodeJson, isDeeperThan, isSameJson, isSurelyLarger, normalJson } from "./json-values.ts";
import { applyMergePatch, draftMergePatch } from "./merge-patch.ts";
import { OwnClock } from "./own-clock.ts";
import { OwnVolume, type RecordVolume, type WrittenIds } from "./own-volume.ts";
import { childPointer, isPointer } from "./pointer.ts";
import { RecordDraft } from "./record-draft.ts";
import { isMarker, recordToJson, type RobotRecord } from "./record.ts";
import { RecordTable } from "./record-table.ts";
import type { ShownRecord } from "./robot-slot.ts";

export type WriteResult =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: CommandErrorCode };

export type PatchResult =
  | { readonly ok: true; readonly state: JsonObject; readonly etag: string }
  | {
      readonly ok: false;
      readonly code: CommandErrorCode;
      readonly detail: string;
      readonly etag: string;
    };

/** Own records to be written in one delta. */
export interface StagedDelta {
  readonly changes: readonly RecordChange[];
  readonly hlc: number;
}

/** A retired marker and its claim in dag-cbor. */
const MARKER_BYTES = 32;

export class Records {
  readonly #env: Env;
  readonly #table: RecordTable;
  /** The own generation that is written to; undefined before the start and on observers. */
  #own: GenerationRef | undefined;
  readonly #staged = new Map<RobotId, RobotRecord>();
  /** Counted at the first write of an epoch. */
  #written: OwnVolume | undefined;
  #stagings = 0;
  #lastHlc = 0;
  readonly #clock: OwnClock;
  readonly #rights: DocumentRights | undefined;

  /** `tells`: what changes in the view is listed, and an event for people; `clock` is that of all documents of the node. */
  constructor(
    env: Env,
    tells: boolean = true,
    clock: OwnClock = new OwnClock(env),
    rights?: DocumentRights,
  ) {
    this.#env = env;
    this.#clock = clock;
    this.#rights = rights;
    this.#table = new RecordTable(env, tells, rights);
  }

  /** The generations behind the view; for the chain side. */
  get table(): RecordTable {
    return this.#table;
  }

  /** The store is restored: changes are news from now on. */
  begin(now: Now): void {
    this.#observe(now);
    this.#table.reportChanges();
  }

  /** From now on own writes go to this generation; what was staged for an earlier one goes there too. */
  beginOwn(generation: GenerationRef): void {
    this.#own = generation;
    this.#written = undefined;
    for (const [robot, record] of this.#staged) this.#table.setOwn(generation, robot, record);
  }

  takeChanged(): readonly RobotId[] {
    return this.#table.takeChanged();
  }

  /** Robots that have anything to show, sorted. */
  robots(): readonly RobotId[] {
    return this.#table.robots();
  }

  /** The robot's state object; empty for unknown robots. */
  state(robot: RobotId): JsonObject {
    return this.#table.shown(robot).state;
  }

  /** The whole merged view of a robot by first pointer segment (`state`, `health`, `labels`, …); empty for unknown robots. */
  record(robot: RobotId): JsonObject {
    return this.#table.shown(robot).root;
  }

  /** Who registered the robot last, whose chains claim it, and who retired it since or tried to. */
  standing(
    robot: RobotId,
  ): Pick<
    ShownRecord,
    | "registrar"
    | "claimants"
    | "retiredBy"
    | "retiredWallMs"
    | "hiddenBy"
    | "unheededBy"
    | "version"
  > {
    return this.#table.shown(robot);
  }

  version(robot: RobotId): string {
    return this.#table.shown(robot).version;
  }

  etag(robot: RobotId): string {
    return this.#table.shown(robot).etag;
  }

  /** Canonical dag-cbor of every robot's view, sorted by id; depends on what is held and on no clock. */
  exportDocument(): Uint8Array {
    return this.#table.exportDocument();
  }

  /** Hex SHA-256 over the robots' hashes in id order: equal exactly when {@link exportDocument} is. */
  documentHash(): string {
    return this.#table.documentHash();
  }

  /**
   * Stages changes of fields by pointer; `undefined` removes, an object replaces everything at and below its pointer.
   * Values that this node itself has put there are no change. Refused whole or taken whole.
   */
  write(robot: RobotId, changes: ReadonlyMap<string, Json | undefined>, now: Now): WriteResult {
    this.#observe(now);
    const draft = this.#draft(robot, now);
    let changed = false;
    for (const pointer of [...changes.keys()].toSorted()) {
      const given = changes.get(pointer);
      const value = given === undefined ? undefined : normalJson(this.#env.ports.codec, given);
      if (!isPointer(pointer) || (given !== undefined && value === undefined))
        return { ok: false, code: "state-invalid" };
      const before = valueAt(this.record(robot), pointer);
      const same = isSameJson(before, value);
      if (
        same &&
        (value === undefined || this.#table.authorOf(robot, pointer) === this.#env.identity.self)
      )
        continue;
      changed = true;
      if (value === undefined) draft.remove(pointer);
      else if (typeof value === "object" && value !== null && !Array.isArray(value))
        draft.replace(pointer, value);
      else draft.setLeaf(pointer, value);
    }
    return changed ? this.#stage(robot, draft.record()) : { ok: true };
  }

  /** Merge patch on the robot's state (RFC 7396); nothing changes on refusal. */
  patchState(
    robot: RobotId,
    patch: JsonObject,
    ifMatch: string | undefined,
    now: Now,
  ): PatchResult {
    this.#observe(now);
    const before = this.#table.shown(robot);
    const refuse = (code: CommandErrorCode): PatchResult => ({
      ok: false,
      code,
      detail: DETAILS[code] ?? code,
      etag: before.etag,
    });
    if (ifMatch !== undefined && ifMatch !== "*" && ifMatch !== before.etag)
      return refuse("precondition-failed");
    if (this.#own === undefined) return refuse("not-ready");
    if (!this.mayWrite(robot)) return refuse("robot-not-granted");
    if (isSurelyLarger(patch, PATCH_BYTES_MAX, STATE_DEPTH_MAX)) return refuse("state-too-large");
    if (isDeeperThan(patch, STATE_DEPTH_MAX)) return refuse("state-too-deep");
    const { codec } = this.#env.ports;
    const bytes = encodeJson(codec, patch);
    if (bytes === undefined) return refuse("state-invalid");
    if (bytes.length > PATCH_BYTES_MAX) return refuse("state-too-large");
    const normal = codec.decode(bytes) as JsonObject;
    const expected = applyMergePatch(before.state, normal) as JsonObject;
    if (isDeeperThan(expected, STATE_DEPTH_MAX)) return refuse("state-too-deep");
    if (isSameJson(expected, before.state))
      return { ok: true, state: before.state, etag: before.etag };
    // Before anything is drafted: what is refused must cost no more than what is taken.
    if (this.#isTooLarge(robot, codec.encode(expected).length)) return refuse("state-too-large");
    const draft = this.#draft(robot, now);
    draftMergePatch(draft, "/state", before.state, normal);
    let staged = this.#stageState(robot, draft.record(), expected);
    if (!staged.ok && staged.code === "state-too-large") {
      // Something hidden would come back (a scalar under a removed object), or tombstones take the room: clear and write it whole.
      const whole = this.#draft(robot, now);
      whole.replace("/state", expected);
      staged = this.#stageState(robot, whole.record(), expected);
    }
    if (!staged.ok) return refuse(staged.code);
    const { state, etag } = this.#table.shown(robot);
    return { ok: true, state, etag };
  }

  /** Hides a robot that anybody has written about for good, whatever arrives late (rule CH4); later writes bring it back. */
  retire(robot: RobotId, now: Now): WriteResult {
    this.#observe(now);
    if (
      Object.keys(this.record(robot)).length === 0 &&
      this.standing(robot).retiredBy === undefined
    )
      return { ok: false, code: "robot-unknown" };
    const draft = this.#draft(robot, now);
    draft.retire();
    return this.#stage(robot, draft.record());
  }

  /**
   * Takes over the marker that stands, with its stamp: what this node wrote shrinks to it, and whoever has registered the robot since is
   * not hidden by it.
   */
  heed(robot: RobotId, now: Now): WriteResult {
    this.#observe(now);
    const { retiredHlc } = this.#table.shown(robot);
    if (retiredHlc === 0) return { ok: false, code: "robot-unknown" };
    const draft = this.#draft(robot, now);
    draft.retire(retiredHlc);
    return this.#stage(robot, draft.record());
  }

  /** Writes again what the record says but for another node's retirement: this node hosts the robot, and it lives. */
  restate(robot: RobotId, now: Now): WriteResult {
    this.#observe(now);
    const draft = this.#draft(robot, now);
    const root = this.#table.unretired(robot, this.#env.identity.self);
    for (const key of Object.keys(root)) draft.replace(childPointer("", key), root[key] as Json);
    return this.#stage(robot, draft.record());
  }

  /** Robots and retired markers that this node has written about; undefined where it writes nothing. */
  get writtenIds(): WrittenIds | undefined {
    return this.#own === undefined ? undefined : this.#volume(this.#own).ids;
  }

  /** Whether own changes wait to be written. */
  get hasStaged(): boolean {
    return this.#staged.size > 0;
  }

  /** Robots with own changes that wait to be written. */
  get stagedRobots(): number {
    return this.#staged.size;
  }

  /** Own changes staged so far: grows when an input stages one. */
  get stagings(): number {
    return this.#stagings;
  }

  /** Takes the first of the staged own records, sorted by robot, with the highest stamp in them. */
  takeStaged(robots: number = Number.POSITIVE_INFINITY): StagedDelta {
    const taken = [...this.#staged.keys()].toSorted(compareText).slice(0, robots);
    const changes = taken.map((robot) => ({
      robot,
      value: recordToJson(this.#staged.get(robot) as RobotRecord),
    }));
    for (const robot of taken) this.#staged.delete(robot);
    return { changes, hlc: this.#lastHlc };
  }

  /** Ends an input: reports what changed in the view; views whose clock-ahead stamps came due are looked at again. */
  settle(now: Now): void {
    this.#observe(now);
    this.#table.settle(now, this.#env.out.pendingCommit());
  }

  /** Whether what this node writes about the robot would be shown (rule ME1). */
  mayWrite(robot: RobotId): boolean {
    const rights = this.#rights;
    if (rights === undefined || rights.isOpen || this.#own === undefined) return true;
    return rights.shows(this.#own, robot);
  }

  /** How far what this node writes lies ahead of its clock, in ms; others show it when theirs are within 24 h of it (rules CH4, OFF1). */
  writesAheadMs(now: Now): number {
    return this.#clock.aheadMs(now);
  }

  /** Learns of stamps of own entries, so that this clock never goes back behind them. */
  seeOwnHlc(hlc: number): void {
    if (hlc > this.#lastHlc) this.#lastHlc = hlc;
  }

  #observe(now: Now): void {
    this.#table.observe(this.#clock.readWallMs(now));
  }

  #draft(robot: RobotId, now: Now): RecordDraft {
    const wallMs = this.#clock.wallMs(now);
    const horizon = hlcHorizon(this.#clock.readWallMs(now));
    const seen = Math.max(
      this.#table.highestStamp(robot, horizon),
      this.#lastHlc <= horizon ? this.#lastHlc : 0,
    );
    this.#clock.written(now);
    return new RecordDraft(
      this.#table.ownRecord(robot, this.#own),
      hlcAfter(wallMs, seen, horizon),
    );
  }

  /** States beyond the limit (two gateways may have met) can still be made smaller. */
  #isTooLarge(robot: RobotId, bytes: number): boolean {
    return (
      bytes > STATE_BYTES_MAX && bytes > this.#table.preview(robot, this.#own, undefined).bytes
    );
  }

  #stageState(robot: RobotId, record: RobotRecord, expected: JsonObject): WriteResult {
    const { state, bytes } = this.#table.preview(robot, this.#own, record);
    if (this.#isTooLarge(robot, bytes) || !isSameJson(state, expected))
      return { ok: false, code: "state-too-large" };
    return this.#stage(robot, record);
  }

  #volume(own: GenerationRef): OwnVolume {
    if (this.#written !== undefined) return this.#written;
    const volume = new OwnVolume();
    for (const robot of this.#table.robotsBy(own.author)) {
      volume.set(robot, this.#volumeOf(this.#table.ownRecord(robot, own)));
    }
    this.#written = volume;
    return volume;
  }

  #volumeOf(record: RobotRecord): RecordVolume {
    // There can be many of them, all of one size, give or take a byte.
    if (isMarker(record)) return { bytes: MARKER_BYTES, isMarker: true };
    const bytes = this.#env.ports.codec.encode(recordToJson(record)).length;
    return { bytes, isMarker: false };
  }

  #stage(robot: RobotId, record: RobotRecord): WriteResult {
    const own = this.#own;
    if (own === undefined) return { ok: false, code: "not-ready" };
    // What nobody would show must not be acknowledged.
    if (!this.mayWrite(robot)) return { ok: false, code: "robot-not-granted" };
    const value = recordToJson(record);
    const recordVolume = this.#volumeOf(record);
    const full = this.#volume(own).refuses(robot, recordVolume);
    if (full !== undefined) return { ok: false, code: full };
    const gate = this.#env.ports.documents.check(own, [{ robot, value }]);
    if (gate !== undefined) return { ok: false, code: commandCode(gate) };
    for (const field of record.fields.values()) this.seeOwnHlc(field.hlc);
    for (const hlc of record.tombstones.values()) this.seeOwnHlc(hlc);
    this.seeOwnHlc(record.retiredHlc);
    this.#table.setOwn(own, robot, record);
    this.#volume(own).set(robot, recordVolume);
    this.#staged.set(robot, record);
    this.#stagings += 1;
    return { ok: true };
  }
}

const DETAILS: { readonly [C in CommandErrorCode]?: string } = {
  "state-too-large": `the robot's state would exceed ${STATE_BYTES_MAX} bytes encoded, removed fields counted, or the patch ${PATCH_BYTES_MAX}, or this node's robots together what one node may write; nothing was changed`,
  "state-too-deep": `the robot's state would nest deeper than ${STATE_DEPTH_MAX} levels; nothing was changed`,
  "state-invalid": "the patch holds a value that JSON cannot carry; nothing was changed",
  "precondition-failed": "the state has changed since; read it again and repeat the patch",
  "robots-max":
    "this node writes about as many robots as one node may; retire one first, or ask another node",
  "robot-id-invalid": ROBOT_ID_RULE,
  "robot-not-granted": "the grant of this node is not about this robot; nothing was changed",
  "not-ready": "this node cannot write now; ask again in a moment",
};

function commandCode(gate: GateCode): CommandErrorCode {
  if (gate === "too-large" || gate === "too-many-structs") return "state-too-large";
  if (gate === "too-deep") return "state-too-deep";
  return gate === "bad-key" ? "robot-id-invalid" : "state-invalid";
}

function valueAt(root: JsonObject, pointer: string): Json | undefined {
  let value: Json | undefined = root;
  for (const raw of pointer.slice(1).split("/")) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    const key = raw.replaceAll("~1", "/").replaceAll("~0", "~");
    value = Object.hasOwn(value, key) ? (value as JsonObject)[key] : undefined;
  }
  return value;
}
