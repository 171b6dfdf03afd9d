/**
 * One robot in a pulse, as its home says it (rule PU2): cumulative, so that a lost pulse loses nothing.
 * Ages and not dates, because readers share no clock with the home; short keys, and defaults left out, because a pulse is small.
 */
import { SCHEDULE_MS_MAX, SCHEDULE_MS_MIN } from "../command.ts";
import type { BeatKind } from "../command.ts";
import { isRobotId } from "../ids.ts";
import type { RobotId } from "../ids.ts";
import type { Now } from "../now.ts";
import type { Health, RobotReason } from "../view/status.ts";
import { isIntegerIn, isMap } from "../wire/fields.ts";
import type { LocalRobot, LocalStatus } from "./local-robot.ts";
import { readWireDigest, type RegularityDigest, type WireDigest } from "./regularity-digest.ts";

/** Summaries in one pulse that are looked at; more cannot fit into 8 KiB. */
export const SUMMARIES_PER_PULSE_MAX: number = 1_024;

/** Ages that are believed: 100 years. Beyond, no calendar that readers use could hold the date. */
export const AGE_MS_MAX: number = 3_155_760_000_000;

/** The word of a home about one robot, decoded. */
export interface BeatSummary {
  readonly robot: RobotId;
  readonly beatSeq: number;
  /** Age of the newest contact when the pulse was sent; undefined before the first. */
  readonly ageMs: number | undefined;
  readonly count: number;
  readonly kind: BeatKind;
  readonly health: Health;
  readonly status: LocalStatus;
  readonly reason: RobotReason | undefined;
  /** How long the status had stood when the pulse was sent. */
  readonly sinceAgeMs: number;
  readonly dueWallMs: number | undefined;
  readonly everyMs: number | undefined;
  readonly started: boolean;
  readonly floating: boolean;
  /** Said now and then (rule RG7); undefined where it was not said. */
  readonly regularity: RegularityDigest | undefined;
}

/** On the wire: a map of one-letter keys; absent are `a d e y` when unknown, `k` beat, `h` ok, `s` up, `f` and `g` no, `j` mostly. */
export type WireSummary = Readonly<Record<string, string | number | WireDigest>>;

const KINDS: readonly unknown[] = ["beat", "start", "success", "fail", "exit"];
const HEALTHS: readonly unknown[] = ["ok", "degraded", "failing"];
const STATUSES: readonly unknown[] = ["new", "up", "late", "down"];
const REASONS: readonly unknown[] = ["never-started", "missed", "overdue", "run-overdue"];
const GREATEST = Number.MAX_SAFE_INTEGER;

/** Says what is known of a local robot at the time of sending. */
export function summarize(robot: LocalRobot, now: Now): WireSummary {
  const wire: Record<string, string | number> = {
    r: robot.id,
    n: robot.beatSeq,
    c: robot.count,
    t: ageOf(robot.since, now),
  };
  if (robot.last !== undefined) wire["a"] = ageOf(robot.last, now);
  if (robot.kind !== "beat") wire["k"] = robot.kind;
  if (robot.health !== "ok") wire["h"] = robot.health;
  if (robot.status !== "up") wire["s"] = robot.status;
  if (robot.reason !== undefined) wire["y"] = robot.reason;
  if (robot.schedule.type === "every") wire["e"] = robot.schedule.everyMs;
  if (robot.due !== undefined) wire["d"] = Math.max(0, Math.floor(robot.due.wallMs));
  if (robot.run !== undefined) wire["g"] = 1;
  if (robot.floating) wire["f"] = 1;
  return wire;
}

/** Reads the summaries of one pulse; undefined when any of them is malformed or named twice. Unknown keys are ignored (rule SG2). */
export function decodeSummaries(beats: unknown): readonly BeatSummary[] | undefined {
  if (!Array.isArray(beats) || beats.length > SUMMARIES_PER_PULSE_MAX) return undefined;
  const seen = new Set<RobotId>();
  const summaries: BeatSummary[] = [];
  for (const value of beats as readonly unknown[]) {
    const summary = decodeSummary(value);
    if (summary === undefined || seen.has(summary.robot)) return undefined;
    seen.add(summary.robot);
    summaries.push(summary);
  }
  return summaries;
}

function decodeSummary(value: unknown): BeatSummary | undefined {
  if (!isMap(value)) return undefined;
  const { r, n, a, c, k = "beat", h = "ok", s = "up", t, y, d, e, g, f, j } = value;
  const wellFormed =
    isRobotId(r) &&
    isIntegerIn(n, 0, GREATEST) &&
    isIntegerIn(c, n, GREATEST) &&
    isIntegerIn(t, 0, AGE_MS_MAX) &&
    (a === undefined || isIntegerIn(a, 0, AGE_MS_MAX)) &&
    (d === undefined || isIntegerIn(d, 0, GREATEST)) &&
    (e === undefined || isIntegerIn(e, SCHEDULE_MS_MIN, SCHEDULE_MS_MAX)) &&
    HEALTHS.includes(h) &&
    STATUSES.includes(s) &&
    typeof k === "string";
  if (!wellFormed) return undefined;
  // A home that never heard the robot cannot call it alive.
  if (a === undefined && (n > 0 || s === "up" || s === "late")) return undefined;
  return {
    robot: r,
    beatSeq: n,
    ageMs: a,
    count: c,
    // A later version may know further kinds and reasons: show what we can.
    kind: KINDS.includes(k) ? (k as BeatKind) : "beat",
    health: h as Health,
    status: s as LocalStatus,
    reason: REASONS.includes(y) ? (y as RobotReason) : undefined,
    sinceAgeMs: t,
    dueWallMs: d,
    everyMs: e,
    started: g === 1,
    floating: f === 1,
    regularity: readWireDigest(j),
  };
}

function ageOf(date: Now, now: Now): number {
  // A clock that was wrong when the row was written must not make the whole pulse malformed.
  return Math.min(Math.max(0, Math.round(now.monoMs - date.monoMs)), AGE_MS_MAX);
}
