/** Broken rules about folders: where a root's keys end up, and what an invite is spent on. */
import type { Killer, Mutation } from "./mutation.ts";

const AUTHORITY = "packages/node/src/authority/";
const STORE = "packages/store-level/src/";

const unit = (file: string, title: string): Killer => ({ project: "unit", file, title });
const place = (title: string): Killer => unit(`${AUTHORITY}root-place.test.ts`, title);
const join = (title: string): Killer => unit(`${AUTHORITY}join-fleet.test.ts`, title);

export const folderMutations: readonly Mutation[] = [
  {
    id: "root-below-the-stick",
    rules: ["ME6"],
    breaks: "where a stick is missing its folders are made on the disk below, for the root's keys",
    file: `${AUTHORITY}mount-place.ts`,
    search: "if (missing !== undefined) {",
    replacement: 'if (missing === "") {',
    killer: place("the first one is named"),
  },
  {
    id: "root-at-an-empty-mount-point",
    rules: ["ME6"],
    breaks: "a mount point at which no disk is mounted takes the root's keys",
    file: `${AUTHORITY}mount-place.ts`,
    search: "return folder === undefined || ",
    replacement: "return folder !== around || ",
    killer: place("among mount points"),
  },
  {
    id: "root-that-others-replace",
    rules: ["ME6"],
    breaks: "the root's keys are put where others may put other ones in their place",
    file: `${AUTHORITY}root-place.ts`,
    search: "const OTHERS_WRITE_BITS = 0o022;",
    replacement: "const OTHERS_WRITE_BITS = 0o000;",
    killer: place("could replace the root's keys"),
  },
  {
    id: "root-in-every-copy",
    rules: ["ME6"],
    breaks: "the root's keys go anywhere in the node's folder, and with every copy of it",
    file: `${AUTHORITY}root-place.ts`,
    search: "relative(at, root) === ROOT_FOLDER",
    replacement: 'relative(at, root) !== ""',
    killer: place("and nowhere else"),
  },
  {
    id: "root-inside-by-name",
    rules: ["ME6"],
    breaks: "a link leads the root's keys into the node's folder",
    file: `${AUTHORITY}folder-names.ts`,
    search: "join(realpathSync(at), ...missing)",
    replacement: 'at === "" ? realpathSync(at) : join(at, ...missing)',
    killer: place("and nowhere else"),
  },
  {
    id: "folder-lost-in-a-power-cut",
    rules: ["P5"],
    breaks: "a folder is made, and its name is not on disk when all in it is",
    file: `${STORE}data-directory.ts`,
    search: "    sync(dirname(each));\n",
    replacement: '    if (each === "") sync(dirname(each));\n',
    killer: unit(`${STORE}data-directory.test.ts`, "the one around it is synced"),
  },
  {
    id: "invite-spent-on-an-open-folder",
    rules: ["CFG13", "ME7"],
    breaks: "join makes a member of a folder that no start takes",
    file: `${AUTHORITY}join-fleet.ts`,
    search: "  checkPlace(place);\n  return locked(",
    replacement: "  if (place === undefined) checkPlace(place);\n  return locked(",
    killer: join("nobody is asked and nothing is written"),
  },
  {
    id: "keys-that-root-alone-reads",
    rules: ["CFG13"],
    breaks: "root makes keys in the folder of a service that cannot read them",
    file: "packages/node/src/open-directory.ts",
    search: "if (self !== 0 || owner === undefined || owner === self) return;",
    replacement: "if (self !== 0 || owner === undefined || owner !== self) return;",
    killer: unit("packages/node/src/open-directory.test.ts", "in the folder of another user"),
  },
  {
    id: "key-drawn-for-nothing",
    rules: ["ME7"],
    breaks: "who takes over statements of another folder's request draws a key for that",
    file: `${AUTHORITY}join-fleet.ts`,
    search: 'if (!existsSync(join(dir, "node.key")))',
    replacement: 'if (!existsSync(join(dir, "node.key")) && memberKeys(dir) === undefined)',
    killer: join("make no folder and no key"),
  },
  {
    id: "invite-of-one-line-only",
    rules: ["DP3", "ME7"],
    breaks: "an invite that mail has broken is refused in a join file",
    file: "packages/cli/src/commands/join-file.ts",
    search: "return mendInvites(lines).map(",
    replacement: "return [...lines, ...mendInvites([])].map(",
    killer: unit("packages/cli/src/commands/join-file.test.ts", "has broken into lines"),
  },
];
