/** Plans a fault on a fleet's clock. */
import type { Fleet } from "../fleet/fleet.ts";
import type { Fault } from "./fault.ts";

/** How long a planned stop is announced for, as the command line does (rule VE9). */
const RESTART_WITHIN_MS = 60_000;

export function applyFault(fleet: Fleet, fault: Fault): void {
  fleet.at(fault.atMs, () => begin(fleet, fault));
}

function begin(fleet: Fleet, fault: Fault): void {
  switch (fault.type) {
    case "crash":
      fleet.node(fault.node).stop(fault.how);
      if (fault.isDiskLost === true) fleet.replaceDisk(fault.node);
      if (fault.pulseEveryMs !== undefined)
        fleet.node(fault.node).configure({ pulseEveryMs: fault.pulseEveryMs });
      startLater(fleet, fault.node, fault.downMs);
      break;
    case "stop":
      stopPlanned(fleet, fault);
      break;
    case "stall":
      fleet.node(fault.node).stall(fault.forMs, fault.isSuspended);
      break;
    case "cut":
      cut(fleet, fault);
      break;
    case "loss":
      fleet.network.links.loseAt(fault.node, fault.direction, fault.share);
      fleet.at(fleet.nowMs + fault.forMs, () =>
        fleet.network.links.loseAt(fault.node, fault.direction, 0),
      );
      break;
    case "delay":
      fleet.network.links.delayAt(fault.node, fault.byMs, fault.overMs);
      fleet.at(fleet.nowMs + fault.forMs, () => fleet.network.links.delayAt(fault.node, 0, 0));
      break;
    case "mute":
      fleet.truth.mute(fault.node, true);
      fleet.at(fleet.nowMs + fault.forMs, () => fleet.truth.mute(fault.node, false));
      break;
    case "step":
      fleet.node(fault.node).clock.stepWall(fault.byMs);
      fleet.truth.disturb(fault.node);
      break;
  }
}

function stopPlanned(fleet: Fleet, fault: Extract<Fault, { readonly type: "stop" }>): void {
  const node = fleet.node(fault.node);
  fleet.truth.disturb(fault.node);
  node.command({ type: "stop", mode: fault.mode, restartWithinMs: RESTART_WITHIN_MS }, () => {
    // The reply is an effect among others: the process ends once all of them are carried out.
    fleet.at(fleet.nowMs + 1, () => {
      node.stop("kill");
      if (fault.mode === "leave") fleet.truth.left(fault.node);
      else fleet.truth.absent(fault.node, fleet.nowMs + RESTART_WITHIN_MS);
      if (fault.mode === "pause") startLater(fleet, fault.node, fault.downMs);
    });
  });
}

function startLater(fleet: Fleet, node: number, downMs: number): void {
  if (Number.isFinite(downMs)) fleet.at(fleet.nowMs + downMs, () => fleet.node(node).start());
}

function cut(fleet: Fleet, fault: Extract<Fault, { readonly type: "cut" }>): void {
  const { groupA, isOneWay, isSilent } = fault;
  const inside = new Set(groupA);
  const others = fleet.nodes.map(({ index }) => index).filter((index) => !inside.has(index));
  const groupB = fault.groupB.length > 0 ? fault.groupB : others;
  const pairs = groupA.flatMap((a) => groupB.map((b) => [a, b] as const));
  for (const [a, b] of pairs) fleet.cut(a, b, { isSilent, isOneWay });
  fleet.at(fleet.nowMs + fault.forMs, () => {
    for (const [a, b] of pairs) fleet.heal(a, b, { isOneWay });
  });
}
