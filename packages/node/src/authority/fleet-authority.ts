/**
 * Makes the authority of a fleet (rules ME1, ME6): the root's keys, an issuer, and the first member, which is the node on which this runs. The root's keys
 * go to a folder of their own, meant to be moved off this machine: nothing but the next root statement needs them.
 */
import { realpathSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import {
  dagCborCodec,
  type FleetId,
  idsHash,
  type KeyId,
  keyHash,
  type NodeId,
  PulsemeshError,
  type Role,
  ROLES,
  statementId,
} from "@pulsemesh/core";
import { makeMissing, syncAround } from "@pulsemesh/store-level";
import { encodeBase32 } from "../keys/base32.ts";
import { generateSeed } from "../keys/ed25519.ts";
import { readFleetPin, writeFleetPinText } from "../keys/fleet-pin.ts";
import { withFolderClaim } from "../keys/folder-claim.ts";
import { type Ed25519Key, keyFromSeed, loadOrCreateKey } from "../keys/key-file.ts";
import { nodeIdOf } from "../keys/peer-id.ts";
import { readFileIfAny } from "../keys/private-file.ts";
import {
  isSealed,
  openKeyText,
  readSecretKey,
  secretKeyId,
  writeSecretText,
} from "../keys/secret-file.ts";
import { sha256 } from "../ports/sha256.ts";
import { readStatements, writeStatements } from "./authority-file.ts";
import { AUTHORITY_FILES } from "./authority-files.ts";
import {
  beginInit,
  type FileChanges,
  finishInit,
  forgetInit,
  type InitFolders,
  type InitJournal,
  isPlannedOnly,
  type PlannedFile,
  privateFileChanges,
  readInitJournal,
  refuseUnfinishedInit,
  unfinishedInit,
} from "./init-journal.ts";
import { GRANT_LIFE_MS } from "./issuer.ts";
import { signToken } from "./sign-token.ts";

/** How long the first issuer may grant, in ms: a year, in which the root has to name it anew. */
export const ISSUER_LIFE_MS: number = 365 * 86_400_000;

/** 2026-01-01, in Unix seconds. */
const CLOCK_S_LEAST = 1_767_225_600;

/** What the node that makes the fleet may do. */
const FIRST_ROLES: readonly Role[] = ["robot", "gateway", "operator"];
const EVERY_ROBOT: readonly string[] = ["*"];
const hashing = { codec: dagCborCodec, hash: { sha256 } };

export interface FleetAuthorityOptions {
  /** The node's data directory; nobody may be using it. */
  readonly dir: string;
  /** Where the root's keys go. */
  readonly rootDir: string;
  /** Seals the root's keys. @default they are kept unsealed, mode 0600 */
  readonly passphrase?: string | undefined;
  readonly region: string;
  /** Unix seconds. */
  readonly nowS: number;
  /** How files are changed; for tests. @default the private-file way */
  readonly changes?: FileChanges | undefined;
}

export interface FleetAuthority {
  /** `completed`: what was broken off was finished. `present`: there was one, and nothing was changed. */
  readonly status: "created" | "completed" | "present";
  readonly fleet: FleetId;
  readonly node: NodeId;
  /** The issuer that lives here; undefined where its key is not in this directory. */
  readonly issuer: KeyId | undefined;
  /** What the node knows from the start: the root statement first. */
  readonly statements: readonly string[];
}

/**
 * Makes a fleet with an authority, or closes the open one whose root key is here. All or nothing: who is interrupted repeats the call, which finishes it.
 *
 * @example
 * const { fleet } = await createFleetAuthority({ dir, rootDir: "/media/stick", passphrase, region: "eu", nowS: Date.now() / 1_000 });
 *
 * @throws PulsemeshError `fleet-mismatch` when the directory is in a fleet whose root key is not here, or that root has made its authority before;
 * `passphrase-wrong`, `data-dir-unusable`, `data-dir-open`, `statement-malformed`; `store-locked` while somebody else changes the root's folder
 */
export async function createFleetAuthority(
  options: FleetAuthorityOptions,
): Promise<FleetAuthority> {
  const held = heldAuthority(options);
  if (held !== undefined) return held;
  const folders = openFolders(options);
  refuseOtherRoot(folders);
  return withFolderClaim(folders.root, () => makeAuthority(options, folders));
}

async function makeAuthority(
  options: FleetAuthorityOptions,
  folders: InitFolders,
): Promise<FleetAuthority> {
  const { passphrase, changes = privateFileChanges } = options;
  const node = loadOrCreateKey(join(folders.data, "node.key"));
  const id = nodeIdOf(node.publicKey);
  const begun = readInitJournal(folders);
  const isMarked = unfinishedInit(folders.data) !== undefined;
  const isMade = readStatements(join(folders.data, AUTHORITY_FILES.statements)) !== undefined;
  if (begun !== undefined) {
    await checkJournal(begun, id, folders, passphrase);
    // The mark goes when all is in place, and then the journal.
    if (isMade && !isMarked) refuseOtherFleet(begun, folders);
    if (isMade && !isMarked) forgetInit(folders, changes);
    else finishInit(begun, folders, changes);
    return describe(folders, id, "completed");
  }
  if (isMade) {
    // Somebody took the journal away.
    if (isMarked) finishInit({ node: id, files: [] }, folders, changes);
    return describe(folders, id, "present");
  }
  if (!isPlannedOnly(folders)) refuseUnfinishedInit(folders.data);
  refuseOldClock(options.nowS);
  const journal = await planInit(options, folders, id);
  beginInit(journal, folders, changes);
  return describe(folders, id, "created");
}

/** What is there already, where nothing is unfinished: not even a folder is made. A node may be running on it. */
export function heldAuthority({ dir, rootDir }: FleetAuthorityOptions): FleetAuthority | undefined {
  if (readStatements(join(dir, AUTHORITY_FILES.statements)) === undefined) return undefined;
  if (unfinishedInit(dir) !== undefined || readFleetPin(dir) === undefined) return undefined;
  if (readInitJournal({ root: rootDir, data: dir }) !== undefined) return undefined;
  const node = loadOrCreateKey(join(dir, "node.key"));
  return describe({ data: dir, root: rootDir }, nodeIdOf(node.publicKey), "present");
}

/**
 * A machine without a clock of its own starts in 1970, and what is signed there has ended before anybody reads it.
 * @throws PulsemeshError `option-invalid`
 */
function refuseOldClock(nowS: number): void {
  if (nowS >= CLOCK_S_LEAST) return;
  throw new PulsemeshError(
    "option-invalid",
    `Cannot make a fleet at ${new Date(nowS * 1_000).toISOString()}, before this program was: its issuer would have ended when the clock is right. Nothing was changed; set the clock, and repeat.`,
  );
}

async function planInit(
  { passphrase, region, nowS }: FleetAuthorityOptions,
  folders: InitFolders,
  node: NodeId,
): Promise<InitJournal> {
  refuseUsedRoot(folders);
  const pin = readFleetPin(folders.data);
  const root = await findRoot(folders, pin, passphrase);
  const nextRoot = await readOrDraw(join(folders.root, AUTHORITY_FILES.nextRoot), passphrase);
  const [issuer, audit, cosign] = await Promise.all(
    [AUTHORITY_FILES.issuer, AUTHORITY_FILES.audit, AUTHORITY_FILES.cosign].map(async (name) =>
      readOrDraw(join(folders.data, name)),
    ),
  );
  if (issuer === undefined || audit === undefined || cosign === undefined)
    throw new TypeError("there are three keys");
  const fleet = encodeBase32(root.publicKey);
  const first = { node, region, atS: Math.floor(nowS), fleet };
  const statements = await signFirst(first, { root, nextRoot, issuer, audit, cosign });
  const files: PlannedFile[] = [
    await planKey(folders, "root", AUTHORITY_FILES.root, root, passphrase),
    await planKey(folders, "root", AUTHORITY_FILES.nextRoot, nextRoot, passphrase),
    plan(folders, "root", AUTHORITY_FILES.rootStatements, writeStatements(statements.slice(0, 1))),
    await planKey(folders, "data", AUTHORITY_FILES.issuer, issuer),
    await planKey(folders, "data", AUTHORITY_FILES.audit, audit),
    await planKey(folders, "data", AUTHORITY_FILES.cosign, cosign),
    plan(folders, "data", AUTHORITY_FILES.pin, writeFleetPinText(fleet)),
    plan(folders, "data", AUTHORITY_FILES.statements, writeStatements(statements)),
  ];
  // The root key of an open fleet, which its first start left there. Another one is somebody's.
  const isMoved = secretKeyId(join(folders.data, AUTHORITY_FILES.root)) === fleet;
  if (isMoved && folders.root !== folders.data)
    files.push(plan(folders, "data", AUTHORITY_FILES.root, null));
  return { node, files };
}

/** Number 1, the first charter and the first grant. */
async function signFirst(
  { node, region, atS, fleet }: FirstMember,
  keys: Readonly<Record<"root" | "nextRoot" | "issuer" | "audit" | "cosign", Ed25519Key>>,
): Promise<readonly string[]> {
  const id = (key: Ed25519Key): KeyId => encodeBase32(key.publicKey);
  const issuer = id(keys.issuer);
  const root = await signToken(
    {
      kind: "root",
      signer: fleet,
      number: 1,
      previous: undefined,
      nextRootHash: keyHash(hashing, id(keys.nextRoot)),
      charterKey: issuer,
      issuers: [
        { key: issuer, expS: atS + ISSUER_LIFE_MS / 1_000, roles: ROLES, robots: EVERY_ROBOT },
      ],
      voids: [],
      issuedS: atS,
    },
    keys.root.seed,
    fleet,
  );
  const charter = await signToken(
    {
      kind: "charter",
      signer: issuer,
      number: 1,
      previous: undefined,
      root: statementId(hashing, root),
      revocations: 0,
      revocationsHash: idsHash(hashing, []),
      issuedS: atS,
    },
    keys.issuer.seed,
    fleet,
  );
  const grant = await signToken(
    {
      kind: "grant",
      signer: issuer,
      node,
      roles: FIRST_ROLES,
      robots: EVERY_ROBOT,
      region,
      auditKey: id(keys.audit),
      cosignKey: id(keys.cosign),
      notBeforeS: atS,
      expS: atS + GRANT_LIFE_MS / 1_000,
      issuedS: atS,
    },
    keys.issuer.seed,
    fleet,
  );
  return [root, charter, grant];
}

interface FirstMember {
  readonly node: NodeId;
  readonly region: string;
  readonly atS: number;
  readonly fleet: FleetId;
}

/** The key that the fleet is named by: the one of this fleet, one that is here already, or a new one. */
async function findRoot(
  folders: InitFolders,
  pin: FleetId | undefined,
  passphrase: string | undefined,
): Promise<Ed25519Key> {
  const paths = [folders.root, folders.data].map((dir) => join(dir, AUTHORITY_FILES.root));
  for (const path of paths) {
    const held = secretKeyId(path);
    if (held !== undefined && (pin === undefined || held === pin))
      return readSecretKey(path, passphrase);
  }
  if (pin === undefined) return keyFromSeed(generateSeed());
  throw new PulsemeshError(
    "fleet-mismatch",
    `Cannot make an authority: ${folders.data} is in fleet ${pin}, whose root key is in neither ${paths.join(" nor ")}. Nothing was changed.`,
  );
}

async function readOrDraw(path: string, passphrase?: string): Promise<Ed25519Key> {
  return secretKeyId(path) === undefined
    ? keyFromSeed(generateSeed())
    : readSecretKey(path, passphrase);
}

/** A key that is there as it should be stays as it is; one that a passphrase is to seal is written anew. */
async function planKey(
  folders: InitFolders,
  folder: PlannedFile["folder"],
  name: string,
  key: Ed25519Key,
  passphrase?: string,
): Promise<PlannedFile> {
  const path = join(folders[folder], name);
  const heldId = secretKeyId(path);
  if (heldId !== undefined && heldId !== encodeBase32(key.publicKey)) {
    throw new PulsemeshError(
      "data-dir-unusable",
      `Cannot write the key to ${path}: another key, ${heldId}, is there. Nothing was changed; name another folder.`,
    );
  }
  const held = readFileIfAny(path);
  const isKept = held !== undefined && (isSealed(held) || passphrase === undefined);
  return plan(folders, folder, name, isKept ? held : await writeSecretText(key, passphrase));
}

function plan(
  folders: InitFolders,
  folder: PlannedFile["folder"],
  name: string,
  text: string | null,
): PlannedFile {
  return { folder, name, text, before: readFileIfAny(join(folders[folder], name)) ?? null };
}

/** The two folders by their true names: the same one under two names would lose what is moved from one to the other. */
function openFolders({ dir, rootDir }: FleetAuthorityOptions): InitFolders {
  const [data, root] = [openFolder(dir), openFolder(rootDir)];
  const [one, other] = [statSync(data), statSync(root)];
  const isSame = one.dev === other.dev && one.ino === other.ino;
  return { data, root: isSame ? data : root };
}

function openFolder(dir: string): string {
  try {
    makeMissing(resolve(dir));
    const name = realpathSync(dir);
    // Also where somebody made it a moment ago: the keys are to outlive a power cut, and so is the folder around them.
    syncAround(dirname(name));
    return name;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PulsemeshError("data-dir-unusable", `Cannot use ${dir}: ${why}.`, { cause });
  }
}

/** What was begun with the root's keys in one folder is not begun again in another: that would be a second fleet. */
function refuseOtherRoot({ data, root }: InitFolders): void {
  const begun = unfinishedInit(data);
  if (begun === undefined || begun === root) return;
  throw new PulsemeshError(
    "data-dir-unusable",
    `Cannot make an authority in ${data} with the root's keys in ${root}: it was begun with them in ${begun}. Nothing was changed; repeat it with that folder.`,
  );
}

/** What was begun for one fleet is not finished by another that was made here since, and the keys in its journal are nowhere else. */
function refuseOtherFleet({ files }: InitJournal, { root, data }: InitFolders): void {
  const planned = files.find(({ name }) => name === AUTHORITY_FILES.pin)?.text;
  if (planned === undefined || planned === readFileIfAny(join(data, AUTHORITY_FILES.pin))) return;
  throw new PulsemeshError(
    "fleet-mismatch",
    `Cannot finish the fleet that was begun in ${root}: ${data} is in fleet ${readFleetPin(data) ?? "none"} since. Nothing was changed; remove ${join(root, "fleet-init.json")} if nobody needs that fleet, or name another folder.`,
  );
}

/** A root that says number 1 twice disputes itself (rule ME2). */
function refuseUsedRoot({ root }: InitFolders): void {
  const path = join(root, AUTHORITY_FILES.rootStatements);
  if (readStatements(path) === undefined) return;
  throw new PulsemeshError(
    "fleet-mismatch",
    `Cannot make an authority with the root's keys in ${root}: they have made a fleet already, as ${path} says. Nothing was changed; enrol this node with an invite of that fleet, or name another folder.`,
  );
}

async function checkJournal(
  { node, files }: InitJournal,
  self: NodeId,
  { root, data }: InitFolders,
  passphrase: string | undefined,
): Promise<void> {
  if (node !== self) {
    throw new PulsemeshError(
      "data-dir-unusable",
      `Cannot make an authority in ${data}: in ${root} one was begun for node ${node}, and this one is ${self}. Nothing was changed; repeat it there.`,
    );
  }
  const text = files.find(({ name }) => name === AUTHORITY_FILES.root)?.text;
  // Whoever finishes it should know by which passphrase it is sealed.
  if (typeof text === "string")
    await openKeyText(text, passphrase, join(root, AUTHORITY_FILES.root));
}

function describe(
  { data }: InitFolders,
  node: NodeId,
  status: FleetAuthority["status"],
): FleetAuthority {
  const fleet = readFleetPin(data);
  const statements = readStatements(join(data, AUTHORITY_FILES.statements));
  if (fleet === undefined || statements === undefined) {
    throw new PulsemeshError(
      "data-dir-unusable",
      `Cannot tell the fleet of ${data}: there is no ${AUTHORITY_FILES.pin}. Restore it from a copy.`,
    );
  }
  const issuer = secretKeyId(join(data, AUTHORITY_FILES.issuer));
  return { status, fleet, node, issuer, statements };
}
