/** The roster and this node's own confidence, put together for readers. */
import type { NodeId } from "../ids.ts";
import type { Neighbourhood } from "../liveness/neighbourhood.ts";
import type { Now } from "../now.ts";
import type { Identity } from "../ports.ts";
import type { Member, Membership } from "../roster/membership.ts";
import type { WrittenIds } from "../state/own-volume.ts";
import type { FleetView, NodeView } from "./node-view.ts";
import { outageViews } from "./outage-view.ts";

export interface FleetViewDeps {
  readonly identity: Identity;
  readonly near: Neighbourhood;
  readonly membership: Membership;
  readonly records: {
    documentHash(): string;
    writesAheadMs(now: Now): number;
    readonly writtenIds: WrittenIds | undefined;
  };
  /** Addresses that peers named when they connected. */
  readonly addresses: ReadonlyMap<NodeId, readonly string[]>;
}

export function fleetView(deps: FleetViewDeps, now: Now): FleetView {
  const { identity, near, membership } = deps;
  const { liveness, pulses } = near;
  const nodes: NodeView[] = [];
  for (const member of membership.members()) {
    if (member.node !== identity.self) nodes.push(nodeView(deps, member, now));
  }
  return {
    fleet: identity.fleet,
    self: {
      node: identity.self,
      name: identity.name,
      region: identity.region,
      boot: pulses.boot,
      doubt: liveness.doubt(now),
      twin: pulses.twins.twin,
      writesAheadMs: deps.records.writesAheadMs(now) || undefined,
      writtenIds: deps.records.writtenIds,
    },
    nodes,
    roster: liveness.electorate.roster,
    inSight: liveness.electorate.inSight(now.monoMs),
    unreachable: outageViews(liveness.electorate.regions.outages.values()),
    // Worked out when it is asked for: after a start that takes a look at every record there is.
    get documentHash(): string {
      return deps.records.documentHash();
    },
  };
}

function nodeView(deps: FleetViewDeps, member: Member, now: Now): NodeView {
  const subject = deps.near.liveness.subject(member.node);
  const standing = subject ?? deps.near.liveness.quiet.ofMember(member.node);
  const date = subject?.datedSinceBase === true ? subject.dating.newestDate : undefined;
  return {
    node: member.node,
    name: member.name,
    region: member.region,
    agent: member.agent,
    status: standing?.status ?? "unknown",
    sinceWallMs: standing?.sinceWallMs ?? now.wallMs,
    reason: standing?.reason,
    addresses: deps.addresses.get(member.node) ?? [],
    lastPulseAgeMs: date === undefined ? undefined : Math.max(0, now.monoMs - date.dateMonoMs),
    lastPulse: date?.name,
    pulseEveryMs: subject?.dating.newest === undefined ? undefined : subject.intervalMs,
    clockOffsetMs: subject?.dating.wall.medianMs,
  };
}
