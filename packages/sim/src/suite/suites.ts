/**
 * Which scenarios are run together, as data. `short` is part of `npm test`; `full` takes hours, goes on where it was interrupted, and has what is
 * too long for every change: other seeds, larger fleets, node-hours by the thousand.
 */
import { plans } from "../plans/plans.ts";

/** One run of a suite. */
export interface Cell {
  readonly scenario: string;
  readonly nodes: number;
  readonly minutes: number;
  readonly seed: number;
}

export type SuiteName = "short" | "full";

/** A scenario at one size and length, for each of some seeds. */
interface Block {
  readonly scenario: string;
  readonly nodes: number;
  readonly minutes: number;
  readonly seeds: readonly [first: number, last: number];
}

const SHORT: readonly Block[] = [
  { scenario: "calm", nodes: 12, minutes: 2, seeds: [1, 3] },
  { scenario: "loss-5", nodes: 12, minutes: 4, seeds: [1, 1] },
  { scenario: "loss-20", nodes: 12, minutes: 4, seeds: [1, 1] },
  { scenario: "tcp-stalls", nodes: 12, minutes: 4, seeds: [1, 1] },
  { scenario: "flip-flop", nodes: 12, minutes: 4, seeds: [1, 1] },
  { scenario: "gray-loss", nodes: 12, minutes: 3, seeds: [1, 1] },
  { scenario: "gray-delay", nodes: 10, minutes: 3, seeds: [1, 1] },
  // Of a node whose pulses all came late only those knew who judged it.
  { scenario: "gray-delay", nodes: 40, minutes: 3, seeds: [1, 1] },
  { scenario: "deaf", nodes: 10, minutes: 3, seeds: [1, 1] },
  { scenario: "dead-card", nodes: 10, minutes: 4, seeds: [1, 1] },
  // Who heard nobody took the regions of which it samples one or two nodes for being in sight.
  { scenario: "many-regions", nodes: 48, minutes: 4, seeds: [1, 1] },
  { scenario: "partial-cut", nodes: 10, minutes: 3, seeds: [1, 1] },
  { scenario: "region-triangle", nodes: 10, minutes: 5, seeds: [1, 1] },
  // Here who judged nobody of the third region took itself for a minority, and a witness whose own link was cut showed its subject late.
  { scenario: "region-triangle", nodes: 40, minutes: 3, seeds: [1, 1] },
  { scenario: "self-doubt", nodes: 10, minutes: 3, seeds: [1, 1] },
  { scenario: "region-loss", nodes: 20, minutes: 5, seeds: [1, 1] },
  // With seed 3 readers held what was over for an accusation, and a dead node for alive, once the region was back. With seeds 4 and 5 who was not
  // heard in the first moments was missed: a node had no majority for a moment, and two called a living one dead for long.
  { scenario: "region-loss", nodes: 40, minutes: 5, seeds: [3, 5] },
  // Here whoever died as the region was lost was shown up until it was back, and who judged nobody else of its region took itself for cut off.
  { scenario: "region-death", nodes: 40, minutes: 4, seeds: [1, 1] },
  { scenario: "loss-20", nodes: 40, minutes: 3, seeds: [1, 1] },
  { scenario: "flip-flop", nodes: 40, minutes: 3, seeds: [1, 1] },
  { scenario: "whole-restart", nodes: 40, minutes: 3, seeds: [1, 1] },
  { scenario: "ten-crashes", nodes: 25, minutes: 2, seeds: [1, 1] },
  { scenario: "rolling-restart", nodes: 12, minutes: 3, seeds: [1, 1] },
  { scenario: "whole-restart", nodes: 12, minutes: 3, seeds: [1, 1] },
  { scenario: "resets", nodes: 10, minutes: 3, seeds: [1, 1] },
  { scenario: "maintenance", nodes: 10, minutes: 3, seeds: [1, 1] },
  { scenario: "leavers", nodes: 10, minutes: 6, seeds: [1, 1] },
  { scenario: "mute-robots", nodes: 10, minutes: 5, seeds: [1, 1] },
  // Who was cut off while robots fell silent showed them up until their homes' turns came.
  { scenario: "mute-cuts", nodes: 40, minutes: 4, seeds: [1, 1] },
  { scenario: "torn-disks", nodes: 10, minutes: 4, seeds: [1, 1] },
  { scenario: "stalls", nodes: 20, minutes: 4, seeds: [1, 1] },
  { scenario: "stalls", nodes: 40, minutes: 3, seeds: [1, 1] },
  { scenario: "clock-steps", nodes: 12, minutes: 5, seeds: [1, 1] },
  { scenario: "hostile-witnesses", nodes: 15, minutes: 4, seeds: [1, 1] },
  { scenario: "growth", nodes: 45, minutes: 12, seeds: [1, 1] },
  { scenario: "churn", nodes: 10, minutes: 6, seeds: [1, 1] },
  { scenario: "partition-24h", nodes: 4, minutes: 1_470, seeds: [1, 1] },
];

const FULL: readonly Block[] = [
  { scenario: "story", nodes: 30, minutes: 10, seeds: [1, 200] },
  ...plans
    .filter(({ name }) => !name.startsWith("partition"))
    .flatMap(({ name: scenario, minutes }): readonly Block[] => [
      { scenario, nodes: 20, minutes, seeds: [1, 20] },
      { scenario, nodes: 100, minutes, seeds: [1, 4] },
      { scenario, nodes: 200, minutes, seeds: [1, 4] },
      { scenario, nodes: 1_000, minutes, seeds: [1, 1] },
    ]),
  { scenario: "partition-1h", nodes: 20, minutes: 65, seeds: [1, 4] },
  { scenario: "partition-1h", nodes: 200, minutes: 65, seeds: [1, 1] },
  { scenario: "partition-24h", nodes: 20, minutes: 1_470, seeds: [1, 4] },
  { scenario: "partition-24h", nodes: 200, minutes: 1_470, seeds: [1, 1] },
  { scenario: "partition-7d", nodes: 20, minutes: 10_140, seeds: [1, 4] },
  // Ten thousand node-hours at 5% loss (DESIGN §9), and enough at 20% to see one in a thousand.
  { scenario: "loss-5", nodes: 1_000, minutes: 10, seeds: [2, 60] },
  { scenario: "loss-20", nodes: 1_000, minutes: 10, seeds: [2, 24] },
  { scenario: "tcp-stalls", nodes: 1_000, minutes: 10, seeds: [2, 24] },
];

/** Every run of a suite: small fleets first, and seeds in turn, so that a part that is interrupted has a bit of everything. */
export function cellsOf(suite: SuiteName): readonly Cell[] {
  return (suite === "short" ? SHORT : FULL)
    .flatMap(({ seeds: [first, last], ...block }) =>
      Array.from({ length: last - first + 1 }, (_, at) => ({ ...block, seed: first + at })),
    )
    .toSorted((a, b) => a.nodes - b.nodes || a.seed - b.seed);
}

/** The runs of one of several parts, by seed: `of` parts together are the suite, and no two have a run in common. */
export function partOf(cells: readonly Cell[], part: number, of: number): readonly Cell[] {
  return cells.filter(({ seed }) => seed % of === part % of);
}

/** What names a run for ever, whatever becomes of the plans. */
export function nameOf({ scenario, nodes, minutes, seed }: Cell): string {
  return `${scenario} ${nodes} nodes ${minutes} min seed ${seed}`;
}
