/** What becomes of a beat that was not taken: whether trying again may help, and whom that concerns. */
import { PulsemeshClientError } from "@pulsemesh/client";

/**
 * `away`: no node could take any beat now. `robot`: not this robot's, not now. `refused`: never this beat. `closed`: nothing from us, until
 * somebody changes an address or a setting.
 */
export type BeatFate = "away" | "robot" | "refused" | "closed";

/** Statuses of nodes that cannot serve now, and of what stands in front of them. */
const away: ReadonlySet<number> = new Set([408, 502, 503, 504, 507]);
const refused: ReadonlySet<number> = new Set([400, 413, 415, 422, 431]);

export function fateOf(error: unknown): BeatFate {
  if (!(error instanceof PulsemeshClientError)) return "closed";
  const { code, status } = error;
  if (code === "node-unreachable" || code === "timed-out") return "away";
  if (code === "beats-too-many" || code === "robots-max" || status === 429) return "robot";
  if (code === "robot-unknown") return "refused";
  if (status !== undefined && away.has(status)) return "away";
  return status !== undefined && refused.has(status) ? "refused" : "closed";
}

/** Whether the same beat may be taken later. */
export function mayBeTakenLater(error: unknown): boolean {
  const fate = fateOf(error);
  return fate === "away" || fate === "robot";
}
