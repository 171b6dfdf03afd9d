/** How regularly a robot beats, judged by its own history (rules RG1–RG7). It decides no verdict; `late` waits for its allowance (rule VE7). */

/** From this score on a beat, or a silence, is called unusual: at least twice as far from the usual as anything in the history. */
export const UNUSUAL_SCORE: number = 3;
/** Scores end here: further out says nothing more. */
export const SCORE_MAX: number = 10;

/** Figures over a robot's newest samples. Milliseconds are whole ones; undefined is what too few samples leave unsaid. */
export interface RobotRegularity {
  /** `interval`: time between two beats (schedule `every`). `lateness`: time after the due time, negative before it (cron). */
  readonly measures: "interval" | "lateness";
  /** Samples behind the figures, at most `SAMPLES_MAX`. */
  readonly samples: number;
  /** The median. */
  readonly usualMs: number | undefined;
  readonly newestMs: number | undefined;
  /** Half of the samples differ from the usual by no more than this (median absolute deviation). */
  readonly jitterMs: number | undefined;
  /** How much more the newest samples are than those long before; negative for less. */
  readonly driftMs: number | undefined;
  /** Samples that came early, and late, by the schedule. */
  readonly early: number;
  readonly late: number;
  /** By how much `late` waits beyond `every` for this robot. */
  readonly lateAllowanceMs: number;
  /** How unusual the newest sample was, 0 … {@link SCORE_MAX}. */
  readonly newestScore: number | undefined;
  /** How unusual the silence that goes on is already, 0 … {@link SCORE_MAX}. */
  readonly silenceScore: number | undefined;
  /** When the home worked this out. */
  readonly asOfWallMs: number;
}
