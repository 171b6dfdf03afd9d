/** Tells of the statuses of nodes that have changed within an input: readers by events, the audit log, and the robots of those nodes. */
import type { AuditLog } from "./audit/audit-log.ts";
import type { Env } from "./env.ts";
import type { NodeId } from "./ids.ts";
import type { Liveness } from "./liveness/liveness.ts";
import type { MeshListener } from "./mesh-listener.ts";
import type { Now } from "./now.ts";
import type { Membership } from "./roster/membership.ts";
import type { Status } from "./view/status.ts";

/** Flips of one node that the audit log takes in a second. */
export const NODE_FLIPS_AUDITED_PER_SECOND_MAX: number = 3;

export interface NodeReportsDeps {
  readonly env: Env;
  readonly audit: AuditLog;
  readonly membership: Membership;
  readonly listener: MeshListener;
  readonly liveness: Liveness;
  readonly changed: (node: NodeId, now: Now) => void;
}

export class NodeReports {
  readonly #deps: NodeReportsDeps;

  constructor(deps: NodeReportsDeps) {
    this.#deps = deps;
  }

  /** Tells of all changes since the last call. */
  take(now: Now): void {
    const { listener } = this.#deps;
    for (const { node, from } of listener.takeStatusChanges()) this.#report(node, from, now);
    const quietFrom = listener.takeQuietChange();
    if (quietFrom !== undefined) this.#reportQuiet(quietFrom, now);
  }

  #report(node: NodeId, from: Status, now: Now): void {
    const { env, audit, liveness, changed } = this.#deps;
    const subject = liveness.subject(node);
    if (subject === undefined) return;
    const { status: to, reason } = subject;
    env.out.emit({ type: "node-status", node, from, to, reason, atWallMs: now.wallMs });
    // A member that flips on purpose must not fill everybody's disk (promise P6); its status itself is never held back.
    if (subject.auditRate.admit(now.monoMs, NODE_FLIPS_AUDITED_PER_SECOND_MAX))
      audit.append("node-status", { node, from, to, reason: reason ?? null }, now);
    changed(node, now);
  }

  /** In a large fleet: what is said of all of whom nobody speaks has changed at once; it says something about this node, and is not audited. */
  #reportQuiet(from: Status, now: Now): void {
    const { env, liveness, membership, changed } = this.#deps;
    for (const { node } of membership.members()) {
      if (node === env.identity.self || liveness.subject(node) !== undefined) continue;
      const standing = liveness.quietStanding(node);
      if (standing === undefined || standing.status === from) continue;
      const { status: to, reason } = standing;
      env.out.emit({ type: "node-status", node, from, to, reason, atWallMs: now.wallMs });
      changed(node, now);
    }
  }
}
