/** Document `roster` over the chains: one record a node, of which only `/retired` is read (rule VE1). */
import type { Chains } from "../chain/chains.ts";
import type { CommandErrorCode } from "../command.ts";
import type { NodeId } from "../ids.ts";
import type { Json } from "../json.ts";
import type { Now } from "../now.ts";
import type { RosterDocument } from "./node-retirements.ts";

const RETIRED = "/retired";

export class ChainRoster implements RosterDocument {
  readonly #chains: Chains;

  constructor(chains: Chains) {
    this.#chains = chains;
  }

  nodes(): readonly NodeId[] {
    return this.#chains.recordsOf("roster").robots();
  }

  read(node: NodeId): { readonly value: Json | undefined; readonly author: NodeId | undefined } {
    const records = this.#chains.recordsOf("roster");
    return {
      value: records.record(node)[RETIRED.slice(1)],
      author: records.table.authorOf(node, RETIRED),
    };
  }

  write(node: NodeId, value: Json, now: Now): CommandErrorCode | undefined {
    this.#chains.openRoster(now);
    const result = this.#chains.recordsOf("roster").write(node, new Map([[RETIRED, value]]), now);
    return result.ok ? undefined : result.code;
  }
}
