/** Who comes and goes is `late` (`flapping`) also while it is away, until it was away for a minute (rule PU7, ADR 0031). */
import type { Fleet } from "../fleet/fleet.ts";

const FLAP_WINDOW_MS = 600_000;
const FLAP_CLEAN_MS = 60_000;

/**
 * Until when a viewer may say so of a subject that is away, in ms of the fleet's time: a minute after it came back last, where it came back twice
 * within ten. Undefined where the viewer does not say so, or cannot have seen it.
 */
export function comesAndGoesUntilMs(
  fleet: Fleet,
  viewer: number,
  subject: number,
): number | undefined {
  const { board, nowMs, truth } = fleet;
  const isAway = truth.togetherSinceMs(viewer, subject) === Number.POSITIVE_INFINITY;
  if (!isAway || board.get(viewer, subject).reason !== "flapping") return undefined;
  const [, ...returns] = truth.togetherMs(viewer, subject);
  const recent = returns.filter((atMs) => nowMs - atMs <= FLAP_WINDOW_MS + FLAP_CLEAN_MS);
  const lastMs = recent.at(-1);
  return recent.length < 2 || lastMs === undefined ? undefined : lastMs + FLAP_CLEAN_MS;
}
