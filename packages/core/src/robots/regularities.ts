/**
 * How regularly the robots of this node beat: what counts as a sample, and what is said of them (rules RG1 … RG7).
 *
 * Intuition: a sample lies between two arrivals that this node itself saw come, with nothing in between that makes the time between them
 * somebody else's. Whatever casts doubt on an arrival (a stall of this node, a start, a spooled or coalesced beat, a wall step under a cron
 * line) takes the anchor away; the next clean arrival sets it again and is no sample. So a doubt costs samples, and never makes a wrong one.
 */
import type { StoreRow } from "../driver/store.ts";
import type { Env } from "../env.ts";
import type { Now } from "../now.ts";
import type { CronPort } from "../ports.ts";
import type { RobotRegularity } from "../view/regularity.ts";
import type { DatedBeat } from "./apply-beat.ts";
import type { WireSummary } from "./beat-summary.ts";
import { lateAllowanceMs } from "./deadlines.ts";
import { IntervalBook } from "./interval-book.ts";
import type { LocalRobot } from "./local-robot.ts";
import { DIGEST_EVERY_SECONDS, DIGESTS_PER_PULSE_MAX, toWireDigest } from "./regularity-digest.ts";
import {
  anomalyScore,
  countBelow,
  driftOf,
  medianOf,
  sortNumbers,
  spreadOf,
} from "./regularity-figures.ts";
import { REGULARITY_EVERY_SECONDS, RegularityRows } from "./regularity-rows.ts";

/** A robot as it stood before a contact. */
export type BeforeContact = Readonly<Pick<LocalRobot, "status" | "due" | "run" | "allowanceMs">>;

/** Cron lines count in minutes, and machines' clocks differ. */
const CRON_RESOLUTION_MS = 1_000;
/** Intervals that differ by less than this part of the usual one are not told apart. */
const INTERVAL_RESOLUTION = 0.01;
/** An interval is early below this part of the usual one, or of `every` where that is less: most robots beat more often than they must. */
const EARLY_PART = 0.5;
const NO_PLACE = -1;

export class Regularities {
  readonly #cron: CronPort;
  readonly #book = new IntervalBook();
  readonly #rows: RegularityRows;
  #digestsLeft = 0;

  constructor(env: Env) {
    this.#cron = env.ports.cron;
    this.#rows = new RegularityRows(env);
  }

  /** Takes a stored row before {@link start}; returns false when it is damaged. Others are ignored. */
  restore(row: StoreRow): boolean {
    return this.#rows.restore(row);
  }

  /** A robot that was on disk. Monotonic dates of before mean nothing for an interval; cron goes by the wall clock, which went on. */
  start(robot: LocalRobot): void {
    const page = this.#rows.take(robot);
    if (page === undefined) return;
    const place = this.#placeOf(robot);
    this.#book.setPage(place, page);
    if (robot.schedule.type === "cron") this.#book.setAnchor(place, robot.last?.monoMs);
  }

  /** All robots are started. */
  endRestore(): void {
    this.#rows.endRestore();
  }

  /** A robot that is hosted here no more; its row goes with its others. */
  forget(robot: LocalRobot): void {
    if (robot.place === NO_PLACE) return;
    this.#book.close(robot.place);
    robot.place = NO_PLACE;
  }

  /** Another schedule: whatever was learned was learned of another robot, so to speak. */
  restart(robot: LocalRobot): void {
    if (robot.place === NO_PLACE) return;
    this.#book.clear(robot.place);
    this.#rows.delete(robot);
  }

  /** The time that goes on is no sample: this node was away, or the wall clock stepped under a cron line. */
  doubt(robot: LocalRobot): void {
    if (robot.place !== NO_PLACE) this.#book.setAnchor(robot.place, undefined);
  }

  /** The same for all robots. */
  doubtAll(): void {
    this.#book.dropAnchors();
  }

  /**
   * Takes a contact that moved the newest one, once the robot's next due time is known.
   *
   * @param isClean whether it was taken alone, and by a node that was awake
   */
  onContact(
    robot: LocalRobot,
    beat: DatedBeat,
    before: BeforeContact,
    isClean: boolean,
    now: Now,
  ): void {
    if (!isClean || !beat.live) return this.doubt(robot);
    // The end of a run belongs to its start.
    if (before.run !== undefined && robot.run === undefined) return;
    const place = this.#placeOf(robot);
    const anchorMonoMs = this.#book.anchorMonoMs(place);
    this.#book.setAnchor(place, beat.at.monoMs);
    if (anchorMonoMs === undefined || before.allowanceMs > 0) return;
    const spanMs = beat.at.monoMs - anchorMonoMs;
    const sampleMs = this.#sampleOf(robot, before.due, beat.at, spanMs);
    if (sampleMs === undefined) return;
    this.#book.push(place, sampleMs, wasLate(robot, before));
    const { schedule } = robot;
    if (schedule.type === "every") {
      const greatestMs = this.#book.greatestMs(place, 2 * schedule.everyMs);
      robot.jitterMs = lateAllowanceMs(schedule.everyMs, greatestMs);
    }
    const nowSeconds = monoSeconds(now);
    if (this.#book.secondsSince(place, "written", nowSeconds) < REGULARITY_EVERY_SECONDS) return;
    this.#book.setDone(place, "written", nowSeconds);
    this.#rows.write(robot, this.#book.page(place));
  }

  /** What is known of a robot that this node hosts. */
  view(robot: LocalRobot, now: Now): RobotRegularity {
    const { schedule, place } = robot;
    const isEvery = schedule.type === "every";
    const samples = place === NO_PLACE ? [] : this.#book.samples(place);
    const sorted = sortNumbers([...samples]);
    const usual = medianOf(sorted);
    const newest = samples.at(-1);
    const resolution = isEvery ? INTERVAL_RESOLUTION * (usual ?? 0) : CRON_RESOLUTION_MS;
    const tooEarlyMs = isEvery
      ? EARLY_PART * Math.min(schedule.everyMs, usual ?? Infinity)
      : -CRON_RESOLUTION_MS;
    return {
      measures: isEvery ? "interval" : "lateness",
      samples: samples.length,
      usualMs: whole(usual),
      newestMs: whole(newest),
      jitterMs: whole(usual === undefined ? undefined : spreadOf(sorted, usual)),
      driftMs: whole(driftOf(samples, this.#ringMedians(place))),
      early: countBelow(sorted, tooEarlyMs),
      late: place === NO_PLACE ? 0 : this.#book.lateCount(place),
      lateAllowanceMs: robot.jitterMs,
      newestScore: newest === undefined ? undefined : scoreOfNewest(sorted, newest, resolution),
      silenceScore: this.#silenceScore(robot, sorted, resolution, now),
      asOfWallMs: Math.floor(now.wallMs),
    };
  }

  /** A pulse begins: so many digests may go with it. */
  beginPulse(): void {
    this.#digestsLeft = DIGESTS_PER_PULSE_MAX;
  }

  /** Adds the digest to what a pulse says of a robot, where it is time. {@link onSaid} tells that it was said. */
  withDigest(summary: WireSummary, robot: LocalRobot, now: Now): WireSummary {
    const { place } = robot;
    if (this.#digestsLeft <= 0 || place === NO_PLACE || this.#book.count(place) === 0)
      return summary;
    const agoSeconds = this.#book.secondsSince(place, "said", monoSeconds(now));
    if (agoSeconds < DIGEST_EVERY_SECONDS) return summary;
    this.#digestsLeft -= 1;
    return { ...summary, j: toWireDigest(this.view(robot, now)) };
  }

  onSaid(robot: LocalRobot, now: Now): void {
    this.#book.setDone(robot.place, "said", monoSeconds(now));
  }

  /** What a contact `spanMs` after the one before measures; undefined when it was an outage, or no run of its own. */
  #sampleOf(robot: LocalRobot, due: Now | undefined, at: Now, spanMs: number): number | undefined {
    const { schedule } = robot;
    if (schedule.type === "every") {
      const { everyMs, missed, graceMs } = schedule;
      return spanMs <= Math.max(2 * everyMs, everyMs * missed + graceMs) ? spanMs : undefined;
    }
    if (due === undefined || robot.due === undefined) return undefined;
    const lateMs = at.monoMs - due.monoMs;
    // Nearer to its due time than to the run before.
    if (lateMs >= 0 && 2 * lateMs <= spanMs) return lateMs;
    const earlyMs = robot.due.monoMs - at.monoMs;
    if (4 * earlyMs > spanMs) return undefined;
    // Runs that were left out make every span long.
    const { line, timeZone } = schedule;
    const isNext =
      lateMs < 0 || this.#cron.nextDueWallMs(line, timeZone, due.wallMs) === robot.due.wallMs;
    return isNext ? -earlyMs : undefined;
  }

  #silenceScore(
    robot: LocalRobot,
    sorted: readonly number[],
    resolution: number,
    now: Now,
  ): number | undefined {
    const sinceMonoMs = robot.schedule.type === "every" ? this.#anchorOf(robot) : robot.due?.monoMs;
    if (sinceMonoMs === undefined || robot.last === undefined) return undefined;
    const silentMs = now.monoMs - sinceMonoMs - robot.allowanceMs;
    // It may end at any moment: to be short is not unusual for it.
    const score = anomalyScore(sorted, silentMs, resolution);
    return score !== undefined && silentMs < (medianOf(sorted) ?? 0) ? 0 : score;
  }

  #anchorOf({ place }: LocalRobot): number | undefined {
    return place === NO_PLACE ? undefined : this.#book.anchorMonoMs(place);
  }

  #ringMedians(place: number): readonly number[] {
    return place === NO_PLACE ? [] : this.#book.ringMedians(place);
  }

  #placeOf(robot: LocalRobot): number {
    if (robot.place === NO_PLACE) robot.place = this.#book.open();
    return robot.place;
  }
}

/** For cron the schedule's word is the grace: every run ends after its due time. */
function wasLate({ schedule }: LocalRobot, { status }: BeforeContact): boolean {
  return status === "down" || (schedule.type === "every" && status === "late");
}

function scoreOfNewest(
  sorted: readonly number[],
  newest: number,
  resolution: number,
): number | undefined {
  const own = sorted.indexOf(newest);
  return anomalyScore(sorted.toSpliced(own, 1), newest, resolution);
}

function monoSeconds(now: Now): number {
  return Math.floor(now.monoMs / 1_000);
}

function whole(valueMs: number | undefined): number | undefined {
  // Adding 0 makes a whole number of what would be -0.
  return valueMs === undefined ? undefined : Math.round(valueMs) + 0;
}
