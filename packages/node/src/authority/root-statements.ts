/**
 * The root's next word (rules ME1, ME2, ME6): who issues from now on, which key signs the charter, whose key was stolen, and the root's own rotation.
 *
 * A rotation is signed by the key that the statement before has committed to, takes its place, and commits to a newly drawn one. What answers a theft
 * takes the place of *everything* that the stolen key ever signed upon the statement that brought it: of two statements with one number and one key the
 * smaller id stands, so a thief can outdo any of them at any time, and with it whatever stands upon it; a rotation alone he cannot.
 */
import { realpathSync } from "node:fs";
import { join } from "node:path";
import {
  type FleetId,
  type Issuer,
  type KeyId,
  PulsemeshError,
  type RootClaims,
  type StatementId,
} from "@pulsemesh/core";
import { encodeBase32 } from "../keys/base32.ts";
import { generateSeed } from "../keys/ed25519.ts";
import { withFolderClaim } from "../keys/folder-claim.ts";
import { type Ed25519Key, keyFromSeed } from "../keys/key-file.ts";
import { readFileIfAny } from "../keys/private-file.ts";
import { isSealed, readSecretKey, secretKeyId, writeSecretText } from "../keys/secret-file.ts";
import { writeStatements } from "./authority-file.ts";
import { AUTHORITY_FILES } from "./authority-files.ts";
import { type FileChanges, type PlannedFile, privateFileChanges } from "./init-journal.ts";
import { deedOf, isAsked, type RootAsked, type RootChange, type RootDeed } from "./root-deed.ts";
import { beginRootChange, finishRootChange } from "./root-journal.ts";
import {
  hashOfKey,
  isRotation,
  newsTo,
  readStatedRoots,
  rootsOf,
  type StatedRoot,
  type StatedRoots,
} from "./root-folder.ts";
import {
  refuseUnanswerable,
  reignOf,
  type RootWords,
  signUponBase,
  theftAnswer,
} from "./theft-answer.ts";

/**
 * How far ahead a statement is dated that names an issuer no more, in seconds: what that one signs until it has heard of it still counts. Less than clocks
 * may differ by.
 */
export const HANDOVER_S: number = 60;
/**
 * The same of a statement that is carried to a node by hand, in seconds: until that is done the old issuer goes on renewing grants, and what it has signed
 * beyond its end would count nowhere: those members would be left with what they had before, or with nothing.
 */
export const HANDOVER_OFFLINE_S: number = 7 * 86_400;
/** The most that may be asked for: longer than a grant lasts. */
export const HANDOVER_S_MAX: number = 31 * 86_400;

export interface NextRootOptions {
  /** Where the root's keys are. */
  readonly rootDir: string;
  /** Opens them, and seals those that are drawn. @default they are not sealed */
  readonly passphrase?: string | undefined;
  /** Seals an issuer's key that a call before has drawn open, and that was broken off, where the key that it replaces was sealed since. */
  readonly issuerPassphrase?: string | undefined;
  readonly change: RootChange;
  /** Unix seconds. */
  readonly nowS: number;
  /** The fleet that is asked about. @default that of the folder */
  readonly fleet?: FleetId | undefined;
  /** What the fleet has: `authorityView().enrolment` of a node. @default not known, as on a machine without a network; then no theft is answered unless `isForged` */
  readonly known?: readonly string[] | undefined;
  /** The root's key is in other hands: the rotation takes the place of all that was signed with it since it came. @default false */
  readonly isStolen?: boolean | undefined;
  /**
   * What the fleet has by that key, and this folder does not hold, was signed by nobody of us. Its place is taken for good, and another copy of the folder
   * may be where it was signed. @default false: then such a fleet is refused
   */
  readonly isForged?: boolean | undefined;
  /** How far ahead a statement is dated that names an issuer no more, in seconds, {@link HANDOVER_S} to {@link HANDOVER_S_MAX}. @default HANDOVER_S */
  readonly handoverS?: number | undefined;
  /** How files are changed; for tests. @default the private-file way */
  readonly changes?: FileChanges | undefined;
}

export interface NextRoot {
  /** `completed`: one that was broken off before was finished, and nothing else was done. */
  readonly status: "signed" | "completed";
  /** Whether what is asked for has been done; what was finished may be another change. */
  readonly isAsked: boolean;
  /** What the statement that was finished says; undefined where one was signed. */
  readonly deed: RootDeed | undefined;
  readonly fleet: FleetId;
  readonly number: number;
  readonly id: StatementId;
  /** The newest statement; the answer to a theft may take several, which are in `statements`. */
  readonly token: string;
  /** As of when it counts, in Unix seconds: what an issuer has signed before stays that is named no more. */
  readonly issuedS: number;
  /** All of the folder's from number 1 on. */
  readonly statements: readonly string[];
}

/** Files of a node that change together with the root's, such as its issuer's key. */
export interface NodeFiles {
  readonly data: string;
  readonly files: readonly PlannedFile[];
}

/**
 * Signs the root's next statement and keeps it beside the keys; to be handed to any node of the fleet. All or nothing: who is interrupted repeats the call.
 *
 * @example
 * const { token } = await nextRootStatement({ rootDir: "/media/stick", passphrase, change: { rotate: true }, nowS: Date.now() / 1_000, known });
 *
 * @throws PulsemeshError `fleet-mismatch` when the fleet has a newer statement than the folder; `passphrase-wrong`, `data-dir-unusable`, `data-dir-open`,
 * `option-invalid`, `statement-malformed`, `statement-oversized`, `store-locked` while somebody else changes that folder
 */
export function nextRootStatement(options: NextRootOptions): Promise<NextRoot> {
  return signNextRoot(options, () => Promise.resolve(undefined));
}

/** The same, with files of a node, which are planned once it is sure that nothing older has to be finished. */
export async function signNextRoot(
  options: NextRootOptions & RootAsked,
  planNode: (
    current: RootClaims,
  ) => Promise<(NodeFiles & { readonly change: RootChange }) | undefined>,
): Promise<NextRoot> {
  const rootDir = openRootDir(options.rootDir);
  return withFolderClaim(rootDir, () => signUpon(rootDir, options, planNode));
}

async function signUpon(
  rootDir: string,
  options: NextRootOptions & RootAsked,
  planNode: Parameters<typeof signNextRoot>[1],
): Promise<NextRoot> {
  const { known = [], changes = privateFileChanges, isStolen = false } = options;
  const finished = await finishRootChange(rootDir, changes, options.issuerPassphrase);
  if (finished !== undefined) {
    const deed = deedOf(finished);
    const wasAsked = deed !== undefined && isAsked(deed, options);
    return { ...describe(readStatedRoots(rootDir)), status: "completed", deed, isAsked: wasAsked };
  }
  const own = readStatedRoots(rootDir);
  const fleet = own[0].claims.signer;
  refuseOtherFleet(rootDir, fleet, options.fleet);
  if (isStolen) refuseUnasked(rootDir, options);
  refuseBehind(rootDir, own, rootsOf(known, fleet), options);
  const node = await planNode(newest(own).claims);
  const change = { ...options.change, ...node?.change };
  const base = isStolen ? reignOf(own) : newest(own);
  const words = isStolen ? answer(own, change, options.nowS) : [draft(own, change, options)];
  const { signer, files } = await planKeys(
    rootDir,
    options.passphrase,
    base,
    change.rotate === true,
  );
  const nextRootHash = files.nextHash ?? base.claims.nextRootHash;
  const roots = await signUponBase(own, base, words, signer, nextRootHash);
  // Nor may the answer itself make the next one impossible; but no answer at all is worse.
  if (!isStolen) await refuseUnanswerable(roots);
  const statements = plan(
    rootDir,
    AUTHORITY_FILES.rootStatements,
    writeStatements(roots.map((root) => root.token)),
  );
  const planned = [...files.planned, statements, ...(node?.files ?? [])];
  await beginRootChange(rootDir, { data: node?.data ?? rootDir, files: planned }, changes);
  return { ...describe(roots), status: "signed", deed: undefined, isAsked: true };
}

/** What the next statement says. */
function draft(
  own: StatedRoots,
  { name = [], drop = [], voids = [], charterKey }: RootChange,
  { nowS, handoverS = HANDOVER_S }: NextRootOptions,
): RootWords {
  const last = newest(own);
  const gone = new Set([...drop, ...voids.map(({ key }) => key), ...name.map(({ key }) => key)]);
  const issuers = [...last.claims.issuers.filter(({ key }) => !gone.has(key)), ...name];
  const charter = charterKey ?? last.claims.charterKey;
  const isHandover = drop.length > 0;
  checkHandover(handoverS);
  checkIssuers(own, issuers, charter, drop);
  return {
    charterKey: charter,
    issuers,
    voids,
    // Behind all that its issuers signed, also where the one before was made by a clock ahead.
    issuedS: Math.max(
      Math.floor(nowS) + (isHandover ? handoverS : 0),
      last.claims.issuedS + (isHandover ? HANDOVER_S : 0),
    ),
  };
}

function checkHandover(handoverS: number): void {
  const isWhole = Number.isInteger(handoverS);
  if (isWhole && handoverS >= HANDOVER_S && handoverS <= HANDOVER_S_MAX) return;
  throw refused(`a handover of ${handoverS} s is none of ${HANDOVER_S} to ${HANDOVER_S_MAX} s`);
}

/** What follows a theft changes nothing else: the same is to count as before. */
function answer(own: StatedRoots, change: RootChange, nowS: number): readonly RootWords[] {
  const { rotate, ...others } = change;
  if (rotate !== true || Object.values(others).some((each) => each !== undefined))
    throw refused("a stolen root key is answered by its rotation, and by nothing else");
  return theftAnswer(own, nowS);
}

function checkIssuers(
  own: StatedRoots,
  issuers: readonly Issuer[],
  charterKey: KeyId,
  drop: readonly KeyId[],
): void {
  const keys = issuers.map(({ key }) => key);
  const voided = own.flatMap(({ claims }) => claims.voids.map(({ key }) => key));
  const again = keys.find((key) => voided.includes(key));
  if (again !== undefined) throw refused(`the key ${again} was made void, and never counts again`);
  const unknown = drop.find(
    (key) => !newest(own).claims.issuers.some((issuer) => issuer.key === key),
  );
  if (unknown !== undefined) throw refused(`${unknown} is no issuer of this fleet`);
  if (keys.length === 0)
    throw refused("nobody would be left who may issue; name another issuer in the same statement");
  if (!keys.includes(charterKey))
    throw refused(
      `the charter's key, ${charterKey}, would be nobody's; name one of the issuers for it`,
    );
}

interface PlannedKeys {
  readonly signer: Ed25519Key;
  readonly files: { readonly nextHash?: string; readonly planned: readonly PlannedFile[] };
}

/** Who signs: the root's key, or in a rotation the committed next one, which then stands in its place. */
async function planKeys(
  rootDir: string,
  passphrase: string | undefined,
  base: StatedRoot,
  isRotating: boolean,
): Promise<PlannedKeys> {
  const [rootPath, nextPath] = [AUTHORITY_FILES.root, AUTHORITY_FILES.nextRoot].map((name) =>
    join(rootDir, name),
  ) as [string, string];
  const path = isRotating ? nextPath : rootPath;
  const held = secretKeyId(path);
  const isRight = isRotating
    ? held !== undefined && hashOfKey(held) === base.claims.nextRootHash
    : held === base.claims.signer;
  if (!isRight) {
    throw new PulsemeshError(
      "data-dir-unusable",
      `Cannot sign upon root statement ${base.claims.number} with the key in ${path}: ${held === undefined ? "there is none" : `that is ${held}, which may not`}. Nothing was changed; restore the folder from its other copy.`,
    );
  }
  const signer = await readSecretKey(path, passphrase);
  if (!isRotating) return { signer, files: { planned: [] } };
  const next = keyFromSeed(generateSeed());
  const text = readFileIfAny(nextPath) ?? "";
  const isKept = passphrase === undefined || isSealed(text);
  const rootText = isKept ? text : await writeSecretText(signer, passphrase);
  return {
    signer,
    files: {
      nextHash: hashOfKey(encodeBase32(next.publicKey)),
      planned: [
        plan(rootDir, AUTHORITY_FILES.root, rootText),
        plan(rootDir, AUTHORITY_FILES.nextRoot, await writeSecretText(next, passphrase)),
      ],
    },
  };
}

function refuseOtherFleet(rootDir: string, fleet: FleetId, asked: FleetId = fleet): void {
  if (asked === fleet) return;
  throw new PulsemeshError(
    "fleet-mismatch",
    `Cannot sign for fleet ${asked} with the root's keys in ${rootDir}: they are those of ${fleet}. Nothing was changed; ask a node of that fleet.`,
  );
}

/** What was signed with another copy of the folder would be gone before anybody was told. */
function refuseUnasked(
  rootDir: string,
  { known, isForged = false }: Pick<NextRootOptions, "known" | "isForged">,
): void {
  if (known !== undefined || isForged) return;
  throw new PulsemeshError(
    "option-invalid",
    `Cannot answer the theft with the root's keys in ${rootDir} without knowing what the fleet has: what this folder does not hold would be undone for good. Nothing was changed; carry here what 'pulsemesh grant list --json' prints at a node, and name it with --known FILE, or repeat it with --forged if nobody of you has signed anything with another copy of the folder.`,
  );
}

/** @throws PulsemeshError `fleet-mismatch` */
function refuseBehind(
  rootDir: string,
  own: StatedRoots,
  known: readonly StatedRoot[],
  { isStolen = false, isForged = false }: Pick<NextRootOptions, "isStolen" | "isForged">,
): void {
  const news = newsTo(own, known);
  if (news === undefined) return;
  const { number, signer } = news.claims;
  const base = reignOf(own);
  const rotated = known.find(({ claims }) => claims.previous === base.id);
  const isRotated = rotated !== undefined && isRotation(base, rotated);
  if (isStolen && !isRotated) {
    if (isForged) return;
    throw unheld(rootDir, own, known);
  }
  const next = isRotated
    ? "take the copy of the folder with which that was done"
    : "take the copy of the folder with which you have signed it; if nobody of you has, the root's key is stolen: pulsemesh key rotate root --stolen";
  throw new PulsemeshError(
    "fleet-mismatch",
    `Cannot sign with the root's keys in ${rootDir}: they end at statement ${newest(own).claims.number}, and the fleet has another number ${number}, signed by ${signer}. Nothing was changed; ${next}.`,
  );
}

/** The rotation would be the first word of its key, after which no other copy of the folder can say anything. */
function unheld(rootDir: string, own: StatedRoots, known: readonly StatedRoot[]): PulsemeshError {
  const held = new Set(own.map(({ id }) => id));
  const said = known.filter(({ id }) => !held.has(id)).map(describeUnheld);
  return new PulsemeshError(
    "fleet-mismatch",
    `Cannot answer the theft with the root's keys in ${rootDir}: the fleet has what this folder does not hold: ${said.join("; ")}. All of it would be undone for good. Nothing was changed; if anybody of you has signed it, take the copy of the folder with which that was done; if nobody of you has, repeat it with --forged.`,
  );
}

function describeUnheld({ claims }: StatedRoot): string {
  const { number, issuedS, issuers, voids } = claims;
  const named = issuers.map(({ key }) => key).join(", ");
  const voided = voids.map(({ key }) => ` and makes ${key} void`).join("");
  return `number ${number} of ${new Date(issuedS * 1_000).toISOString()}, which names ${named === "" ? "nobody" : named}${voided}`;
}

function newest(own: StatedRoots): StatedRoot {
  return own.at(-1) ?? own[0];
}

function plan(rootDir: string, name: string, text: string): PlannedFile {
  return { folder: "root", name, text, before: readFileIfAny(join(rootDir, name)) ?? null };
}

function describe(own: StatedRoots): Omit<NextRoot, "status" | "deed" | "isAsked"> {
  const { id, token, claims } = newest(own);
  const statements = own.map((root) => root.token);
  const { number, issuedS } = claims;
  return { fleet: own[0].claims.signer, number, id, token, issuedS, statements };
}

function openRootDir(dir: string): string {
  try {
    return realpathSync(dir);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PulsemeshError("data-dir-unusable", `Cannot use ${dir}: ${why}.`, { cause });
  }
}

function refused(why: string): PulsemeshError {
  return new PulsemeshError(
    "option-invalid",
    `Cannot sign this root statement: ${why}. Nothing was changed.`,
  );
}
