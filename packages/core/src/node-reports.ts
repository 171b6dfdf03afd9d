/** Tells of the statuses of nodes that have changed within an input: readers by events, the audit log, and the robots of those nodes. */
import type { AuditLog } from "./audit/audit-log.ts";
import type { Env } from "./env.ts";
import type { NodeId } from "./ids.ts";
import type { Liveness } from "./liveness/liveness.ts";
import type { QuietStanding } from "./liveness/quiet.ts";
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
    for (const region of listener.takeRegionChanges()) this.#reportRegion(region, now);
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

  /** In a large fleet: of those members of a region that was lost, or is back, that nobody speaks of. */
  #reportRegion(region: string, now: Now): void {
    const { liveness } = this.#deps;
    for (const { node } of liveness.electorate.regions.membersOf(region)) {
      if (liveness.subject(node) !== undefined) continue;
      const to = liveness.quiet.ofMember(node);
      if (to === undefined) continue;
      const isLost = to.reason === "region-unreachable";
      const from = isLost ? liveness.quiet.status : "unknown";
      if (from !== to.status) this.#emitQuiet(node, from, to, now);
    }
  }

  #emitQuiet(node: NodeId, from: Status, { status: to, reason }: QuietStanding, now: Now): void {
    const { env, changed } = this.#deps;
    env.out.emit({ type: "node-status", node, from, to, reason, atWallMs: now.wallMs });
    changed(node, now);
  }

  /** In a large fleet: what is said of all of whom nobody speaks has changed at once; it says something about this node, and is not audited. */
  #reportQuiet(from: Status, now: Now): void {
    const { env, liveness, membership } = this.#deps;
    for (const { node } of membership.members()) {
      if (node === env.identity.self || liveness.subject(node) !== undefined) continue;
      const standing = liveness.quiet.ofMember(node);
      if (standing === undefined || standing.status === from) continue;
      // Of those that are lost for another reason it was and is `unknown`.
      if (standing.status === "unknown" && liveness.electorate.regions.isApart(node)) continue;
      this.#emitQuiet(node, from, standing, now);
    }
  }
}
