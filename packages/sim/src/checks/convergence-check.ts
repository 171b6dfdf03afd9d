/**
 * P1: nodes that hold the same show the same. Looked at once, at the end of a run: when everything is healed and synced, all live honest
 * nodes that reach each other must export equal documents. While a run lasts nobody compares: an export costs the whole document.
 */
import { createHash } from "node:crypto";
import type { Fleet } from "../fleet/fleet.ts";
import type { SimNode } from "../fleet/sim-node.ts";
import type { Check } from "./check.ts";

/** In larger fleets so many exports are compared, evenly spread: each costs the whole document. */
const EXPORTS_COMPARED = 64;

export class ConvergenceCheck implements Check {
  readonly #fleet: Fleet;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  end(): void {
    const { nodes, truth, hostile } = this.#fleet;
    const live = nodes.filter(({ index }) => truth.isLive(index) && !hostile.has(index));
    const groups = new Map<string, number[]>();
    const step = Math.max(1, Math.floor(live.length / EXPORTS_COMPARED));
    for (const node of live.filter((_, at) => at % step === 0)) {
      const hash = documentHash(node);
      groups.set(hash, [...(groups.get(hash) ?? []), node.index]);
    }
    if (groups.size <= 1 || !truth.isOnePiece) return;
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
