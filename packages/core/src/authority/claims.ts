/**
 * What the statements of a fleet's authority say (rules ME1–ME3), once a {@link TokenPort} has checked who signed them: the root's statement, the
 * charter, grants and revocations. Everything is bounded and nothing is guessed: one claim that is wrong makes the whole statement malformed; claims
 * of other names are left to later versions (rule SG2).
 */
import { isHashHex } from "../wire/hex.ts";
import { isIntegerIn, isMap, isTextUpTo } from "../wire/fields.ts";
import {
  DOCUMENTS,
  isKeyId,
  isNodeId,
  type DocumentName,
  type FleetId,
  type HashHex,
  type KeyId,
  type NodeId,
} from "../ids.ts";
import type { ReadToken } from "../ports.ts";
import { EPOCH_MAX, HEADER_TEXT_LENGTH_MAX, SEQ_MAX, SNAPSHOT_PARTS_MAX } from "../chain/limits.ts";
import {
  CUTS_MAX,
  GRANT_LIFE_S_MAX,
  ISSUERS_MAX,
  KEPT_MAX,
  NUMBER_MAX,
  REASON_LENGTH_MAX,
  ROBOT_PATTERNS_MAX,
  SECONDS_MAX,
} from "./limits.ts";
import { isRobotPattern } from "./robot-pattern.ts";

/** What a member may do (DESIGN §6). `observer` stands alone: who observes has no other role. */
export type Role = "robot" | "gateway" | "operator" | "responder" | "observer";
export const ROLES: readonly Role[] = ["robot", "gateway", "operator", "responder", "observer"];

/** The SHA-256 of a statement's token, by which others name it. */
export type StatementId = HashHex;

/** A key that may sign grants and revocations, up to what it may grant. */
export interface Issuer {
  readonly key: KeyId;
  /** Unix seconds from which on it begins no more grants. */
  readonly expS: number;
  readonly roles: readonly Role[];
  readonly robots: readonly string[];
}

/** An issuer whose key is not to be trusted: of what it signed counts what is named, and nothing else. */
export interface VoidIssuer {
  readonly key: KeyId;
  readonly kept: readonly StatementId[];
}

/** The root's word: who issues, who signs the charter, and which key is the next root's. */
export interface RootClaims {
  readonly kind: "root";
  readonly signer: KeyId;
  readonly number: number;
  /** The statement before this one; undefined for the first. */
  readonly previous: StatementId | undefined;
  /** `keyHash` of the next root's key: it alone can take over. */
  readonly nextRootHash: HashHex;
  readonly charterKey: KeyId;
  readonly issuers: readonly Issuer[];
  readonly voids: readonly VoidIssuer[];
  readonly issuedS: number;
}

/** The fleet's numbered membership statement: which root statement and how many revocations it knows, as of when. */
export interface CharterClaims {
  readonly kind: "charter";
  readonly signer: KeyId;
  readonly number: number;
  readonly previous: StatementId | undefined;
  readonly root: StatementId;
  readonly revocations: number;
  /** `idsHash` of all revocations. */
  readonly revocationsHash: HashHex;
  readonly issuedS: number;
}

export interface GrantClaims {
  readonly kind: "grant";
  readonly signer: KeyId;
  readonly node: NodeId;
  readonly roles: readonly Role[];
  /** Robots that the node may write about, as patterns; see `robot-pattern.ts`. */
  readonly robots: readonly string[];
  readonly region: string;
  /** Keys that sign the node's audit log and cosign others' (rule SG1). */
  readonly auditKey: KeyId;
  readonly cosignKey: KeyId;
  readonly notBeforeS: number;
  readonly expS: number;
  readonly issuedS: number;
}

/** Where a revoked author's chain ends, and what stands for it from then on. */
export interface Cut {
  readonly document: DocumentName;
  readonly epoch: number;
  readonly seq: number;
  readonly hash: HashHex;
  /** SHA-256 of each part of the custody snapshot, in order; none where nothing was shown. */
  readonly parts: readonly HashHex[];
  /** Robots in it. */
  readonly robots: number;
}

export interface RevocationClaims {
  readonly kind: "revocation";
  readonly signer: KeyId;
  readonly node: NodeId;
  readonly reason: string;
  /** Sorted by document, none twice; of a document that is not named nothing is kept. */
  readonly cuts: readonly Cut[];
  readonly issuedS: number;
}

export type Claims = RootClaims | CharterClaims | GrantClaims | RevocationClaims;

/** The `typ` of each kind's token: a grant can never be taken for a charter (RFC 8725 §3.11). */
export const TOKEN_TYPES: Readonly<Record<Claims["kind"], string>> = {
  root: "pulsemesh-root+jwt",
  charter: "pulsemesh-charter+jwt",
  grant: "pulsemesh-grant+jwt",
  revocation: "pulsemesh-revocation+jwt",
};

export type ClaimsResult =
  | { readonly ok: true; readonly claims: Claims }
  | {
      readonly ok: false;
      readonly code: "statement-malformed" | "statement-unknown" | "fleet-foreign";
    };

/** The `typ` of a statement in any version: of one that is none of {@link TOKEN_TYPES} a later version knows more. */
const TYPE_FORM = /^pulsemesh-[a-z]{1,32}\+jwt$/;

type JsonMap = Readonly<Record<string, unknown>>;
type Reader = (claims: JsonMap, signer: KeyId, issuedS: number) => Claims | undefined;

/** Reads the claims of a token whose signature was checked. Never throws. */
export function readClaims(token: ReadToken, fleet: FleetId): ClaimsResult {
  const kind = (Object.keys(TOKEN_TYPES) as readonly Claims["kind"][]).find(
    (each) => TOKEN_TYPES[each] === token.type,
  );
  const { claims } = token;
  const isKnown = kind !== undefined || TYPE_FORM.test(token.type);
  if (!isKnown || !isMap(claims)) return { ok: false, code: "statement-malformed" };
  const { aud, iss, iat } = claims;
  if (iss !== token.signer || !isSeconds(iat)) return { ok: false, code: "statement-malformed" };
  if (aud !== fleet) return { ok: false, code: "fleet-foreign" };
  if (kind === undefined) return { ok: false, code: "statement-unknown" };
  const read = READERS[kind](claims, token.signer, iat);
  return read === undefined
    ? { ok: false, code: "statement-malformed" }
    : { ok: true, claims: read };
}

/** The JSON of a statement, for who signs it. */
export function writeClaims(claims: Claims, fleet: FleetId): JsonMap {
  const common = { iss: claims.signer, aud: fleet, iat: claims.issuedS };
  switch (claims.kind) {
    case "root": {
      const { number: num, previous, nextRootHash: next, charterKey: charter } = claims;
      const issuers = claims.issuers.map(({ expS: exp, ...rest }) => ({ ...rest, exp }));
      return { ...common, num, prev: previous ?? null, next, charter, issuers, void: claims.voids };
    }
    case "charter": {
      const { number: num, previous, root, revocations, revocationsHash: revoked } = claims;
      return { ...common, num, prev: previous ?? null, root, revocations, revoked };
    }
    case "grant": {
      const { node: sub, notBeforeS: nbf, expS: exp, roles, robots, region } = claims;
      const { auditKey: audit, cosignKey: cosign } = claims;
      return { ...common, sub, nbf, exp, roles, robots, region, audit, cosign };
    }
    case "revocation": {
      const { node: sub, reason, cuts } = claims;
      return { ...common, sub, reason, cuts };
    }
  }
}

const READERS: Readonly<Record<Claims["kind"], Reader>> = {
  root: readRoot,
  charter: readCharter,
  grant: readGrant,
  revocation: readRevocation,
};

function readRoot(claims: JsonMap, signer: KeyId, issuedS: number): RootClaims | undefined {
  const { num: number, prev, next: nextRootHash, charter: charterKey } = claims;
  const issuers = readList(claims["issuers"], ISSUERS_MAX, readIssuer);
  const voids = readList(claims["void"], ISSUERS_MAX, readVoid);
  if (issuers === undefined || voids === undefined) return undefined;
  if (!areApart(issuers.map(({ key }) => key)) || !areApart(voids.map(({ key }) => key)))
    return undefined;
  if (!isNumber(number) || !isHashHex(nextRootHash) || !isKeyId(charterKey)) return undefined;
  const previous = readPrevious(number, prev);
  if (previous === undefined) return undefined;
  return {
    kind: "root",
    signer,
    number,
    previous: previous[0],
    nextRootHash,
    charterKey,
    issuers,
    voids,
    issuedS,
  };
}

function readIssuer(value: unknown): Issuer | undefined {
  if (!isMap(value)) return undefined;
  const { key, exp, roles, robots } = value;
  if (!isKeyId(key) || !isSeconds(exp) || !isRoles(roles) || !isPatterns(robots)) return undefined;
  return { key, expS: exp, roles, robots };
}

function readVoid(value: unknown): VoidIssuer | undefined {
  if (!isMap(value) || !isKeyId(value["key"])) return undefined;
  const kept = readList(value["kept"], KEPT_MAX, (id) => (isHashHex(id) ? id : undefined));
  return kept === undefined ? undefined : { key: value["key"], kept };
}

function readCharter(claims: JsonMap, signer: KeyId, issuedS: number): CharterClaims | undefined {
  const { num: number, prev, root, revocations, revoked } = claims;
  if (!isNumber(number) || !isHashHex(root) || !isHashHex(revoked)) return undefined;
  if (!isIntegerIn(revocations, 0, NUMBER_MAX)) return undefined;
  const previous = readPrevious(number, prev);
  if (previous === undefined) return undefined;
  return {
    kind: "charter",
    signer,
    number,
    previous: previous[0],
    root,
    revocations,
    revocationsHash: revoked,
    issuedS,
  };
}

function readGrant(claims: JsonMap, signer: KeyId, issuedS: number): GrantClaims | undefined {
  const { sub: node, nbf, exp, roles, robots, region, audit, cosign } = claims;
  if (!isNodeId(node) || !isSeconds(nbf) || !isSeconds(exp)) return undefined;
  if (exp <= nbf || exp - nbf > GRANT_LIFE_S_MAX) return undefined;
  if (!isRoles(roles) || !isSound(roles) || !isPatterns(robots)) return undefined;
  if (!isTextUpTo(region, HEADER_TEXT_LENGTH_MAX) || region === "") return undefined;
  if (!isKeyId(audit) || !isKeyId(cosign)) return undefined;
  return {
    kind: "grant",
    signer,
    node,
    roles,
    robots,
    region,
    auditKey: audit,
    cosignKey: cosign,
    notBeforeS: nbf,
    expS: exp,
    issuedS,
  };
}

function readRevocation(
  claims: JsonMap,
  signer: KeyId,
  issuedS: number,
): RevocationClaims | undefined {
  const { sub: node, reason } = claims;
  const cuts = readList(claims["cuts"], CUTS_MAX, readCut);
  if (!isNodeId(node) || !isTextUpTo(reason, REASON_LENGTH_MAX) || cuts === undefined)
    return undefined;
  if (!areApart(cuts.map(({ document }) => document))) return undefined;
  return { kind: "revocation", signer, node, reason, cuts, issuedS };
}

function readCut(value: unknown): Cut | undefined {
  if (!isMap(value)) return undefined;
  const { document, epoch, seq, hash, robots } = value;
  const parts = readList(value["parts"], SNAPSHOT_PARTS_MAX, (id) =>
    isHashHex(id) ? id : undefined,
  );
  const isPlace =
    isIntegerIn(epoch, 1, EPOCH_MAX) && isIntegerIn(seq, 0, SEQ_MAX) && isHashHex(hash);
  if (!isPlace || parts === undefined || !isIntegerIn(robots, 0, NUMBER_MAX)) return undefined;
  if (!DOCUMENTS.includes(document as DocumentName)) return undefined;
  return { document: document as DocumentName, epoch, seq, hash, parts, robots };
}

/** The statement before, in a list that is empty for the first one; undefined where it should be there or should not. */
function readPrevious(number: number, previous: unknown): readonly StatementId[] | undefined {
  if (number === 1) return previous === null ? [] : undefined;
  return isHashHex(previous) ? [previous] : undefined;
}

function readList<T>(
  value: unknown,
  countMax: number,
  read: (item: unknown) => T | undefined,
): readonly T[] | undefined {
  if (!Array.isArray(value) || value.length > countMax) return undefined;
  const items = (value as readonly unknown[]).map(read).filter((item) => item !== undefined);
  return items.length === value.length ? items : undefined;
}

function isNumber(value: unknown): value is number {
  return isIntegerIn(value, 1, NUMBER_MAX);
}

function isSeconds(value: unknown): value is number {
  return isIntegerIn(value, 0, SECONDS_MAX);
}

function isRoles(value: unknown): value is readonly Role[] {
  if (!Array.isArray(value) || value.length === 0 || !areApart(value)) return false;
  return value.every((role) => ROLES.includes(role as Role));
}

/** Who observes does nothing else; an issuer may grant it among others. */
function isSound(roles: readonly Role[]): boolean {
  return roles.length === 1 || !roles.includes("observer");
}

function isPatterns(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= ROBOT_PATTERNS_MAX && value.every(isRobotPattern);
}

function areApart(values: readonly unknown[]): boolean {
  return new Set(values).size === values.length;
}
