/** Broken rules of what a start makes of the disk: stores of other releases, and chains that somebody else may have edited. */
import type { Killer, Mutation } from "./mutation.ts";

const STORE = "packages/store-level/src/";
const CHAIN = "packages/core/src/chain/";

const migrate = (title: string): Killer => ({
  project: "unit",
  file: `${STORE}migrate.test.ts`,
  title,
});
const lyingAuthor: Killer = { project: "unit", file: `${CHAIN}lying-author.test.ts` };

export const startMutations: readonly Mutation[] = [
  {
    id: "newer-store-touched",
    rules: ["UP2"],
    breaks: "a store of a later release is opened, and so rewritten, before it is refused",
    file: `${STORE}level-store.ts`,
    search: "if (note !== undefined && note.format > this.#format) throw this.#newer(note.format);",
    replacement: "",
    killer: migrate("UP2 is refused naming both"),
  },
  {
    id: "newer-store-opened",
    rules: ["UP2"],
    breaks: "only the note beside a store says that it is of a later release",
    file: `${STORE}level-store.ts`,
    search: "if (found !== undefined && found > this.#format) throw this.#newer(found);",
    replacement: "",
    killer: migrate("UP2 is refused by what the store itself says"),
  },
  {
    id: "migrated-in-two-writes",
    rules: ["UP3", "P5"],
    breaks: "the new number of a store's format is written before the rows that it is for",
    file: `${STORE}level-store.ts`,
    search:
      '[...ops.map(physicalOp), { type: "put", key: FORMAT_KEY, value }],\n      this.#sync,\n    );',
    replacement:
      '[{ type: "put", key: FORMAT_KEY, value }],\n      this.#sync,\n    );\n    await this.#database?.write(ops.map(physicalOp), this.#sync);',
    killer: migrate("UP3 P5 is whole"),
  },
  {
    id: "steps-over-the-old-rows",
    rules: ["UP3"],
    breaks: "each step of a migration begins with the rows as they were before the first",
    file: `${STORE}migrate.ts`,
    search: "if (op === undefined) yield row;",
    replacement: "if (op !== null) yield row;",
    killer: migrate("UP3 a step sees"),
  },
  {
    id: "migrated-without-limit",
    rules: ["UP3", "P6"],
    breaks: "MIGRATION_BYTES_MAX bounds nothing",
    file: `${STORE}migrate.ts`,
    search: "if (this.#bytes > this.#bytesMax)",
    replacement: "if (this.#bytes < 0)",
    killer: migrate("MIGRATION_BYTES_MAX"),
  },
  {
    id: "lost-without-end",
    rules: ["P6"],
    breaks: "what repairs leave behind stays, however much it is",
    file: `${STORE}level-database.ts`,
    search: "if (bytes > LOST_BYTES_MAX) ",
    replacement: "if (bytes < 0) ",
    killer: {
      project: "unit",
      file: `${STORE}level-database.test.ts`,
      title: "LOST_BYTES_MAX",
    },
  },
  {
    id: "stored-unsigned",
    rules: ["P4", "DU1"],
    breaks: "whoever edits the disk puts words into another author's mouth",
    file: `${CHAIN}stored-epoch.ts`,
    search: "return envelope !== undefined && verifyEnvelope(env, envelope);",
    replacement: "return envelope !== undefined;",
    killer: { ...lyingAuthor, title: "P4 DU1 an entry on disk" },
  },
  {
    id: "stored-proof-unsigned",
    rules: ["P4", "CH5"],
    breaks: "whoever edits the disk makes another author one that forked",
    file: `${CHAIN}stored-epoch.ts`,
    search: "this.#forks.filter(isSigned)",
    replacement: "this.#forks",
    killer: { ...lyingAuthor, title: "P4 CH5 a branch on disk" },
  },
  {
    id: "payload-before-signature",
    rules: ["SG1"],
    breaks: "the payload of an entry is read before its signature is verified",
    file: `${CHAIN}chain-store.ts`,
    search:
      '    if (!verifyEnvelope(this.#env, opened.envelope))\n      return { status: "refused", code: "signature-bad" };\n    const entry = readEntry(opened);\n    if (entry === undefined) return { status: "refused", code: "entry-malformed" };\n',
    replacement:
      '    const entry = readEntry(opened);\n    if (entry === undefined) return { status: "refused", code: "entry-malformed" };\n    if (!verifyEnvelope(this.#env, opened.envelope))\n      return { status: "refused", code: "signature-bad" };\n',
    killer: { project: "unit", file: `${CHAIN}entry.test.ts` },
  },
  {
    id: "log-of-others",
    rules: ["DU1", "P6"],
    breaks: "others fill the log of a node with lines about what they do",
    file: "packages/node/src/driver/log-event.ts",
    search: "if (count <= EVENT_LINES_PER_SECOND_MAX && ",
    replacement: "if (count > 0 && ",
    killer: { project: "unit", file: "packages/node/src/driver/log-event.test.ts" },
  },
];
