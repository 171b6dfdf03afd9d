/** Counts the verdicts of one round that must not be: whoever watches is asked again when all are back, so that waking up counts too. */
import type { TappedEvent } from "./event-tap.ts";

export function isDown({ type, data }: TappedEvent): boolean {
  return type === "node-status" && data["to"] === "down";
}

/** A verdict that must not be. */
export interface WrongVerdict {
  /** Index of the node that said so. */
  readonly by: number;
  readonly nodeId: unknown;
  readonly atMs: number;
}

/**
 * `down` of anybody but the victim, and of the victim more than once by one node.
 * @param seen What each node said since the victim was struck.
 */
export function wrongVerdicts(
  seen: readonly (readonly TappedEvent[])[],
  victimId: string | undefined,
): readonly WrongVerdict[] {
  return seen.flatMap((events, by) => {
    const downs = events.filter(isDown);
    const right = downs.findIndex(({ data }) => data["node_id"] === victimId);
    return downs
      .filter((_, index) => index !== right)
      .map(({ data, atMs }) => ({ by, nodeId: data["node_id"], atMs }));
  });
}
