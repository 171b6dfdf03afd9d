/**
 * What a change of a root's folder has said, by its statements before and after (rule ME6): whoever finishes one that was broken off learns whether that is
 * what he has asked for. A key that was stolen is not void because something else was finished in its place.
 */
import type { Issuer, KeyId, VoidIssuer } from "@pulsemesh/core";
import { parseStatements } from "./authority-file.ts";
import { AUTHORITY_FILES } from "./authority-files.ts";
import { reignOf } from "./theft-answer.ts";
import { type StatedRoot, type StatedRoots, statedRootsOf } from "./root-folder.ts";
import type { RootJournal } from "./root-journal.ts";

/** What is said anew; the rest stays as it is. */
export interface RootChange {
  /** The committed next key takes over, and a new next one is drawn. */
  readonly rotate?: boolean | undefined;
  /** Issuers to name; one that is named already gets these bounds and this end. */
  readonly name?: readonly Issuer[] | undefined;
  /** Issuers to name no more: what they have signed stays. */
  readonly drop?: readonly KeyId[] | undefined;
  /** Issuers whose key is not to be trusted, and what of theirs stays. */
  readonly voids?: readonly VoidIssuer[] | undefined;
  readonly charterKey?: KeyId | undefined;
}

export interface RootDeed {
  /** The next key has taken over. */
  readonly rotated: boolean;
  /** And took the place of all that the one before had signed behind its first statement. */
  readonly outdone: boolean;
  /** Issuers that were not named before. */
  readonly named: readonly KeyId[];
  /** Those that are named no more. */
  readonly dropped: readonly KeyId[];
  readonly voids: readonly VoidIssuer[];
  /** The folder of the node that got an issuer's key. */
  readonly issuerDir: string | undefined;
}

/** Undefined where the journal changes no statements, or they are damaged. */
export function deedOf({ data, files }: RootJournal): RootDeed | undefined {
  const { rootStatements, issuer } = AUTHORITY_FILES;
  const file = files.find(({ name }) => name === rootStatements);
  const [before, after] = [rootsIn(file?.before), rootsIn(file?.text)];
  if (before === undefined || after === undefined) return undefined;
  const [last, newest] = [newestOf(before).claims, newestOf(after).claims];
  const keysOf = ({ claims }: StatedRoot): readonly KeyId[] => claims.issuers.map(({ key }) => key);
  const [old, now] = [keysOf(newestOf(before)), keysOf(newestOf(after))];
  const base = reignOf(before);
  return {
    rotated: newest.signer !== last.signer,
    outdone: after[base.claims.number]?.claims.signer === newest.signer,
    named: now.filter((key) => !old.includes(key)),
    dropped: old.filter((key) => !now.includes(key)),
    voids: newest.voids,
    issuerDir: files.some(({ folder, name }) => folder === "data" && name === issuer)
      ? data
      : undefined,
  };
}

/** What is asked of a call that changes the folder. */
export interface RootAsked {
  readonly change: RootChange;
  /** The root's key is in other hands. @default false */
  readonly isStolen?: boolean | undefined;
  /** A node's folder that is to get an issuer's key, by its true name. */
  readonly issuerDir?: string | undefined;
}

/** Whether it says all that is asked for, and makes no key void that nobody has asked for. */
export function isAsked(
  deed: RootDeed,
  { change, isStolen = false, issuerDir }: RootAsked,
): boolean {
  const { rotate = false, name = [], drop = [], voids = [], charterKey } = change;
  // Of these no command asks alone: who does by a program looks himself.
  if (name.length > 0 || charterKey !== undefined) return false;
  return (
    deed.rotated === rotate &&
    (!isStolen || deed.outdone) &&
    deed.issuerDir === issuerDir &&
    drop.every((key) => deed.dropped.includes(key)) &&
    deed.voids.length === voids.length &&
    voids.every((one) => deed.voids.some((other) => isSame(one, other)))
  );
}

function isSame(one: VoidIssuer, other: VoidIssuer): boolean {
  const kept = new Set(one.kept);
  const isKept = other.kept.length === kept.size && other.kept.every((id) => kept.has(id));
  return one.key === other.key && isKept;
}

function rootsIn(text: string | null | undefined): StatedRoots | undefined {
  const tokens = typeof text === "string" ? parseStatements(text) : undefined;
  return tokens === undefined ? undefined : statedRootsOf(tokens);
}

function newestOf(roots: StatedRoots): StatedRoot {
  return roots.at(-1) ?? roots[0];
}
