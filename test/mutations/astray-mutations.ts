/** Broken rules about who was led astray, or was away too long, and whom it lets in then (rules ME2, ME3). */
import type { Killer, Mutation } from "./mutation.ts";

const CORE = "packages/core/src/authority/introducing.ts";

const rows = (title: string): Killer => ({
  project: "unit",
  file: "packages/core/src/authority/introducing.test.ts",
  title,
});
const stolen = (title: string): Killer => ({
  project: "unit",
  file: "packages/core/src/authority/introducing-stolen.test.ts",
  title,
});

export const astrayMutations: readonly Mutation[] = [
  {
    id: "lost-for-life",
    rules: ["ME3"],
    breaks: "whom its operator has helped once lets everybody in for as long as it runs",
    file: CORE,
    search: "if (authority.newsS > (this.astrayNewsS ?? 0)) this.#isAtALoss = false;",
    replacement: "if (authority.newsS > (this.astrayNewsS ?? 0)) this.#isAtALoss ||= false;",
    killer: stolen("who has met but one that was away as well"),
  },
  {
    id: "thiefs-charter-is-news",
    rules: ["ME2", "ME3"],
    breaks: "who was freed from a thief lets in nobody a day after his last charter",
    file: CORE,
    search: "if (authority.newsS > (this.astrayNewsS ?? 0))",
    replacement: "if (authority.newsS > 0)",
    killer: stolen("does not take that charter for what says who was revoked"),
  },
  {
    id: "old-charter-heals",
    rules: ["ME3"],
    breaks: "a charter of long ago says who was revoked, and the node lets in nobody",
    file: CORE,
    search: "if (authority.isStale(wallMs)) return;",
    replacement: "authority.isStale(wallMs);",
    killer: stolen("does not take that charter for what says who was revoked"),
  },
  {
    id: "freed-until-restart",
    rules: ["ME2", "ME3"],
    breaks: "who was freed from a thief, and starts again, takes his charter for the fleet's",
    file: CORE,
    search: "this.#knewNobody || isFreed;",
    replacement: "this.#knewNobody;",
    killer: stolen("does not take that charter for what says who was revoked"),
  },
  {
    id: "freed-without-charter",
    rules: ["ME2", "ME3"],
    breaks:
      "who was freed from a thief that had signed no charter was never astray once it starts again",
    file: CORE,
    search: "const isFreed = astrayNewsS !== undefined &&",
    replacement: "const isFreed = (astrayNewsS ?? 0) > 0 &&",
    killer: stolen("where the thief has signed no charter"),
  },
  {
    id: "astray-kept-late",
    rules: ["ME2", "ME3"],
    breaks: "that a node was found astray is not on disk until it takes the next statement",
    file: "packages/core/src/authority/authority-keeper.ts",
    search: "looked(now.wallMs);\n    this.#env.out.persist(this.#newMarks(now));",
    replacement: "looked(now.wallMs);",
    killer: stolen("does not take the charter of who has stolen an issuer's key"),
  },
  {
    id: "astray-damaged",
    rules: ["ME3"],
    breaks: "a row of marks that is damaged in its last place is taken for sound",
    file: "packages/core/src/authority/marks.ts",
    search: "if (astrayNewsS !== undefined && !isIntegerIn(",
    replacement: 'if (typeof astrayNewsS === "string" && !isIntegerIn(',
    killer: stolen("keeps in row `authority-marks` whether it was"),
  },
  {
    id: "thiefs-company-counts",
    rules: ["ME2", "ME3"],
    breaks: "whom a node has seen by a thief's word is waited for",
    file: CORE,
    search: "    this.#hasMet = false;\n    this.#hasSeen = false;",
    replacement: "    this.#hasMet = false;",
    killer: stolen("does not take whom it had seen there for somebody who can tell"),
  },
  {
    id: "away-together",
    rules: ["ME2", "ME3"],
    breaks: "two that were away together are out for ever, whatever their operator hands over",
    file: CORE,
    search: "    this.#knewNobody ||= !this.#hasMet;\n    this.#isAtALoss = true;",
    replacement: "    this.#knewNobody ||= !this.#hasMet;",
    killer: stolen("who has met but one that was away as well"),
  },
  {
    id: "stale-where-alone",
    rules: ["ME2", "ME3"],
    breaks: "whom a root statement leaves without anybody lets nobody in",
    file: CORE,
    search: "if (this.#hadOthers && !hasOthers) this.#wasAstray();",
    replacement: "if (this.#hadOthers && hasOthers) this.#hadOthers = false;",
    killer: rows("whom a root statement leaves without anybody"),
  },
  {
    id: "operators-row-in-vain",
    rules: ["ME2", "ME3"],
    breaks: "what an operator hands over leaves the node out as before",
    file: CORE,
    search: "this.#knewNobody ||= !this.#hasMet;",
    replacement: "this.#knewNobody ||= this.#hasMet;",
    killer: rows("by what its operator hands over"),
  },
];
