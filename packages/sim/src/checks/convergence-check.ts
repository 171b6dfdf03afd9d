/**
 * P1: nodes that hold the same show the same. Looked at once, at the end of a run: when everything is healed and synced, all live honest
 * nodes that reach each other must export equal documents. While a run lasts nobody compares: an export costs the whole document.
 */
import { createHash } from "node:crypto";
import type { Fleet } from "../fleet/fleet.ts";
import type { SimNode } from "../fleet/sim-node.ts";
import type { Check } from "./check.ts";

export class ConvergenceCheck implements Check {
  readonly #fleet: Fleet;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  end(): void {
    const { nodes, truth, hostile } = this.#fleet;
    const live = nodes.filter(({ index }) => truth.isLive(index) && !hostile.has(index));
    const groups = new Map<string, number[]>();
    for (const node of live) {
      const hash = documentHash(node);
      groups.set(hash, [...(groups.get(hash) ?? []), node.index]);
    }
    const first = live[0];
    const isOnePiece =
      first !== undefined && live.every(({ index }) => truth.reach(first.index).includes(index));
    if (groups.size <= 1 || !isOnePiece) return;
    const text = [...groups]
      .map(([hash, members]) => `${hash.slice(0, 8)}: ${members.join(",")}`)
      .join("; ");
    this.#fleet.report("P1", `documents differ at the end: ${text}`);
  }
}

/** SHA-256 of a node's canonical export. */
function documentHash(node: SimNode): string {
  const bytes = node.core?.exportDocument() ?? new Uint8Array();
  return createHash("sha256").update(bytes).digest("hex");
}
