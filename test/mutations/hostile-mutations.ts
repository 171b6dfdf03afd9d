/** Broken rules of what an operator is told: that somebody was refused, contradicted himself, or lied about this node. */
import type { Killer, Mutation } from "./mutation.ts";

const CORE = "packages/core/src/";

const unit = (file: string): Killer => ({ project: "unit", file });
const refusals = unit(`${CORE}audit/refusals.test.ts`);

export const hostileMutations: readonly Mutation[] = [
  {
    id: "refusals-unaudited",
    rules: ["AU2"],
    breaks: "what is refused of others' chains is counted, and stands in no audit log",
    file: `${CORE}chain/chains.ts`,
    search: "hooks.refused?.(reason, from, now);",
    replacement: "void [hooks, now];",
    killer: refusals,
  },
  {
    id: "fork-unaudited",
    rules: ["CH5"],
    breaks: "that an author wrote two entries for one place stands in no audit log",
    file: `${CORE}chain/forks.ts`,
    search: "this.#hooks.forked?.(entry, now);",
    replacement: "void now;",
    killer: refusals,
  },
  {
    id: "beyond-grant-unsaid",
    rules: ["ME3"],
    breaks: "nobody is told that a member writes about robots beyond its grant",
    file: `${CORE}chain/chain-store.ts`,
    search: "if (robots.every((robot) => this.#rights.covers(document, author, robot))) return;",
    replacement: "if (robots.every((robot) => [document, author, robot].length > 0)) return;",
    killer: refusals,
  },
  {
    id: "accusation-unsaid",
    rules: ["VE3"],
    breaks: "a node that lives does not say who accuses it",
    file: `${CORE}liveness/neighbourhood.ts`,
    search: "if (statement.name.boot === this.pulses.boot)",
    replacement: "if (statement.name.boot === -this.pulses.boot)",
    killer: refusals,
  },
  {
    id: "overheard-grant-as-none",
    rules: ["ME3"],
    breaks: "who presents a grant that he has overheard is counted as one who presents none",
    file: `${CORE}authority/authority-keeper.ts`,
    search: 'authority.take(grant).status === "refused" ? "grant-unknown" : "grant-foreign";',
    replacement: 'authority.take(grant).status === "refused" ? "grant-unknown" : undefined;',
    killer: unit(`${CORE}authority/authority-keeper.test.ts`),
  },
  {
    id: "flood-uncounted",
    rules: ["P6"],
    breaks: "statements beyond the rate of a peer are dropped, and nobody is told",
    file: `${CORE}authority/authority-keeper.ts`,
    search: 'return this.#refuse("rate", from, now);',
    replacement: 'return "ignore";',
    killer: unit(`${CORE}authority/authority-keeper.test.ts`),
  },
  {
    id: "guesses-uncounted",
    rules: ["ME7"],
    breaks: "who asks an issuer in vain is counted nowhere",
    file: "packages/node/src/authority/issuing.ts",
    search: "turnedAway(error.code);",
    replacement: "void turnedAway;",
    killer: unit("packages/node/src/authority/issuing.test.ts"),
  },
  {
    id: "flood-holds-timers",
    rules: ["P6", "PU6"],
    breaks: "whoever floods a node's sockets keeps it from pulsing",
    file: "packages/node/src/driver/timers.ts",
    search: "const mayWait = turn < LATE_TURNS_MAX && this.#deps.clock.now().monoMs < untilMonoMs;",
    replacement: "const mayWait = turn < LATE_TURNS_MAX && untilMonoMs > 0;",
    killer: unit("packages/node/src/driver/timers.test.ts"),
  },
];
