/** Broken rules of regions that are out of reach (rule VE4). */
import type { Killer, Mutation } from "./mutation.ts";

const LIVENESS = "packages/core/src/liveness/";
const REGIONS = `${LIVENESS}regions.ts`;

const unit = (file: string): Killer => ({ project: "unit", file });
const regions = unit(`${LIVENESS}regions.test.ts`);

export const regionMutations: readonly Mutation[] = [
  {
    id: "region-dead",
    rules: ["VE4"],
    breaks: "who is silent in a silent region is called dead",
    file: `${LIVENESS}verdict.ts`,
    search: "if (!reader.electorate.regions.isOwnSilence(subject, now))",
    replacement: "if (subject.node === reader.env.identity.self)",
    killer: regions,
  },
  {
    id: "region-sign-early",
    rules: ["VE4"],
    breaks: "a pulse of the moment in which a region fell silent shows that it is in reach",
    file: REGIONS,
    search: "this.#silentSinceMonoMs(subject) + REGION_SIGN_INTERVALS * subject.intervalMs;",
    replacement: "this.#silentSinceMonoMs(subject) - REGION_SIGN_INTERVALS * subject.intervalMs;",
    killer: regions,
  },
  {
    id: "region-votes-lost",
    rules: ["VE4"],
    breaks: "a side that lost a region judges its own no more",
    file: REGIONS,
    search: "return this.outageOf(node) === undefined;",
    replacement: "return this.#version > -2;",
    killer: regions,
  },
  {
    id: "region-silent-together",
    rules: ["VE4", "P2"],
    breaks: "who fell silent together with a region is judged without it, by both sides of one cut",
    file: REGIONS,
    search: "return laterMs < REGION_SIGN_INTERVALS * about.intervalMs;",
    replacement: "return laterMs < -1_000 * about.intervalMs;",
    killer: regions,
  },
  {
    id: "region-lost-to-the-deaf",
    rules: ["VE4", "PU6", "P8"],
    breaks: "a node that hears nobody calls all other regions lost",
    file: REGIONS,
    search: "return own.length === 1 || own.some((node) => this.#isHeard(node, now));",
    replacement: "return own.length > 0;",
    killer: regions,
  },
  {
    id: "region-by-one",
    rules: ["VE4"],
    breaks: "one accuser of a region with more calls another region lost",
    file: REGIONS,
    search: "Math.min(REGION_ACCUSERS, this.#living(this.own).length)",
    replacement: "Math.min(REGION_ACCUSERS - 1, this.#living(this.own).length)",
    killer: regions,
  },
  {
    id: "region-minority-mute",
    rules: ["VE4"],
    breaks: "the smaller side of a cut accuses nobody, and never knows which region it lost",
    file: `${LIVENESS}accuse.ts`,
    search: "witness.electorate.regions.mayAccuseUnseen(subject, now)) &&",
    replacement: "witness.electorate.isPair) &&",
    killer: regions,
  },
  {
    id: "region-pair",
    rules: ["VE4", "VE5", "P2"],
    breaks: "one of two that are left of a fleet calls the other dead",
    file: `${LIVENESS}everybody.ts`,
    search: "? majorityOf(electorate)",
    replacement: '? sightNeeded(electorate, "accuse")',
    killer: regions,
  },
  {
    id: "region-waits-for-ever",
    rules: ["VE4"],
    breaks: "a witness of another region that says nothing keeps a quorum from its verdict",
    file: `${LIVENESS}verdict.ts`,
    search: "deciding.namedMonoMs + REGION_WAIT_INTERVALS * reader.env.config.pulseEveryMs;",
    replacement: "now.monoMs + REGION_WAIT_INTERVALS * reader.env.config.pulseEveryMs;",
    killer: regions,
  },
  {
    id: "region-alike",
    rules: ["VE4"],
    breaks: "a quorum of one region does not wait for what another one knows",
    file: REGIONS,
    search: "if (regions.size !== 1) return true;",
    replacement: "if (regions.size > 0) return true;",
    killer: regions,
  },
  {
    id: "region-never-forgiven",
    rules: ["VE4", "PU8"],
    breaks:
      "what was said across a cut stands after it, and the smaller side goes on taking itself for one",
    file: `${LIVENESS}region-heal.ts`,
    search: "if (isAcross && accuser !== witness.env.identity.self) accusations.delete(accuser);",
    replacement: "if (isAcross && accuser === node) accusations.delete(accuser);",
    killer: regions,
  },
  {
    id: "sample-without-regions",
    rules: ["PU8", "VE4", "VE2"],
    breaks: "a sample that is mostly of a small region stands for the fleet",
    file: `${LIVENESS}chosen-witnesses.ts`,
    search: "members += size;",
    replacement: "members += sample.of;",
    killer: unit(`${LIVENESS}chosen-witnesses.test.ts`),
  },
];
