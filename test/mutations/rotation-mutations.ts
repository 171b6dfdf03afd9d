/** Broken rules about new keys while a fleet runs: what a thief, a crash or a forgotten copy of the root's folder would gain. */
import type { Killer, Mutation } from "./mutation.ts";

const AUTHORITY = "packages/node/src/authority/";
const COMMANDS = "packages/cli/src/commands/";
const KEYS = "packages/node/src/keys/";

const unit = (file: string, title: string): Killer => ({ project: "unit", file, title });
const root = (title: string): Killer => unit(`${AUTHORITY}root-statements.test.ts`, title);
const deed = (title: string): Killer => unit(`${AUTHORITY}root-deed.test.ts`, title);
const issuer = (title: string): Killer => unit(`${AUTHORITY}replace-issuer.test.ts`, title);
const issuing = (title: string): Killer => unit(`${AUTHORITY}issuing.test.ts`, title);
const moved = (title: string): Killer => unit(`${AUTHORITY}move-root.test.ts`, title);
const key = (title: string): Killer => unit(`${COMMANDS}key.test.ts`, title);

export const rotationMutations: readonly Mutation[] = [
  {
    id: "theft-answered-at-the-end",
    rules: ["ME2"],
    breaks: "the rotation that answers a theft stands upon what the stolen key may outdo",
    file: `${AUTHORITY}root-statements.ts`,
    search: "isStolen ? reignOf(own) : newest(own)",
    replacement: "newest(own)",
    killer: root("the rotation that answers a theft"),
  },
  {
    id: "theft-forgets-voids",
    rules: ["ME2"],
    breaks: "issuers that are void count again when the root's key was stolen as well",
    file: `${AUTHORITY}theft-answer.ts`,
    search: "const kept = voided.includes(key) ? signer.kept : undefined;",
    replacement: "const kept = voided.includes(key) && key.length < 0 ? signer.kept : undefined;",
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
    search: "(isHandover ? handoverS : 0)",
    replacement: "0",
    killer: issuer("within HANDOVER_S"),
  },
  {
    id: "rotation-dated-below",
    rules: ["ME2"],
    breaks:
      "where a clock ahead made the root, a new issuer takes away what the old one signed before",
    file: `${AUTHORITY}root-statements.ts`,
    search: "last.claims.issuedS + (isHandover ? HANDOVER_S : 0),",
    replacement: "last.claims.issuedS,",
    killer: issuer("made by a clock ahead"),
  },
  {
    id: "rotations-at-once",
    rules: ["ME6"],
    breaks: "two commands change a root's folder at once",
    file: `${KEYS}folder-claim.ts`,
    search: "if (stand(path, () => !isTaken(dir, name))) return path;",
    replacement: 'if (stand(path, () => !isTaken(dir, name) || name !== "")) return path;',
    killer: root("at once one is told so"),
  },
  {
    id: "root-moved-unseen",
    rules: ["ME6"],
    breaks: "the root's keys are removed here before they were read back there",
    file: `${AUTHORITY}move-root.ts`,
    search: "const checked = await check(move);\n  for (const [name, text] of keys)",
    replacement:
      "const [root] = readStatedRoots(from);\n  const checked = { fleet: root.claims.signer, rootDir: to, isSealed: false };\n  for (const [name, text] of [] as typeof keys)",
    killer: moved("a medium that does not keep"),
  },
  {
    id: "root-moved-into-node",
    rules: ["ME6"],
    breaks: "the root's keys are moved to another place in the node's own folder",
    file: `${AUTHORITY}move-root.ts`,
    search: "forbidden.some((one) => isSame(one, stats))",
    replacement: "forbidden.length === 0",
    killer: moved("no move goes into"),
  },
  {
    id: "root-over-root",
    rules: ["ME6"],
    breaks: "a root is moved over another copy, older or newer",
    file: `${AUTHORITY}move-root.ts`,
    search: "there !== undefined && here !== undefined && there !== here",
    replacement: "there !== undefined && here === undefined && there !== here",
    killer: moved("another copy of the same keys"),
  },
  {
    id: "rotation-not-finished",
    rules: ["ME6", "P5"],
    breaks: "a rotation that was broken off is begun anew beside its half",
    file: `${AUTHORITY}root-statements.ts`,
    search: "if (finished !== undefined) {",
    replacement: 'if (finished !== undefined && rootDir === "") {',
    killer: issuer("finishes the same issuer"),
  },
  {
    id: "sealed-since-laid-open",
    rules: ["ME6"],
    breaks:
      "an issuer's key that was sealed while its replacement was half made is followed by one that lies open",
    file: `${AUTHORITY}root-journal.ts`,
    search: "if (text === null || !isSealedSince(name, held, before)) return file;",
    replacement: 'if (text !== "") return file;',
    killer: unit(`${AUTHORITY}seal-issuer.test.ts`, "while its replacement is half made"),
  },
  {
    id: "old-disk-signs",
    rules: ["ME2"],
    breaks:
      "an issuer on an old disk signs a charter number that there is already, and widens grants",
    file: `${AUTHORITY}issuing.ts`,
    search: "if (isCompared || charter === undefined) return true;",
    replacement: "if (isCompared || charter !== undefined) return true;",
    killer: issuing("signs nothing before it was compared"),
  },
  {
    id: "charter-of-the-future-stands",
    rules: ["ME2", "ME3"],
    breaks: "after one start with a clock ahead no charter is signed before that time",
    file: `${AUTHORITY}issuer.ts`,
    search: "(ageMs < -CLOCK_LEEWAY_MS && wallMs >= CLOCK_MS_LEAST)",
    replacement: "ageMs === CHARTER_EVERY_MS",
    killer: issuing("signed by a clock ahead"),
  },
  {
    id: "late-clock-signs-charter",
    rules: ["ME2"],
    breaks: "an issuer whose clock is behind puts an old charter above the newest",
    file: `${AUTHORITY}issuing.ts`,
    search: "(wallMs < charter.atWallMs && isClockBehind())",
    replacement: "(wallMs < 0 && isClockBehind())",
    killer: issuing("signed by a clock ahead"),
  },
  {
    id: "charter-not-remembered",
    rules: ["ME2"],
    breaks: "with its store an issuer loses the number of its charter",
    file: `${AUTHORITY}issuing.ts`,
    search:
      "    this.#deps.remember(token);\n    await this.#submit(token);\n  }\n\n  /** Whether this is",
    replacement: "    await this.#submit(token);\n  }\n\n  /** Whether this is",
    killer: issuing("signs nothing before it was compared"),
  },
  {
    id: "left-renewed",
    rules: ["ME7", "VE9"],
    breaks: "who finds the disk of a node that has left is granted membership anew when he asks",
    file: `${AUTHORITY}issuing.ts`,
    search: "    if (grant.hasLeft) return;\n",
    replacement: "",
    killer: { project: "integration", file: "test/integration/left-for-good.test.ts" },
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
  {
    id: "answer-by-old-copy",
    rules: ["ME2", "CLI47"],
    breaks:
      "a copy of the root's folder that is behind undoes for good what was signed with another",
    file: `${AUTHORITY}root-statements.ts`,
    search: "if (isForged) return;",
    replacement: "if (isForged || isStolen) return;",
    killer: root("not with a folder that lacks"),
  },
  {
    id: "other-change-finished",
    rules: ["ME6", "CLI47"],
    breaks:
      "who asks for a key to be void is told so where a rotation that was broken off was finished",
    file: `${AUTHORITY}root-statements.ts`,
    search: "const wasAsked = deed !== undefined && isAsked(deed, options);",
    replacement: "const wasAsked = deed !== undefined;",
    killer: deed("whoever makes a key void instead"),
  },
  {
    id: "other-void-finished",
    rules: ["ME6", "CLI47"],
    breaks: "who keeps other statements of a void issuer is told that they are kept",
    file: `${AUTHORITY}root-deed.ts`,
    search: "return one.key === other.key && isKept;",
    replacement: "return one.key === other.key;",
    killer: deed("whoever keeps other statements"),
  },
  {
    id: "row-asked-by-ids",
    rules: ["P1", "ME2"],
    breaks:
      "a long row of root statements is asked for in the order of its ids, and judged in pieces",
    file: "packages/core/src/authority/authority.ts",
    search: "rank[a.claims.kind] - rank[b.claims.kind] || numberOf(a) - numberOf(b);",
    replacement: "rank[a.claims.kind] - rank[b.claims.kind];",
    killer: unit(
      "packages/core/src/authority/root-set.test.ts",
      "more statements than one question asks for",
    ),
  },
  {
    id: "disk-judged-one-by-one",
    rules: ["ME2", "ME7"],
    breaks: "a member whose disk holds a rival of an old root statement asks for membership anew",
    file: "packages/core/src/authority/standing-among.ts",
    search: "authority.takeOpened(statements.filter(isAboutNode), 0);",
    replacement: "for (const { token } of statements.filter(isAboutNode)) authority.take(token);",
    killer: unit(
      "packages/core/src/authority/standing-among.test.ts",
      "root statements on a disk are judged as one set",
    ),
  },
];
