/**
 * Robots as the rest of core uses them: commands, rows, timers, pulses and verdicts go in, statuses and views come out.
 * Composes the robots of this node (`LocalRobots`), what other nodes say of theirs (`RemoteRobots`), and the verdicts over both.
 */
import type { AuditLog } from "../audit/audit-log.ts";
import type { HostRights } from "../authority/host-rights.ts";
import type { BeatCommand, RegisterCommand, RetireCommand } from "../command.ts";
import type { StoreRow } from "../driver/store.ts";
import type { Env } from "../env.ts";
import type { NodeId, RobotId } from "../ids.ts";
import type { Now } from "../now.ts";
import type { WireSummary } from "./beat-summary.ts";
import type { FieldWriter } from "./field-writer.ts";
import { Inventory } from "./inventory.ts";
import { LocalRobots } from "./local-robots.ts";
import type { NodeStatusPort } from "./node-status-port.ts";
import type { RobotNews } from "./pulse-queue.ts";
import { RemoteRobots, type DatedPulse } from "./remote-robots.ts";
import { RobotStatuses, type RobotLiveness } from "./robot-statuses.ts";

export interface RobotsDeps {
  readonly env: Env;
  readonly fields: FieldWriter;
  readonly audit: AuditLog;
  readonly nodes: NodeStatusPort;
  /** Asks for a pulse at once, coalesced. */
  readonly requestPulse: () => void;
  /** About which robots whose beats count. @default everybody's about all */
  readonly hostRights?: HostRights | undefined;
}

export class Robots {
  readonly #deps: RobotsDeps;
  readonly #local: LocalRobots;
  readonly #remote: RemoteRobots;
  readonly #statuses: RobotStatuses;
  readonly #inventory: Inventory;

  constructor(deps: RobotsDeps) {
    this.#deps = deps;
    const { env, fields, audit, nodes, requestPulse } = deps;
    this.#remote = new RemoteRobots(deps.hostRights);
    const changed = (robot: RobotId, now: Now): void => this.#statuses.refresh(robot, now);
    this.#local = new LocalRobots({ env, fields, audit, requestPulse, changed });
    this.#statuses = new RobotStatuses({
      env,
      fields,
      audit,
      nodes,
      local: this.#local,
      remote: this.#remote,
    });
    this.#inventory = new Inventory({
      env,
      fields,
      audit,
      local: this.#local,
      view: (robot, now) => this.view(robot, now),
    });
  }

  /** Takes stored rows (others are ignored) before {@link start}. */
  restore(rows: readonly StoreRow[]): void {
    for (const row of rows) {
      this.#local.restore(row);
      this.#inventory.restore(row);
    }
  }

  /** All rows are in: dates what was restored and judges it. */
  start(now: Now): void {
    this.#local.start(now);
    for (const robot of this.#local.ids()) this.#statuses.refresh(robot, now);
  }

  /** This node's chain is open for writing, at the start and after every new boot. */
  announce(now: Now): void {
    this.#local.announce(now);
  }

  beat(reply: number, command: BeatCommand, now: Now): void {
    this.#local.beat(reply, command, now);
  }

  register(reply: number, command: RegisterCommand, now: Now): void {
    this.#inventory.register(reply, command, now);
  }

  retire(reply: number, command: RetireCommand, now: Now): void {
    this.#inventory.retire(reply, command, now);
  }

  /** The timer `robots` fired, and is the one that is set. */
  onTimer(now: Now): void {
    this.#local.onTimer(now);
  }

  /** This node did nothing for `stallMs` until now; call it before the input that follows. */
  onStall(stallMs: number, now: Now): void {
    this.#local.onStall(stallMs, now);
  }

  /** This node's clocks parted (rule PU6): it was away, or the wall clock stepped, and the monotonic one may have stood still. */
  onClocksParted(): void {
    this.#local.regularities.doubtAll();
  }

  /** What the next pulse says of the robots hosted here, at most `bytesMax` bytes encoded. */
  beatsForPulse(
    bytesMax: number,
    now: Now,
    isForEverybody: boolean = true,
  ): readonly WireSummary[] {
    return this.#local.beatsForPulse(bytesMax, now, isForEverybody);
  }

  /** What everybody is to hear of (rule PU8). */
  get news(): RobotNews {
    return this.#local.news;
  }

  /**
   * Takes the beats of every accepted, dated pulse, also of one without any. Malformed ones are rejected, counted and change
   * nothing. Call it before {@link onNodeStatus} of the same pulse, so that a home that came back is not shown with an old word.
   */
  onBeats(node: NodeId, pulse: DatedPulse, beats: unknown, now: Now): void {
    if (node === this.#deps.env.identity.self) return;
    const result = this.#remote.onBeats(node, pulse, beats, now);
    const { out } = this.#deps.env;
    if (!result.ok) {
      out.emit({ type: "rejected", reason: result.code, from: node });
      this.#deps.audit.appendReject(result.code, { from: node, what: "beats" }, now);
      return;
    }
    if (result.refused > 0) {
      out.emit({ type: "rejected", reason: "robots-max", from: node });
      this.#deps.audit.appendReject("robots-max", { from: node, robots: result.refused }, now);
    }
    if (result.notGranted > 0) {
      out.emit({ type: "rejected", reason: "robot-not-granted", from: node });
      const what = { from: node, robots: result.notGranted };
      this.#deps.audit.appendReject("robot-not-granted", what, now);
    }
    for (const robot of result.changed) this.#statuses.refresh(robot, now);
  }

  /** The verdict about a node changed. */
  onNodeStatus(node: NodeId, now: Now): void {
    this.#statuses.refreshNode(node, now);
  }

  /** This node lost sight of a majority, or got it back. */
  onMajority(now: Now): void {
    this.#statuses.refreshAll(now);
  }

  /** A robot's record changed in the document: it may be new, or retired. */
  onRecord(robot: RobotId, now: Now): void {
    const { env, fields } = this.#deps;
    const retiredBy = fields.recordOf(robot)?.retiredBy;
    const isLeft = this.#remote.hasNewerBeat(robot, this.#local.get(robot)?.last);
    if (retiredBy !== undefined) this.#remote.forget(robot);
    // What lives at this node nobody else can make it forget (promise P4).
    if (retiredBy === env.identity.self) this.#local.forget(robot, now);
    else this.#local.onRecord(robot, isLeft ? "left" : "look", now);
    this.#statuses.refresh(robot, now);
  }

  /** A robot that was on disk, also one that only others have ever spoken of: it has a status from now on, which is no news. */
  onFound(robot: RobotId, now: Now): void {
    this.#statuses.find(robot, now);
  }

  /** Every robot that has a status, sorted. */
  ids(): readonly RobotId[] {
    return this.#statuses.ids().toSorted();
  }

  /** One robot; undefined when it is unknown here, or retired. */
  view(robot: RobotId, now: Now): RobotLiveness | undefined {
    return this.#statuses.view(robot, now);
  }

  /** Robots hosted here. */
  get hosted(): number {
    return this.#local.size;
  }
}
