/**
 * What a home says of a robot's regularity in its pulses (rule RG7): whole numbers in a list, about 25 bytes, sent rarely. So any node
 * can show it, up to some minutes old.
 */
import type { RobotRegularity } from "../view/regularity.ts";
import { SCORE_MAX } from "../view/regularity.ts";
import { isIntegerIn } from "../wire/fields.ts";

/** Digests in one pulse: they must not crowd out beats. */
export const DIGESTS_PER_PULSE_MAX: number = 16;
/** A robot's digest is said once in so many seconds at most. */
export const DIGEST_EVERY_SECONDS: number = 60;

/**
 * `[0 interval | 1 lateness, samples, usual, newest, jitter, drift, early, late, allowance, newest score, silence score]`: milliseconds,
 * scores in tenths, null for unknown.
 */
export type WireDigest = readonly (number | null)[];

/** A digest as it was said. */
export type RegularityDigest = Omit<RobotRegularity, "asOfWallMs">;

const MEASURES = ["interval", "lateness"] as const;
/** 100 years, as for ages. */
const MS_MOST = 3_155_760_000_000;
const COUNT_MOST = 1_000_000;
const TENTHS = 10;

export function toWireDigest(regularity: RobotRegularity): WireDigest {
  return [
    MEASURES.indexOf(regularity.measures),
    regularity.samples,
    regularity.usualMs ?? null,
    regularity.newestMs ?? null,
    regularity.jitterMs ?? null,
    regularity.driftMs ?? null,
    regularity.early,
    regularity.late,
    regularity.lateAllowanceMs,
    tenths(regularity.newestScore),
    tenths(regularity.silenceScore),
  ];
}

/** Reads a digest of anybody; undefined where it is none. A later version may say more behind it. */
export function readWireDigest(value: unknown): RegularityDigest | undefined {
  if (!Array.isArray(value)) return undefined;
  const [kind, samples, usual, newest, jitter, drift, early, late, allowance, said, silent] =
    value as readonly unknown[];
  const measures = kind === 0 || kind === 1 ? MEASURES[kind] : undefined;
  const isWhole =
    measures !== undefined &&
    isCount(samples) &&
    isCount(early) &&
    isCount(late) &&
    isIntegerIn(allowance, 0, MS_MOST) &&
    isMs(usual) &&
    isMs(newest) &&
    isMs(jitter) &&
    isMs(drift) &&
    isScore(said) &&
    isScore(silent);
  if (!isWhole) return undefined;
  return {
    measures,
    samples,
    usualMs: usual ?? undefined,
    newestMs: newest ?? undefined,
    jitterMs: jitter ?? undefined,
    driftMs: drift ?? undefined,
    early,
    late,
    lateAllowanceMs: allowance,
    newestScore: said === null ? undefined : said / TENTHS,
    silenceScore: silent === null ? undefined : silent / TENTHS,
  };
}

function tenths(score: number | undefined): number | null {
  return score === undefined ? null : Math.round(score * TENTHS);
}

function isCount(value: unknown): value is number {
  return isIntegerIn(value, 0, COUNT_MOST);
}

function isMs(value: unknown): value is number | null {
  return value === null || isIntegerIn(value, -MS_MOST, MS_MOST);
}

function isScore(value: unknown): value is number | null {
  return value === null || isIntegerIn(value, 0, SCORE_MAX * TENTHS);
}
