/** Broken rules of witnesses whose own links to a subject are cut, and of sides that are no majority (rules PU8, VE2). */
import type { Killer, Mutation } from "./mutation.ts";

const LIVENESS = "packages/core/src/liveness/";
const links: Killer = { project: "unit", file: `${LIVENESS}cut-links.test.ts` };
const halves: Killer = { project: "unit", file: `${LIVENESS}cut-halves.test.ts` };

export const linkMutations: readonly Mutation[] = [
  {
    id: "own-link-is-the-subject",
    rules: ["PU8", "VE3"],
    breaks: "a witness whose own link is cut calls its subject late, whatever others show of it",
    file: `${LIVENESS}quiet-members.ts`,
    search: "if (monoMs - subject.shownMonoMs <= shownMs) return true;",
    replacement: "if (monoMs - subject.shownMonoMs < 0) return true;",
    killer: { ...links, title: "PU8 VE3 1 of eight" },
  },
  {
    id: "answer-waited-for-in-vain",
    rules: ["PU8", "VE3"],
    breaks:
      "a witness whose own link is cut calls its subject late before anybody can have answered for it",
    file: `${LIVENESS}quiet-members.ts`,
    search: "return silentMs - subject.patienceMs <= ANSWERED_INTERVALS * pulseEveryMs;",
    replacement: "return silentMs < 0;",
    killer: { ...links, title: "PU8 VE3 1 of eight" },
  },
  {
    id: "shown-late-is-alive",
    rules: ["PU8", "P3", "PU7"],
    breaks: "a pulse of whatever age shows that a silent subject is alive",
    file: `${LIVENESS}liveness.ts`,
    search: "if (isInside) subject.shownMonoMs = now.monoMs;",
    replacement: "subject.shownMonoMs = now.monoMs;",
    killer: { ...links, title: "PU8 P3 PU7 what is shown late" },
  },
  {
    id: "unknown-uncounted",
    rules: ["PU8", "VE2", "P2"],
    breaks: "who is missed by witnesses that see no majority themselves is held to be in sight",
    file: `${LIVENESS}subject.ts`,
    search: "return this.isAccused || this.#isNamedBy(this.unknowns);",
    replacement: "return this.isAccused;",
    killer: { ...halves, title: "PU8 VE2 P2 that is cut in exact halves" },
  },
  {
    id: "unknown-unanswered",
    rules: ["PU8", "VE2", "P8"],
    breaks:
      "nobody answers for whom a witness does not hear that sees no majority, as if it were so for all",
    file: `${LIVENESS}liveness.ts`,
    search: '(kind === "unknown" && this.electorate.isLarge)',
    replacement: "this.electorate.roster < 0",
    killer: { ...halves, title: "PU8 VE2 P8 in which some hear nobody" },
  },
  {
    id: "unknown-for-good",
    rules: ["PU8", "VE2"],
    breaks: "whom a witness hears again it does not hear, for all others",
    file: `${LIVENESS}subject.ts`,
    search: "this.unknowns.delete(witness);",
    replacement: "this.losses.delete(witness);",
    killer: { project: "unit", file: `${LIVENESS}samples.test.ts` },
  },
  {
    id: "cut-off-is-silence",
    rules: ["PU8", "VE2", "P2"],
    breaks: "a witness that has its majority back accuses whom it could not hear meanwhile",
    file: `${LIVENESS}accuse.ts`,
    search: "if (now.monoMs <= heardAgainMonoMs) return",
    replacement: "if (now.monoMs < 0) return",
    killer: { ...halves, title: "PU8 VE2 P2 that is cut in exact halves" },
  },
  {
    id: "own-unknown-uncounted",
    rules: ["PU8", "VE2"],
    breaks:
      "a witness takes its majority from itself by an accusation that ends with it, and begins anew",
    file: `${LIVENESS}accuse.ts`,
    search: "subject.unknowns.set(witness.env.identity.self, {",
    replacement: 'subject.unknowns.set("", {',
    killer: { ...halves, title: "PU8 VE2 P2 that is cut in exact halves" },
  },
];
