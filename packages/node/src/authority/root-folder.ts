/** What a root has stated so far, as the folder with its keys says (rules ME2, ME6), and whether a fleet knows more than that. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  dagCborCodec,
  type FleetId,
  isKeyId,
  type KeyId,
  keyHash,
  PulsemeshError,
  readClaims,
  type RootClaims,
  type StatementId,
  statementId,
} from "@pulsemesh/core";
import { sha256 } from "../ports/sha256.ts";
import { tokenPort } from "../ports/tokens.ts";
import { readStatements } from "./authority-file.ts";
import { AUTHORITY_FILES } from "./authority-files.ts";

export interface StatedRoot {
  readonly id: StatementId;
  readonly token: string;
  readonly claims: RootClaims;
}

/** From number 1 on, one upon the other; the first is always there. */
export type StatedRoots = readonly [StatedRoot, ...StatedRoot[]];

const hashing = { codec: dagCborCodec, hash: { sha256 } };

export function hashOfKey(key: KeyId): string {
  return keyHash(hashing, key);
}

/** A root statement as it is held. */
export function statedRoot(token: string, claims: RootClaims): StatedRoot {
  return { id: statementId(hashing, token), token, claims };
}

/**
 * Every statement of a root's folder.
 * @throws PulsemeshError `data-dir-unusable` when there is none, or they do not stand one upon the other
 */
export function readStatedRoots(rootDir: string): StatedRoots {
  const path = join(rootDir, AUTHORITY_FILES.rootStatements);
  const tokens = readStatements(path);
  if (tokens === undefined) {
    throw new PulsemeshError(
      "data-dir-unusable",
      `Cannot find the root's statements in ${path}. Nothing was changed; name the folder that 'pulsemesh init' put the root's keys in, or repeat an init that was broken off.`,
    );
  }
  const roots = statedRootsOf(tokens);
  if (roots !== undefined) return roots;
  throw new PulsemeshError(
    "data-dir-unusable",
    `Cannot use the root's statements in ${path}: they are damaged. Nothing was changed; restore the file from the folder's other copy.`,
  );
}

/** The statements of a root in a file of its folder; undefined where they do not stand one upon the other, from number 1 on. */
export function statedRootsOf(tokens: readonly string[]): StatedRoots | undefined {
  const fleet = fleetOf(tokens[0]);
  const roots = fleet === undefined ? [] : rootsOf(tokens, fleet);
  const [first] = roots;
  const isWhole = roots.length === tokens.length && first?.claims.signer === fleet;
  if (first === undefined || !isWhole) return undefined;
  return roots.every((root, at) => follows(roots[at - 1], root))
    ? (roots as unknown as StatedRoots)
    : undefined;
}

/** The first of some folders that holds the keys of a fleet's root; undefined where none does that can be read. */
export function rootFolderAmong(places: readonly string[], fleet: FleetId): string | undefined {
  return places.find((place) => {
    try {
      const isThere = existsSync(join(place, AUTHORITY_FILES.root));
      return isThere && readStatedRoots(place)[0].claims.signer === fleet;
    } catch {
      return false;
    }
  });
}

/** The root statements among some tokens, in their order; what is of another fleet, or cannot be read, is left out. */
export function rootsOf(tokens: readonly string[], fleet: FleetId): readonly StatedRoot[] {
  return tokens.flatMap((token) => {
    const read = tokenPort.read(token);
    const result = read === undefined ? undefined : readClaims(read, fleet);
    return result?.ok === true && result.claims.kind === "root"
      ? [statedRoot(token, result.claims)]
      : [];
  });
}

/**
 * The first statement of `known`, which a fleet has standing, that makes the folder's own end before it: one that goes on where the folder ends, or
 * stands in place of one of the folder's. Undefined when the folder knows as much as the fleet, or more.
 */
export function newsTo(own: StatedRoots, known: readonly StatedRoot[]): StatedRoot | undefined {
  const inOrder = known.toSorted((a, b) => a.claims.number - b.claims.number);
  const at = inOrder.findIndex(({ id, claims }) => own[claims.number - 1]?.id !== id);
  const theirs = inOrder[at];
  if (theirs === undefined) return undefined;
  const { number } = theirs.claims;
  // Where the folder's stands, what the fleet has falls as soon as it hears of that.
  const isMine = standsBefore(own[number - 2], own.slice(number - 1), inOrder.slice(at));
  return isMine ? undefined : theirs;
}

/** Whether it is signed by the key that the statement before it has committed to. */
export function isRotation(before: StatedRoot | undefined, { claims }: StatedRoot): boolean {
  return before !== undefined && hashOfKey(claims.signer) === before.claims.nextRootHash;
}

/** As core decides it: the rotation, else the one that a rotation stands upon, else the smaller id. */
function standsBefore(
  before: StatedRoot | undefined,
  own: readonly StatedRoot[],
  known: readonly StatedRoot[],
): boolean {
  const [[mine], [theirs]] = [own, known];
  if (mine === undefined || theirs === undefined) return mine !== undefined;
  const isMine = isRotation(before, mine);
  if (isMine !== isRotation(before, theirs)) return isMine;
  const isFounded = isRotatedUpon(own);
  return isFounded === isRotatedUpon(known) ? mine.id < theirs.id : isFounded;
}

function isRotatedUpon([first, ...later]: readonly StatedRoot[]): boolean {
  return later.some(({ claims }) => claims.signer !== first?.claims.signer);
}

function follows(before: StatedRoot | undefined, root: StatedRoot): boolean {
  const { claims } = root;
  if (before === undefined) return claims.number === 1;
  if (claims.number !== before.claims.number + 1 || claims.previous !== before.id) return false;
  return claims.signer === before.claims.signer || isRotation(before, root);
}

function fleetOf(token: string | undefined): FleetId | undefined {
  const claims = token === undefined ? undefined : tokenPort.read(token)?.claims;
  if (typeof claims !== "object" || claims === null || !("aud" in claims)) return undefined;
  return isKeyId(claims.aud) ? claims.aud : undefined;
}
