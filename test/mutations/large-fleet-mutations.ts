/** Broken rules of fleets in which each node has witnesses of its own (rule PU8). */
import type { Killer, Mutation } from "./mutation.ts";

const LIVENESS = "packages/core/src/liveness/";

const unit = (file: string): Killer => ({ project: "unit", file });
const ranking = unit(`${LIVENESS}witness-ranking.test.ts`);
const chosen = unit(`${LIVENESS}chosen-witnesses.test.ts`);
const fleet = unit(`${LIVENESS}large-fleet.test.ts`);

export const largeFleetMutations: readonly Mutation[] = [
  {
    id: "own-region-unheeded",
    rules: ["PU8"],
    breaks: "witnesses are drawn without a look at regions",
    file: `${LIVENESS}witness-ranking.ts`,
    search: "Math.max(OWN_REGION_WITNESSES, WITNESSES - elsewhere)",
    replacement: "Math.max(OWN_REGION_WITNESSES - 2, WITNESSES - elsewhere)",
    killer: ranking,
  },
  {
    id: "ranking-by-witness-alone",
    rules: ["PU8"],
    breaks: "the same few are everybody's witnesses",
    file: `${LIVENESS}witness-ranking.ts`,
    search: "mix(Math.imul(GOLDEN, subject.high) ^ witness.high) + (subject.low ^ witness.low)",
    replacement: "mix(Math.imul(GOLDEN, subject.low - subject.low) ^ witness.high) + witness.low",
    killer: ranking,
  },
  {
    id: "sample-unheeded",
    rules: ["PU8", "VE2", "P2"],
    breaks: "a witness of a large fleet accuses whoever is in sight",
    file: `${LIVENESS}chosen-witnesses.ts`,
    search: "members * 2 > roster && inSight * 2 <= members;",
    replacement: "members * 2 > roster && inSight * 2 <= members - 1_000;",
    killer: chosen,
  },
  {
    id: "told-sight-unheeded",
    rules: ["PU8", "VE2", "P2"],
    breaks: "a witness of a large fleet goes by its own subjects alone",
    file: `${LIVENESS}chosen-witnesses.ts`,
    search: "inSight: inSight + (isHere ? 1 : 0) + (sight?.inSight ?? 0),",
    replacement: "inSight: inSight + (isHere ? 1 : 0) + (sight?.of ?? 0),",
    killer: chosen,
  },
  {
    id: "accused-unheeded",
    rules: ["PU8", "VE2", "P2"],
    breaks: "a reader whose side accuses most of the fleet believes it",
    file: `${LIVENESS}chosen-witnesses.ts`,
    search: "(roster - this.#accused(counts)) * 2 > roster;",
    replacement: "roster > 0;",
    killer: chosen,
  },
  {
    id: "voices-unheeded",
    rules: ["PU8", "VE2", "P2"],
    breaks: "three of eight witnesses decide while the others say nothing or the contrary",
    file: `${LIVENESS}chosen-witnesses.ts`,
    search: "return size >= majorityOf(electorate) && accusers * 2 > size;",
    replacement: "return size >= 0;",
    killer: chosen,
  },
  {
    id: "dead-witnesses-count",
    rules: ["PU8", "VE2"],
    breaks: "witnesses that are dead stay in the electorate",
    file: `${LIVENESS}chosen-witnesses.ts`,
    search: "this.#subjects.get(witness)?.latch === undefined &&",
    replacement: "this.#subjects.size >= 0 &&",
    killer: chosen,
  },
  {
    id: "hand-over-off",
    rules: ["PU8"],
    breaks: "who was a witness until now judges no more",
    file: `${LIVENESS}chosen-witnesses.ts`,
    search: "if (!current.has(node) && wasHeard && !this.#until.has(node))",
    replacement: "if (!current.has(node) && wasHeard && this.#until.has(node))",
    killer: chosen,
  },
  {
    id: "witness-for-a-moment",
    rules: ["PU8", "P2"],
    breaks: "who was a witness for a moment goes on judging for a minute",
    file: `${LIVENESS}chosen-witnesses.ts`,
    search: "const wasHeard = wasSent && this.#subjects",
    replacement: "const wasHeard = sentLongMs > 0 && this.#subjects",
    killer: chosen,
  },
  {
    id: "quiet-at-once",
    rules: ["PU8", "PU5"],
    breaks: "a node that has just come takes whoever nobody speaks of for alive",
    file: `${LIVENESS}quiet.ts`,
    search: "const isSure = listenedMs >= this.#listenIntervals * this.#pulseEveryMs;",
    replacement: "const isSure = listenedMs >= 0;",
    killer: unit(`${LIVENESS}quiet.test.ts`),
  },
  {
    id: "no-echo-for-witnesses",
    rules: ["PU8", "PU4"],
    breaks: "a witness shows its subject nothing that it could echo",
    file: `${LIVENESS}neighbourhood.ts`,
    search: 'this.#env.out.send(author, "direct", latest);',
    replacement: 'this.#env.out.send(author, "direct", latest.subarray(0, 0));',
    killer: fleet,
  },
  {
    id: "pulses-for-all",
    rules: ["PU8"],
    breaks: "pulses of a large fleet are gossiped",
    file: `${LIVENESS}electorate.ts`,
    search: "return isNew && this.roster <= 2 * GOSSIP_ROSTER;",
    replacement: "return isNew || this.roster > GOSSIP_ROSTER;",
    killer: fleet,
  },
];
