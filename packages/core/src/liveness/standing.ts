/** What other parts of core ask about a node, out of what liveness follows and the roster remembers. */
import type { NodeId } from "../ids.ts";
import type { Now } from "../now.ts";
import type { NodeStanding } from "../robots/node-status-port.ts";
import type { HeardNode } from "../roster/node-retirements.ts";
import type { Membership } from "../roster/membership.ts";
import type { Subject } from "./subject.ts";

/** The verdict about a node; `quiet` is what is said of a member of a large fleet that nobody speaks of. One that left before this node started is followed no more, and has left all the same. */
export function standingOf(
  subject: Subject | undefined,
  membership: Membership,
  node: NodeId,
  now: Now,
  quiet?: NodeStanding,
): NodeStanding | undefined {
  const known = subject ?? quiet;
  if (known !== undefined) return known;
  const since = { sinceWallMs: now.wallMs, sinceMonoMs: now.monoMs };
  const ending = membership.ending(node);
  if (ending === "revoked") return { status: "left", reason: ending, ...since };
  if (membership.hasLeft(node)) {
    const reason = membership.hasRetired(node) ? "retired" : "goodbye";
    return { status: "left", reason, ...since };
  }
  return ending && { status: "unknown", reason: ending, ...since };
}

/** How a node is heard first hand; undefined when it is not followed. */
export function heardNode(subject: Subject | undefined): HeardNode | undefined {
  if (subject === undefined) return undefined;
  const { status, latch, intervalMs, silentSinceMonoMs, datedSinceBase, dating } = subject;
  const heardMonoMs = datedSinceBase ? dating.newestDate?.dateMonoMs : undefined;
  const isHeldDead = latch !== undefined && (status === "down" || status === "late");
  return { status, isHeldDead, intervalMs, silentSinceMonoMs, heardMonoMs };
}
