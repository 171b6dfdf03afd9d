/**
 * How regular the robots are that have this node for their home, in numbers that do not grow with them (rule RG8). No robot has a line of its
 * own: ids come and go, and would leave series behind for ever.
 */
import { UNUSUAL_SCORE, type NodeId, type RobotRegularity, type RobotView } from "@pulsemesh/core";

type State = "learning" | "usual" | "unusual";

export interface RegularityMetrics {
  readonly robots: Readonly<Record<State, number>>;
  readonly drifting: number;
  /** Jitter to the usual interval, and the greater of both scores. */
  readonly jitterRatio: MedianAndMost;
  readonly score: MedianAndMost;
}

interface MedianAndMost {
  readonly median: number;
  readonly most: number;
}

/** A drift counts beyond this part of the usual interval, and beyond so many times the jitter. */
const DRIFT_PART = 0.1;
const DRIFT_JITTERS = 2;

/** What is unusual of a robot right now: its newest sample, or its silence. */
function scoreOf({ newestScore, silenceScore }: RobotRegularity): number | undefined {
  if (newestScore === undefined) return silenceScore;
  return Math.max(newestScore, silenceScore ?? 0);
}

export function regularityMetrics(robots: readonly RobotView[], self: NodeId): RegularityMetrics {
  const counts = { learning: 0, usual: 0, unusual: 0 };
  const jitters: number[] = [];
  const scores: number[] = [];
  let drifting = 0;
  for (const { node, status, regularity } of robots) {
    // Who is down has a status that says so.
    if (node !== self || (status !== "up" && status !== "late") || regularity === undefined)
      continue;
    const score = scoreOf(regularity);
    counts[stateOf(score)] += 1;
    if (score !== undefined) scores.push(score);
    const { measures, usualMs = 0, jitterMs = 0, driftMs = 0 } = regularity;
    if (measures !== "interval" || usualMs <= 0) continue;
    jitters.push(jitterMs / usualMs);
    const sizeMs = Math.abs(driftMs);
    if (sizeMs > usualMs * DRIFT_PART && sizeMs > jitterMs * DRIFT_JITTERS) drifting += 1;
  }
  return {
    robots: counts,
    drifting,
    jitterRatio: medianAndMost(jitters),
    score: medianAndMost(scores),
  };
}

function stateOf(score: number | undefined): State {
  if (score === undefined) return "learning";
  return score >= UNUSUAL_SCORE ? "unusual" : "usual";
}

/** Both 0 where there is nothing. */
function medianAndMost(values: readonly number[]): MedianAndMost {
  const sorted = Float64Array.from(values).toSorted();
  return { median: sorted[sorted.length >> 1] ?? 0, most: sorted.at(-1) ?? 0 };
}
