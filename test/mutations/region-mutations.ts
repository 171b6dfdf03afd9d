/** Broken rules of regions that are out of reach (rule VE4). */
import type { Killer, Mutation } from "./mutation.ts";

const LIVENESS = "packages/core/src/liveness/";
const REGIONS = `${LIVENESS}regions.ts`;

const unit = (file: string): Killer => ({ project: "unit", file });
const regions = unit(`${LIVENESS}regions.test.ts`);
const cuts = unit(`${LIVENESS}region-cuts.test.ts`);

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
    search: "const fromMonoMs = silentMonoMs + REGION_SIGN_INTERVALS * subject.intervalMs;",
    replacement: "const fromMonoMs = silentMonoMs - REGION_SIGN_INTERVALS * subject.intervalMs;",
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
    search: "return date - outage.signMonoMs < slackMs;",
    replacement: "return date - outage.signMonoMs < slackMs - 1_000_000;",
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
    search: "Math.min(REGION_ACCUSERS, this.#living(from).length)",
    replacement: "Math.min(REGION_ACCUSERS - 1, this.#living(from).length)",
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
    id: "region-pace-unheeded",
    rules: ["VE4", "P2"],
    breaks: "when a slow region was lost is taken to be when it pulsed last",
    file: REGIONS,
    search:
      "const slackMs = REGION_SIGN_INTERVALS * Math.max(about.intervalMs, outage.intervalMs);",
    replacement:
      "const slackMs = REGION_SIGN_INTERVALS * Math.min(about.intervalMs, outage.intervalMs);",
    killer: cuts,
  },
  {
    id: "region-by-recordings",
    rules: ["VE4", "P3"],
    breaks:
      "what a node said before its region was lost is a sign of its life when it is handed over",
    file: REGIONS,
    search: "return track?.saidMonoMs ?? Number.NEGATIVE_INFINITY;",
    replacement: "return track?.spokeMonoMs ?? Number.NEGATIVE_INFINITY;",
    killer: cuts,
  },
  {
    id: "region-by-refuted",
    rules: ["VE4", "PU8"],
    breaks: "accusations that were answered by newer pulses make a region lost",
    file: REGIONS,
    search:
      "if (this.regionOf(accuser) === region && comparePulseNames(name, subject.newestName) === 0)",
    replacement: "if (this.regionOf(accuser) === region && name.seq >= 0)",
    killer: cuts,
  },
  {
    id: "region-flaps",
    rules: ["VE4", "P6"],
    breaks: "a region that comes and goes is said to be lost each time",
    file: REGIONS,
    search: "if (this.#returning.has(region)) continue;",
    replacement: 'if (region === "") continue;',
    killer: cuts,
  },
  {
    id: "region-alone-sure",
    rules: ["VE4", "VE2", "P8"],
    breaks: "the only node of a region that hears nobody takes itself for the fleet",
    file: `${LIVENESS}electorate.ts`,
    search: "return (this.roster - lost.length) * 2 > this.roster;",
    replacement: "return this.roster > lost.length;",
    killer: cuts,
  },
  {
    id: "region-unseen-by-observers",
    rules: ["VE4", "VE1"],
    breaks: "an observer in a region without members never sees a region lost",
    file: REGIONS,
    search: "if (this.membersOf(own).length > 0) return own;",
    replacement: 'if (own !== "") return own;',
    killer: unit(`${LIVENESS}region-observers.test.ts`),
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
