/**
 * The status of every robot as this node sees it, kept so that each change is said once, with where it came from (rule VE6).
 * Nothing here polls: a pulse re-evaluates the robots it spoke of, a verdict about a node that node's robots.
 */
import type { AuditLog } from "../audit/audit-log.ts";
import type { Env } from "../env.ts";
import type { NodeId, RobotId } from "../ids.ts";
import type { Now } from "../now.ts";
import type { RobotView } from "../view/robot-view.ts";
import type { Health, RobotReason, Status } from "../view/status.ts";
import type { FieldWriter, RobotRecord } from "./field-writer.ts";
import { FlipAudit } from "./flip-audit.ts";
import { validLabels } from "./labels.ts";
import type { LocalRobots } from "./local-robots.ts";
import type { NodeStatusPort } from "./node-status-port.ts";
import type { RemoteRobots } from "./remote-robots.ts";
import {
  isAccepted,
  isFloating,
  localWord,
  remoteWord,
  robotVerdict,
  verdictAmong,
  type HomeWord,
  type RobotVerdict,
} from "./robot-verdict.ts";
import { scheduleFromJson } from "./schedule.ts";
import { TwoHomes, type HomeClaim } from "./two-homes.ts";

/** Everything of a `RobotView` that comes from beats and verdicts; the rest is the record's. */
export type RobotLiveness = Omit<RobotView, "state" | "etag" | "version">;

export interface RobotStatusesDeps {
  readonly env: Env;
  readonly fields: FieldWriter;
  readonly audit: AuditLog;
  readonly local: LocalRobots;
  readonly remote: RemoteRobots;
  readonly nodes: NodeStatusPort;
}

interface Held {
  readonly status: Status;
  readonly reason: RobotReason | undefined;
  readonly sinceWallMs: number;
  readonly home: NodeId | undefined;
  /** When this node first took it for the home. */
  readonly homeMonoMs: number;
  readonly isOverride: boolean;
  /** Further nodes that take its beats as well. */
  readonly rivals: readonly NodeId[];
}

/** A second home is raised again when it was quiet for so many periods, and for this long at least. */
const TWO_HOMES_PERIODS = 2;
const TWO_HOMES_MS_MIN = 60_000;
const NO_RIVALS: readonly NodeId[] = [];
const HEALTHS: readonly unknown[] = ["ok", "degraded", "failing"];
const NO_WITNESSES = { up: 0, late: 0, down: 0, unknown: 0, of: 0 };

export class RobotStatuses {
  readonly #deps: RobotStatusesDeps;
  readonly #held = new Map<RobotId, Held>();
  /** Robots by the home that their held status rests on. */
  readonly #homed = new Map<NodeId, Set<RobotId>>();
  readonly #twoHomes = new TwoHomes();
  readonly #flips: FlipAudit;

  constructor(deps: RobotStatusesDeps) {
    this.#deps = deps;
    this.#flips = new FlipAudit(deps.audit);
  }

  /** Begins to follow a robot that was on disk, without a word about it. */
  find(robot: RobotId, now: Now): void {
    if (!this.#held.has(robot)) this.#evaluate(robot, now, false);
  }

  /** Re-evaluates one robot; says so when its status changed. */
  refresh(robot: RobotId, now: Now): void {
    this.#evaluate(robot, now, true);
  }

  #evaluate(robot: RobotId, now: Now, isNews: boolean): void {
    this.#flips.settle(now);
    const record = this.#deps.fields.recordOf(robot);
    const words = this.#words(robot);
    const held = this.#held.get(robot);
    if (record?.retired === true || (record === undefined && words.length === 0)) {
      if (held !== undefined && record?.retiredBy !== undefined)
        this.#tellRetired(robot, record.retiredBy, now);
      this.#forget(robot);
      return;
    }
    const verdict = robotVerdict(words, record, this.#deps.nodes, now);
    if (held !== undefined) this.#watchHomes(robot, held, verdict, words, now);
    const rivals = this.#rivals(robot, held, verdict, words, now);
    const next = this.#among(verdict, rivals, words, now);
    if (this.#hold(robot, held, next, rivals, now) && isNews) this.#tell(robot, held, next, now);
  }

  /** Re-evaluates the robots of a node whose verdict changed. */
  refreshNode(node: NodeId, now: Now): void {
    const robots = new Set([...(this.#homed.get(node) ?? []), ...this.#deps.remote.robotsOf(node)]);
    for (const robot of [...robots].toSorted()) this.refresh(robot, now);
  }

  /** Re-evaluates everything, for instance when this node lost its majority or got it back. */
  refreshAll(now: Now): void {
    for (const robot of this.ids().toSorted()) this.refresh(robot, now);
  }

  /** Robots that have a status. */
  ids(): RobotId[] {
    return [...this.#held.keys()];
  }

  /** One robot as of now; undefined when it is unknown here, or retired. */
  view(robot: RobotId, now: Now): RobotLiveness | undefined {
    const record = this.#deps.fields.recordOf(robot);
    const words = this.#words(robot);
    if (record?.retired === true || (record === undefined && words.length === 0)) return undefined;
    const held = this.#held.get(robot);
    const home = robotVerdict(words, record, this.#deps.nodes, now);
    const verdict = this.#among(home, held?.rivals ?? NO_RIVALS, words, now);
    const { shown: word } = verdict;
    const node = word?.node ?? verdict.home;
    const local = word?.node === this.#deps.nodes.self ? this.#deps.local.get(robot) : undefined;
    return {
      robot,
      status: verdict.status,
      sinceWallMs: sinceOf(held, verdict, now),
      reason: verdict.reason,
      health: word?.health ?? recordedHealth(record),
      lastCheckWallMs: word?.last?.wallMs,
      ageMs:
        word?.last === undefined
          ? undefined
          : Math.max(0, Math.round(now.monoMs - word.last.monoMs)),
      beats: word?.count ?? 0,
      started: word?.started ?? false,
      node,
      labels: local?.labels ?? validLabels(record?.labels ?? {}),
      floating: local?.floating ?? record?.floating === true,
      schedule: local?.schedule ?? scheduleFromJson(record?.schedule),
      dueWallMs: word?.dueWallMs,
      regularity:
        local === undefined ? word?.regularity : this.#deps.local.regularities.view(local, now),
      witnesses: node === undefined ? NO_WITNESSES : this.#deps.nodes.witnessCount(node),
    };
  }

  #words(robot: RobotId): readonly HomeWord[] {
    const { local, remote, nodes } = this.#deps;
    const words: HomeWord[] = [];
    const hosted = local.get(robot);
    if (hosted !== undefined) words.push(localWord(hosted, nodes.self));
    for (const word of remote.words(robot)) {
      if (word.node !== nodes.self) words.push(remoteWord(word, remote.isCurrent(word)));
    }
    return words;
  }

  #among(
    verdict: RobotVerdict,
    rivals: readonly NodeId[],
    words: readonly HomeWord[],
    now: Now,
  ): RobotVerdict {
    if (rivals.length === 0) return verdict;
    const theirs = words.filter(({ node }) => rivals.includes(node));
    return verdictAmong(verdict, theirs, this.#deps.nodes, now);
  }

  /** Whether the status is another one now. */
  #hold(
    robot: RobotId,
    held: Held | undefined,
    verdict: RobotVerdict,
    rivals: readonly NodeId[],
    now: Now,
  ): boolean {
    const { status, reason, home, isOverride } = verdict;
    if (held?.home !== home) this.#rehome(robot, held?.home, home);
    this.#held.set(robot, {
      status,
      reason,
      sinceWallMs: sinceOf(held, verdict, now),
      home,
      homeMonoMs: held !== undefined && held.home === home ? held.homeMonoMs : now.monoMs,
      isOverride,
      rivals,
    });
    return held?.status !== status;
  }

  #tell(robot: RobotId, held: Held | undefined, verdict: RobotVerdict, now: Now): void {
    const { status, reason, home, isOverride } = verdict;
    const from = held?.status;
    this.#deps.env.out.emit({
      type: "robot-status",
      robot,
      from,
      to: status,
      reason,
      atWallMs: now.wallMs,
    });
    // A verdict about a node is one line in the log, not one for each of its robots.
    if (isOverride || held?.isOverride === true) return;
    const isOwn = home === undefined || home === this.#deps.nodes.self;
    if (!isOwn && !this.#flips.admit(home, now)) return;
    this.#deps.audit.append(
      "robot-status",
      { robot, from: from ?? null, to: status, reason: reason ?? null, home: home ?? null },
      now,
    );
  }

  #rehome(robot: RobotId, from: NodeId | undefined, to: NodeId | undefined): void {
    if (from !== undefined) this.#homed.get(from)?.delete(robot);
    if (to === undefined) return;
    let robots = this.#homed.get(to);
    if (robots === undefined) {
      robots = new Set();
      this.#homed.set(to, robots);
    }
    robots.add(robot);
  }

  /** Another node gives beats of a robot whose home is known, accepted or not. */
  #watchHomes(
    robot: RobotId,
    held: Held,
    verdict: RobotVerdict,
    words: readonly HomeWord[],
    now: Now,
  ): void {
    const { home, word, refused } = verdict;
    const record = this.#deps.fields.recordOf(robot);
    const moved = word !== undefined && word.node !== held.home ? word : undefined;
    for (const [from, claim] of [
      [held.home, moved],
      [home, refused],
    ] as const) {
      if (from === undefined || claim?.last === undefined || isFloating(record, claim)) continue;
      // What was before this node knew the home is how it learns of an earlier move.
      if (claim.last.monoMs < held.homeMonoMs) continue;
      const homeBeat = words.find(({ node }) => node === from)?.last;
      this.#claim(robot, claim.everyMs, now, {
        home: from,
        homeBeatMonoMs: homeBeat?.monoMs ?? Number.NEGATIVE_INFINITY,
        claimant: claim.node,
        beatMonoMs: claim.last.monoMs,
        isRefused: claim === refused,
      });
    }
    if (home !== held.home || home === undefined) return;
    for (const other of words) {
      if (!goesOn(other, held, record, now) || isFloating(record, other)) continue;
      this.#claim(robot, other.everyMs, now, {
        home: other.node,
        homeBeatMonoMs: other.last?.monoMs ?? Number.NEGATIVE_INFINITY,
        claimant: home,
        beatMonoMs: word?.last?.monoMs ?? Number.NEGATIVE_INFINITY,
        isRefused: false,
        isPastMove: true,
      });
    }
  }

  #claim(robot: RobotId, everyMs: number | undefined, now: Now, claim: HomeClaim): void {
    const homes = this.#twoHomes.claimed(robot, claim, quietMsOf(everyMs), now.monoMs);
    if (homes === undefined) return;
    this.#deps.env.out.emit({ type: "two-homes", robot, homes });
    const isOwn = claim.claimant === this.#deps.nodes.self;
    if (!isOwn && !this.#flips.admit(claim.claimant, now)) return;
    this.#deps.audit.append("two-homes", { robot, homes }, now);
  }

  /** Nodes that take beats of the robot as well as its home: whose beats went on after it was left, or that were raised with it. */
  #rivals(
    robot: RobotId,
    held: Held | undefined,
    { home }: RobotVerdict,
    words: readonly HomeWord[],
    now: Now,
  ): readonly NodeId[] {
    if (held === undefined || home === undefined || words.length < 2) return NO_RIVALS;
    const record = this.#deps.fields.recordOf(robot);
    const rivals: NodeId[] = [];
    for (const word of words) {
      if (word.node === home || !isAccepted(word.node, record)) continue;
      const isRival =
        (held.home === home && goesOn(word, held, record, now)) ||
        this.#twoHomes.isRaised(robot, home, word.node, now.monoMs);
      if (isRival) rivals.push(word.node);
    }
    return rivals;
  }

  #tellRetired(robot: RobotId, by: NodeId, now: Now): void {
    const { out } = this.#deps.env;
    const event = { type: "robot-retired", robot, by, atWallMs: now.wallMs } as const;
    out.emit(event, out.pendingCommit());
  }

  #forget(robot: RobotId): void {
    const held = this.#held.get(robot);
    if (held?.home !== undefined) this.#homed.get(held.home)?.delete(robot);
    this.#held.delete(robot);
    this.#twoHomes.forget(robot);
  }
}

/** Whether a node that is not the home took a beat after this node took another one for the home, and not too long ago. */
function goesOn(word: HomeWord, held: Held, record: RobotRecord | undefined, now: Now): boolean {
  const { last, node } = word;
  if (last === undefined || last.monoMs <= held.homeMonoMs) return false;
  if (now.monoMs - last.monoMs > quietMsOf(word.everyMs)) return false;
  return node !== held.home && isAccepted(node, record);
}

function quietMsOf(everyMs: number | undefined): number {
  return Math.max(TWO_HOMES_PERIODS * (everyMs ?? 0), TWO_HOMES_MS_MIN);
}

/**
 * Since when the status stands: as the home (or the verdict about it) dates it, but never before a different status that
 * this node showed, and steady while nothing changes.
 */
function sinceOf(held: Held | undefined, verdict: RobotVerdict, now: Now): number {
  if (held === undefined) return verdict.sinceWallMs;
  if (held.status === verdict.status) return held.sinceWallMs;
  return held.isOverride && !verdict.isOverride ? Math.floor(now.wallMs) : verdict.sinceWallMs;
}

function recordedHealth(record: RobotRecord | undefined): Health {
  return HEALTHS.includes(record?.health) ? (record?.health as Health) : "ok";
}
