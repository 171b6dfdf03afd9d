/**
 * The robots that this node hosts: takes their beats, judges their silence, speaks for them in the node's pulses (rules VE6, VE7, PU2).
 *
 * Intuition: a robot's status may get worse by time alone, and gets better by nothing but a live beat. So every path that reads
 * deadlines (timer, restart, stall, spooled beat, new schedule) can only worsen, and one path, a live contact, settles afresh.
 * The rejected alternative, to derive the status from the newest beat at any time, revives robots when a clock goes back,
 * a stall is forgiven, or a spooled beat comes in (promise P3).
 */
import { ROBOTS_PER_NODE_MAX } from "../command.ts";
import type { BeatCommand, CommandResult } from "../command.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import type { StoreRow } from "../driver/store.ts";
import type { Env } from "../env.ts";
import { isRobotId, ROBOT_ID_RULE } from "../ids.ts";
import type { RobotId } from "../ids.ts";
import type { Now } from "../now.ts";
import { applyBeat, dateBeat, type DatedBeat } from "./apply-beat.ts";
import { reportBeat } from "./beat-report.ts";
import { BeatWindows } from "./beat-window.ts";
import { summarize, type WireSummary } from "./beat-summary.ts";
import { Coalescing } from "./coalescing.ts";
import { CronPlans } from "./cron-plans.ts";
import { DeadlineHeap } from "./deadline-heap.ts";
import { judgeRobot, type Judgement } from "./deadlines.ts";
import { Edits } from "./edits.ts";
import type { FieldWriter, RobotRecord } from "./field-writer.ts";
import {
  anchorRobot,
  decodeRobot,
  newestWallMs,
  newRobot,
  ROBOT_ROW_PREFIX,
} from "./local-robot.ts";
import type { LocalRobot, LocalStatus } from "./local-robot.ts";
import { PulseQueue, type RobotNews } from "./pulse-queue.ts";
import { Regularities } from "./regularities.ts";
import {
  adoptRobot,
  applyTerms,
  auditedFields,
  fieldChanges,
  hostedFields,
  registrationFields,
  unwritten,
  wholeWall,
} from "./registration.ts";
import type { Adoption, Refusal, RegistrationTerms } from "./registration.ts";
import { Retirements, type RetirementCause } from "./retirement.ts";
import { RobotRows } from "./robot-rows.ts";
import { scheduleToJson } from "./schedule.ts";
import { StallDrain } from "./stall-drain.ts";

export interface LocalRobotsDeps {
  readonly env: Env;
  readonly fields: FieldWriter;
  readonly audit: AuditLog;
  /** Something that the home says of a robot has changed. */
  readonly changed: (robot: RobotId, now: Now) => void;
  /** Asks for a pulse at once, coalesced (DESIGN §4). */
  readonly requestPulse: () => void;
}

const RANKS: Readonly<Record<LocalStatus, number>> = { new: 0, up: 0, late: 1, down: 2 };

export class LocalRobots {
  /** How regularly they beat. */
  readonly regularities: Regularities;
  readonly #deps: LocalRobotsDeps;
  readonly #robots = new Map<RobotId, LocalRobot>();
  readonly #heap = new DeadlineHeap();
  readonly #queue = new PulseQueue();
  readonly #windows = new BeatWindows();
  readonly #coalescing = new Coalescing();
  readonly #retirements: Retirements;
  readonly #edits: Edits;
  readonly #plans: CronPlans;
  readonly #rows: RobotRows;
  /** Robots that the own chain is known to claim. */
  readonly #claimed = new Set<RobotId>();
  readonly #drain = new StallDrain();

  constructor(deps: LocalRobotsDeps) {
    this.#deps = deps;
    this.#plans = new CronPlans(deps.env.ports.cron);
    this.#rows = new RobotRows(deps.env);
    this.regularities = new Regularities(deps.env);
    this.#retirements = new Retirements(deps);
    this.#edits = new Edits(deps);
  }

  /** Takes one stored row before {@link start}; returns false, and reports it, when the row is damaged. Other rows are ignored. */
  restore(row: StoreRow): boolean {
    if (!row.key.startsWith(ROBOT_ROW_PREFIX)) return this.regularities.restore(row);
    const id = row.key.slice(ROBOT_ROW_PREFIX.length);
    const robot = isRobotId(id)
      ? decodeRobot(this.#deps.env.ports.codec, id, row.value)
      : undefined;
    if (robot === undefined || this.#robots.size >= ROBOTS_PER_NODE_MAX) {
      const reason = robot === undefined ? "malformed" : "robots-max";
      this.#deps.env.out.emit({ type: "quarantined", what: row.key, reason });
      return false;
    }
    this.#robots.set(id, robot);
    return true;
  }

  /** All rows are in: dates them and judges, because restarting a node resets no deadline. */
  start(now: Now): void {
    // A wall clock that went back while the node was off must not make anything younger than what the rows prove.
    let wallMs = now.wallMs;
    for (const robot of this.#robots.values()) wallMs = Math.max(wallMs, newestWallMs(robot));
    for (const robot of this.#robots.values()) {
      if (this.#isRetiredHere(robot)) continue;
      anchorRobot(robot, { monoMs: now.monoMs, wallMs });
      // What the fleet's record says since then may be from another node, and was durable before this node took it over.
      if (this.#edits.take(robot, now).size > 0) this.#rows.touch(robot);
      this.regularities.start(robot);
      this.#plans.plan(robot, now);
      this.#queue.markChanged(robot.id);
      this.#retirements.onStart(robot, now);
      this.#worsen(robot, now.monoMs, now);
      this.#arm(robot, now.monoMs);
    }
    this.regularities.endRestore();
    this.#finish();
  }

  /**
   * The own chain is open: robots that no chain knows are registered again. Their rows were durable and their entries not yet when
   * the node died (promise P5).
   */
  announce(now: Now): void {
    const { fields } = this.#deps;
    for (const robot of this.#robots.values()) {
      if (fields.recordOf(robot.id) === undefined)
        fields.write(robot.id, registrationFields(robot), now);
      else this.onRecord(robot.id, "look", now);
    }
    this.#queue.markStart(now.monoMs);
  }

  /** What the fleet's record says of a robot has changed: another node may have edited or retired it. */
  onRecord(id: RobotId, cause: RetirementCause, now: Now): void {
    const robot = this.#robots.get(id);
    if (robot === undefined || !this.#keep(robot, cause, now)) return;
    const changes = this.#edits.take(robot, now);
    if (changes.size === 0) return this.#setTimer();
    this.#replan(robot, changes, now);
    this.#finish();
  }

  get(robot: RobotId): LocalRobot | undefined {
    return this.#robots.get(robot);
  }

  /** All hosted robots, in no particular order. */
  ids(): Iterable<RobotId> {
    return this.#robots.keys();
  }

  get size(): number {
    return this.#robots.size;
  }

  /** Takes one beat; the answer follows once it is durable (rule DU2). */
  beat(reply: number, command: BeatCommand, now: Now): void {
    this.#watchWall(now);
    const hosted = this.#robots.get(command.robot);
    // Retired elsewhere: said again by a robot that lives; one that was called down is gone, and this beat is a new robot's.
    const known = hosted === undefined || this.#keep(hosted, "beat", now) ? hosted : undefined;
    const adopted =
      known === undefined ? this.#create(command, now) : { robot: known, isNew: false };
    if ("code" in adopted) {
      this.#deps.env.out.reply(reply, adopted);
      return;
    }
    const { robot, isNew } = adopted;
    const admission = this.#windows.admit(robot.id, now.monoMs);
    if (admission.type === "refuse") {
      const { retryAfterMs } = admission;
      const detail = `too many beats of ${robot.id}; the next one is taken in ${retryAfterMs} ms`;
      this.#deps.env.out.reply(reply, { ok: false, code: "beats-too-many", detail, retryAfterMs });
      return;
    }
    const beat = dateBeat(this.#drain.heldBack(robot, command, now), now);
    if (admission.type === "coalesce") {
      this.#coalescing.add(robot.id, beat, reply, now.monoMs);
      this.#setTimer();
      return;
    }
    this.#flush(robot, now);
    this.#take(robot, beat, "alone", now);
    this.#finish([{ id: reply, result: isNew ? { ok: true, created: true } : { ok: true } }]);
  }

  /**
   * Hosts a robot, of which `record` stands, or changes schedule and labels of one that is hosted here. Changing a schedule revives
   * nothing.
   */
  register(
    id: RobotId,
    terms: RegistrationTerms,
    record: RobotRecord | undefined,
    now: Now,
  ): CommandResult {
    this.#watchWall(now);
    const { fields, audit } = this.#deps;
    const known = this.#robots.get(id);
    const fault = this.#admitNew(id, known);
    if (fault !== undefined) return fault;
    const robot = known ?? newRobot(id, terms.schedule, wholeWall(now));
    const changes = known === undefined ? hostedFields(record, terms) : fieldChanges(known, terms);
    const code = changes.size === 0 ? undefined : fields.write(id, changes, now);
    if (code !== undefined) return unwritten(code, id);
    if (changes.size > 0) {
      applyTerms(robot, terms);
      this.#robots.set(id, robot);
      audit.append("robot-registered", { robot: id, fields: auditedFields(changes) }, now);
      this.#replan(robot, changes, now);
    }
    this.#heap.delete(id);
    this.#arm(robot, now.monoMs);
    this.#finish();
    const isNew = known === undefined && record === undefined;
    return isNew ? { ok: true, created: true } : { ok: true };
  }

  /** It has another schedule: nothing of that was missed yet. */
  #replan(robot: LocalRobot, changes: ReadonlyMap<string, unknown>, now: Now): void {
    if (changes.has("/schedule")) this.regularities.restart(robot);
    this.#plans.planFromNow(robot, now);
    this.#rows.touch(robot);
    this.#queue.markFlip(robot.id, now.monoMs);
    this.#heap.delete(robot.id);
    this.#arm(robot, now.monoMs);
    this.#deps.changed(robot.id, now);
  }

  /** Forgets a robot that this node has retired. */
  forget(id: RobotId, now: Now): void {
    const robot = this.#robots.get(id);
    if (robot === undefined) return;
    this.#flush(robot, now);
    this.#finish();
    this.#robots.delete(id);
    this.#claimed.delete(id);
    this.#retirements.forget(id);
    this.#edits.forget(id);
    this.#heap.delete(id);
    this.#queue.delete(id);
    this.#plans.delete(id);
    this.regularities.forget(robot);
    this.#deleteRow(robot);
    this.#deps.changed(id, now);
  }

  /** The timer `robots` fired. */
  onTimer(now: Now): void {
    this.#watchWall(now);
    for (const id of this.#coalescing.due(now.monoMs)) {
      const robot = this.#robots.get(id);
      if (robot !== undefined) this.#flush(robot, now);
    }
    if (this.#drain.isOver(now.monoMs)) this.#judgeDue(now);
    const waiting = [...this.#retirements.due(now.monoMs), ...this.#edits.due(now.monoMs)];
    for (const id of waiting) this.onRecord(id, "look", now);
    this.#finish();
  }

  /**
   * This node did nothing for `stallMs` until now (rules PU6, VE6): that time is no robot's fault. Every deadline that is still
   * ahead of its verdict moves by it, and none is judged before the inbox has had time to drain. Revives nothing.
   */
  onStall(stallMs: number, now: Now): void {
    this.#drain.begin(stallMs, now);
    this.regularities.doubtAll();
    for (const robot of this.#robots.values()) {
      if (robot.status !== "down") robot.allowanceMs += stallMs;
    }
    this.#setTimer();
  }

  /** What everybody is to hear of (rule PU8). */
  get news(): RobotNews {
    return this.#queue;
  }

  /**
   * What the next pulse says of the robots, encoded in at most `bytesMax` bytes (rule PU2). Counts as said.
   * Call it once for each pulse, also when nothing changed.
   */
  beatsForPulse(bytesMax: number, now: Now, isForEverybody: boolean): readonly WireSummary[] {
    this.#watchWall(now);
    const { codec } = this.#deps.env.ports;
    this.regularities.beginPulse();
    const said = this.#queue.take(bytesMax, isForEverybody, (id) => {
      const robot = this.#robots.get(id) as LocalRobot;
      const wire = this.regularities.withDigest(summarize(robot, now), robot, now);
      return { item: { robot, wire }, bytes: codec.encode(wire).length };
    });
    for (const { robot, wire } of said)
      if (wire["j"] !== undefined) this.regularities.onSaid(robot, now);
    return said.map(({ wire }) => wire);
  }

  #create(command: BeatCommand, now: Now): Adoption | Refusal {
    const fault = this.#admitNew(command.robot, undefined);
    const adopted = fault ?? adoptRobot(this.#deps.env, this.#deps.fields, command, now);
    if ("code" in adopted) return adopted;
    const { robot, isNew } = adopted;
    this.#robots.set(robot.id, robot);
    if (isNew) {
      const changes = registrationFields(robot);
      this.#deps.fields.write(robot.id, changes, now);
      const fields = auditedFields(changes);
      this.#deps.audit.append("robot-registered", { robot: robot.id, fields }, now);
    } else this.#claim(robot, now);
    return adopted;
  }

  /** Whether the robot is still hosted here, whatever another node has said of it. */
  #keep(robot: LocalRobot, cause: RetirementCause, now: Now): boolean {
    const answer = this.#retirements.answer(robot, cause, now);
    if (answer === "restated") this.#queue.markFlip(robot.id, now.monoMs);
    if (answer === "heeded") this.forget(robot.id, now);
    return answer !== "heeded";
  }

  /** Says in the own chain that the robot beats here, or nobody takes this node for its home (rule VE6). */
  #claim(robot: LocalRobot, now: Now): void {
    if (this.#claimed.has(robot.id)) return;
    this.#claimed.add(robot.id);
    const { env, fields, audit } = this.#deps;
    const record = fields.recordOf(robot.id);
    if (record?.retired === true || record?.claimants.includes(env.identity.self) === true) return;
    const schedule = scheduleToJson(robot.schedule);
    fields.write(robot.id, new Map([["/schedule", schedule]]), now);
    audit.append("robot-registered", { robot: robot.id, fields: { "/schedule": schedule } }, now);
  }

  #admitNew(id: RobotId, known: LocalRobot | undefined): Refusal | undefined {
    if (!isRobotId(id)) return { ok: false, code: "robot-id-invalid", detail: ROBOT_ID_RULE };
    if (known !== undefined) return undefined;
    if (this.#robots.size < ROBOTS_PER_NODE_MAX) return undefined;
    return {
      ok: false,
      code: "robots-max",
      detail: `this node hosts ${ROBOTS_PER_NODE_MAX} robots already`,
    };
  }

  #flush(robot: LocalRobot, now: Now): void {
    const waiting = this.#coalescing.take(robot.id);
    if (waiting === undefined) return;
    robot.count += waiting.droppedBeats;
    robot.beatSeq += waiting.droppedContacts;
    for (const beat of waiting.beats) this.#take(robot, beat, "coalesced", now);
    const result: CommandResult = { ok: true };
    this.#finish(waiting.replies.map((id) => ({ id, result })));
  }

  #take(robot: LocalRobot, beat: DatedBeat, how: "alone" | "coalesced", now: Now): void {
    this.#worsen(robot, beat.live ? beat.at.monoMs : now.monoMs, now);
    const { status, due, run, allowanceMs } = robot;
    const change = applyBeat(robot, beat);
    this.#rows.touch(robot);
    this.#rows.keepMessage(robot.id, beat);
    if (change.contact) {
      this.#plans.plan(robot, now);
      const isClean = how === "alone" && this.#drain.isOver(now.monoMs);
      const before = { status, due, run, allowanceMs };
      this.regularities.onContact(robot, beat, before, isClean, now);
    }
    if (change.contact && beat.live) {
      this.#claim(robot, now);
      this.#settle(robot, beat.at, now);
    } else this.#worsen(robot, now.monoMs, now);
    if (reportBeat(this.#deps, robot, beat, change, now)) {
      this.#queue.markFlip(robot.id, now.monoMs);
      this.#deps.requestPulse();
    }
    this.#queue.markChanged(robot.id);
    this.#arm(robot, now.monoMs);
    this.#deps.changed(robot.id, now);
  }

  #judgeDue(now: Now): void {
    for (
      let due = this.#heap.peek();
      due !== undefined && due.atMs <= now.monoMs;
      due = this.#heap.peek()
    ) {
      const robot = this.#robots.get(due.id);
      this.#heap.delete(due.id);
      if (robot === undefined) continue;
      this.#flush(robot, now);
      this.#worsen(robot, now.monoMs, now);
      this.#arm(robot, now.monoMs);
    }
  }

  /** Lets passed deadlines take effect, and nothing else. */
  #worsen(robot: LocalRobot, atMonoMs: number, now: Now): void {
    if (!this.#drain.isOver(atMonoMs) || robot.status === "down") return;
    const judged = judgeRobot(robot, atMonoMs);
    if (RANKS[judged.status] > RANKS[robot.status]) this.#become(robot, judged, undefined, now);
  }

  /** A live contact: whatever was, the deadlines decide afresh. */
  #settle(robot: LocalRobot, at: Now, now: Now): void {
    const before = robot.status;
    robot.status = "up";
    const judged = judgeRobot(robot, at.monoMs);
    robot.status = before;
    if (judged.status === before) robot.reason = judged.reason;
    else this.#become(robot, judged, at, now);
  }

  #become(robot: LocalRobot, judged: Judgement, at: Now | undefined, now: Now): void {
    robot.status = judged.status;
    robot.reason = judged.reason;
    const monoMs = judged.sinceMonoMs ?? at?.monoMs ?? now.monoMs;
    robot.since = { monoMs, wallMs: Math.floor(now.wallMs - (now.monoMs - monoMs)) };
    this.#rows.touch(robot);
    this.#queue.markFlip(robot.id, now.monoMs);
    this.#deps.changed(robot.id, now);
    this.#deps.requestPulse();
  }

  /** Puts the robot's next deadline into the heap. A date that only moved later is found when the earlier one comes up. */
  #arm(robot: LocalRobot, nowMonoMs: number): void {
    if (robot.status === "down") {
      this.#heap.delete(robot.id);
      return;
    }
    const judged = judgeRobot(robot, nowMonoMs);
    // A deadline that passed while nothing is judged comes up as soon as something is.
    const nextMonoMs = RANKS[judged.status] > RANKS[robot.status] ? nowMonoMs : judged.nextMonoMs;
    const current = this.#heap.dateOf(robot.id);
    if (nextMonoMs === Infinity) this.#heap.delete(robot.id);
    else if (current === undefined || nextMonoMs < current) this.#heap.set(robot.id, nextMonoMs);
  }

  #watchWall(now: Now): void {
    const moved = this.#plans.watch(
      now,
      (id) => this.#robots.get(id),
      (robot) => this.regularities.doubt(robot),
    );
    for (const robot of moved) this.#arm(robot, now.monoMs);
    if (moved.length > 0) this.#setTimer();
  }

  #finish(replies: readonly { readonly id: number; readonly result: CommandResult }[] = []): void {
    const commit = this.#rows.write();
    for (const { id, result } of replies) this.#deps.env.out.reply(id, result, commit);
    this.#setTimer();
  }

  /** Its marker was durable before its row was gone; so it goes now. */
  #isRetiredHere(robot: LocalRobot): boolean {
    const { env, fields } = this.#deps;
    if (fields.recordOf(robot.id)?.retiredBy !== env.identity.self) return false;
    this.#robots.delete(robot.id);
    this.#deleteRow(robot);
    return true;
  }

  #deleteRow(robot: LocalRobot): void {
    this.#rows.delete(robot, (id) => this.#robots.has(id));
  }

  #setTimer(): void {
    const dueMonoMs = Math.max(this.#heap.peek()?.atMs ?? Infinity, this.#drain.endMonoMs);
    const { nextMonoMs: retirementMonoMs } = this.#retirements;
    const waitingMonoMs = Math.min(retirementMonoMs, this.#edits.nextMonoMs);
    const nextMonoMs = Math.min(dueMonoMs, waitingMonoMs, this.#coalescing.nextMonoMs);
    if (nextMonoMs !== Infinity) this.#deps.env.out.setTimer("robots", nextMonoMs);
  }
}
