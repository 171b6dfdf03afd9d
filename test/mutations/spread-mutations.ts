/** Broken rules of what is for everybody in fleets in which each node has witnesses of its own (rule PU8, ADR 0032). */
import type { Killer, Mutation } from "./mutation.ts";

const LIVENESS = "packages/core/src/liveness/";

const unit = (file: string): Killer => ({ project: "unit", file });
const spread = (title: string): Killer => ({
  ...unit(`${LIVENESS}spread-turns.test.ts`),
  title,
});
const spreadFleet = (title: string): Killer => ({
  ...unit(`${LIVENESS}spread-fleet.test.ts`),
  title,
});
const returns = (title: string): Killer => ({ ...unit(`${LIVENESS}reunions.test.ts`), title });
const queue = (title: string): Killer => ({
  ...unit("packages/core/src/robots/pulse-queue.test.ts"),
  title,
});
const told = (title: string): Killer => ({
  project: "sim",
  file: "packages/sim/src/scenarios/robots-told.test.ts",
  title,
});

export const spreadMutations: readonly Mutation[] = [
  {
    id: "roster-not-counted",
    rules: ["PU8", "P6"],
    breaks: "pulses for everybody are as frequent in any fleet, as nobody says how large it is",
    file: `${LIVENESS}neighbourhood.ts`,
    search: "const fleet = { version, starts, roster: electorate.roster };",
    replacement: "const fleet = { version, starts, roster: 40 };",
    killer: spreadFleet("has its turn a quarter as often"),
  },
  {
    id: "roster-change-unheeded",
    rules: ["PU8"],
    breaks:
      "who has just joined learns of robots when each home's turn comes, as nobody says that it has",
    file: `${LIVENESS}neighbourhood.ts`,
    search: "const fleet = { version, starts, roster: electorate.roster };",
    replacement: "const fleet = { version: version - version, starts, roster: electorate.roster };",
    killer: spreadFleet("a turn comes soon"),
  },
  {
    id: "restart-unheeded",
    rules: ["PU8"],
    breaks: "who has restarted knows no robots until each home's turn comes",
    file: `${LIVENESS}neighbourhood.ts`,
    search: "const fleet = { version, starts, roster: electorate.roster };",
    replacement: "const fleet = { version, starts: starts - starts, roster: electorate.roster };",
    killer: spreadFleet("a turn comes soon"),
  },
  {
    id: "restart-not-counted",
    rules: ["PU8"],
    breaks: "nobody notices that a member has begun anew",
    file: "packages/core/src/roster/chain-membership.ts",
    search: "if (known !== undefined && known.boot < epoch) this.#starts += 1;",
    replacement: "",
    killer: told("a reader that restarts"),
  },
  {
    id: "restarts-unbounded",
    rules: ["PU8", "P6"],
    breaks: "a member that restarts all the time makes everybody gossip all the time",
    file: `${LIVENESS}spread-turns.ts`,
    search: "Math.max(soon, 2 * soon - this.#sinceTurn)",
    replacement: "Math.max(1, 0 * this.#sinceTurn)",
    killer: spread("a few times dearer at most"),
  },
  {
    id: "flips-beyond-one-pulse",
    rules: ["PU8", "PU2"],
    breaks: "of many robots that flip together those that do not fit are told to witnesses alone",
    file: "packages/core/src/robots/pulse-queue.ts",
    search: "if (isForEverybody) this.#news.delete(robot);",
    replacement: "this.#news.clear();",
    killer: queue("until pulses for everybody have said all of it"),
  },
  {
    id: "news-unbounded",
    rules: ["PU8", "P6"],
    breaks: "a home whose robots flip without end gossips each of its pulses",
    file: `${LIVENESS}spread-turns.ts`,
    search: "if (this.#newsLeft < 1) return false;",
    replacement: "",
    killer: spread("robots flip without end"),
  },
  {
    id: "return-untold",
    rules: ["PU8"],
    breaks: "who was away shows dead robots alive until their home's turn comes",
    file: `${LIVENESS}neighbourhood.ts`,
    search: "if (againMonoMs !== undefined) this.#listener.news.tellAgain(againMonoMs);",
    replacement: "",
    killer: spreadFleet("again when a member that was away is back"),
  },
  {
    id: "returns-unbounded",
    rules: ["PU8", "P6"],
    breaks: "a link that comes and goes makes homes say everything again each time",
    file: `${LIVENESS}reunions.ts`,
    search: "this.#nextMonoMs += SLOT_INTERVALS * this.#pulseEveryMs;",
    replacement: "this.#nextMonoMs += this.#pulseEveryMs / 2;",
    killer: returns("comes and goes"),
  },
];
