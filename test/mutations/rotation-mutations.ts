/** Broken rules about new keys while a fleet runs: what a thief, a crash or a forgotten copy of the root's folder would gain. */
import type { Killer, Mutation } from "./mutation.ts";

const AUTHORITY = "packages/node/src/authority/";
const COMMANDS = "packages/cli/src/commands/";
const KEYS = "packages/node/src/keys/";

const unit = (file: string, title: string): Killer => ({ project: "unit", file, title });
const root = (title: string): Killer => unit(`${AUTHORITY}root-statements.test.ts`, title);
const issuer = (title: string): Killer => unit(`${AUTHORITY}replace-issuer.test.ts`, title);
const issuing = (title: string): Killer => unit(`${AUTHORITY}issuing.test.ts`, title);
const key = (title: string): Killer => unit(`${COMMANDS}key.test.ts`, title);

export const rotationMutations: readonly Mutation[] = [
  {
    id: "theft-answered-at-the-end",
    rules: ["ME2"],
    breaks: "the rotation that answers a theft stands upon what the stolen key may outdo",
    file: `${AUTHORITY}root-statements.ts`,
    search: "isStolen ? reignOf(own) : last",
    replacement: "last",
    killer: root("the rotation that answers a theft"),
  },
  {
    id: "theft-forgets-voids",
    rules: ["ME2"],
    breaks: "issuers that are void count again when the root's key was stolen as well",
    file: `${AUTHORITY}root-statements.ts`,
    search: "...own.slice(base.claims.number).flatMap(({ claims }) => claims.voids), ",
    replacement: "",
    killer: root("the rotation that answers a theft"),
  },
  {
    id: "thief-stops-rotation",
    rules: ["ME2"],
    breaks: "a folder takes itself for outdated where a thief's statement has the smaller id",
    file: `${AUTHORITY}root-folder.ts`,
    search: "if (isMine !== isRotation(before, theirs)) return isMine;",
    replacement: "",
    killer: root("no news to the folder, though its id"),
  },
  {
    id: "handover-off",
    rules: ["ME2"],
    breaks: "what an issuer signs before it hears that it is replaced counts nowhere",
    file: `${AUTHORITY}root-statements.ts`,
    search: "(isHandover ? HANDOVER_S : 0)",
    replacement: "0",
    killer: issuer("within HANDOVER_S"),
  },
  {
    id: "rotation-not-finished",
    rules: ["ME6", "P5"],
    breaks: "a rotation that was broken off is begun anew beside its half",
    file: `${AUTHORITY}root-statements.ts`,
    search: "if (finishRootChange(rootDir, changes))",
    replacement: "if (rootDir === undefined)",
    killer: issuer("finishes the same issuer"),
  },
  {
    id: "orphans-not-renewed",
    rules: ["ME3"],
    breaks: "what a replaced issuer granted is renewed by nobody",
    file: `${AUTHORITY}issuing.ts`,
    search: "return root?.charterKey === key &&",
    replacement: "return root === undefined &&",
    killer: issuing("renewed by who signs the charter"),
  },
  {
    id: "replaced-issuer-goes-on",
    rules: ["ME2"],
    breaks: "an issuer that the root names no more goes on answering strangers",
    file: `${AUTHORITY}issuing.ts`,
    search: "      if (!isNamed) return;\n",
    replacement: "      if (!isNamed) this.#isEnded = false;\n",
    killer: issuing("signs nothing of its own accord"),
  },
  {
    id: "fleet-not-asked",
    rules: ["ME2", "CLI47"],
    breaks: "an outdated copy of the root's folder signs beside what the fleet has",
    file: `${COMMANDS}root-asking.ts`,
    search: "known: fleet?.statements",
    replacement: "known: undefined",
    killer: key("a folder that is behind the fleet"),
  },
  {
    id: "nothing-kept-by-accident",
    rules: ["CLI47"],
    breaks: "a list that came empty through a broken pipe voids everything an issuer signed",
    file: `${COMMANDS}key-void.ts`,
    search: "ids.length > 0 && ",
    replacement: "",
    killer: key("is never guessed"),
  },
  {
    id: "drafts-of-anybody",
    rules: ["ME6"],
    breaks: "a write that is under way loses its file to a start of the node",
    file: `${KEYS}drafts.ts`,
    search: "nowWallMs - stats.mtimeMs > DRAFT_OLD_MS",
    replacement: "nowWallMs > DRAFT_OLD_MS",
    killer: unit(`${KEYS}drafts.test.ts`, "a younger one may be somebody's"),
  },
  {
    id: "formats-mixed",
    rules: ["BK4"],
    breaks: "a backup of format 1 may hold keys that its readers do not know of",
    file: "packages/node/src/backup/backup-format.ts",
    search: "return format === 1 ? FIRST_FILES : PRIVATE_FILES;",
    replacement: "return format > 0 ? PRIVATE_FILES : FIRST_FILES;",
    killer: unit("packages/node/src/backup/member-backup.test.ts", "a backup of format 1"),
  },
];
