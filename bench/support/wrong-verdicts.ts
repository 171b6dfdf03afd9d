/** Counts the verdicts of one round that must not be: whoever watches is asked again when all are back, so that waking up counts too. */
import type { TappedEvent } from "./event-tap.ts";

export function isDown({ type, data }: TappedEvent): boolean {
  return type === "node-status" && data["to"] === "down";
}

/**
 * `down` of anybody but the victim, and of the victim more than once by one node.
 * @param seen What each node said since the victim was struck.
 */
export function wrongVerdicts(
  seen: readonly (readonly TappedEvent[])[],
  victimId: string | undefined,
): number {
  let wrong = 0;
  for (const events of seen) {
    const downs = events.filter(isDown);
    const right = downs.some(({ data }) => data["node_id"] === victimId) ? 1 : 0;
    wrong += downs.length - right;
  }
  return wrong;
}
