/**
 * Notices that `--join` names a member of another fleet than the one that the data folder belongs to. The mesh merely refuses such
 * peers and counts them; somebody who typed a join address must be told, or would wait for ever.
 */
import { PulsemeshError } from "@pulsemesh/core";
import type { PulsemeshNode } from "@pulsemesh/node";
import { setTimeout as wait } from "node:timers/promises";

const lookEveryMs = 200;
const lookForMs = 15_000;

/** What is needed of a running node. */
export type CheckedNode = Pick<PulsemeshNode, "ready" | "fleetView" | "metrics" | "fleet">;

/**
 * Watches the first seconds of a node that had a fleet before this start and was told to join.
 * @returns when a member of its own fleet is known, when there is nothing to check, or when time is over
 * @throws PulsemeshError `fleet-mismatch` when it knows nobody and only members of other fleets answered
 */
export async function refuseForeignFleet(
  node: CheckedNode,
  dataDir: string,
  join: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  // A node without a fleet adopts the one that it is given, and is not ready before it has met a member.
  if (join.length === 0 || !node.ready()) return;
  const endMs = performance.now() + lookForMs;
  while (!signal.aborted && performance.now() < endMs && node.fleetView().roster <= 1) {
    if (foreignCount(node) > 0) {
      throw new PulsemeshError(
        "fleet-mismatch",
        `Cannot join by ${join.join(", ")}: that is another fleet, and ${dataDir} belongs to fleet ${node.fleet}.`,
      );
    }
    await wait(lookEveryMs, undefined, { signal }).catch(() => {});
  }
}

function foreignCount(node: CheckedNode): number {
  return node
    .metrics()
    .filter(({ name }) => name === "rejected_total")
    .flatMap(({ samples }) => samples)
    .filter(({ labels }) => labels["reason"] === "foreign-fleet")
    .reduce((sum, { value }) => sum + value, 0);
}
