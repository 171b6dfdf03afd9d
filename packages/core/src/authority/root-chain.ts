/**
 * Who has authority, as the root statements say (rules ME1, ME2): a function of the set of them, so that nodes that hold the same agree.
 *
 * Number 1 is signed by the key that the fleet is named by. Each further one names the one before, and is signed by the same key or by the one whose
 * hash that one committed to. Of several with one number the rotation stands, else the smaller id: who has stolen a root key cannot make the committed
 * next one, so he cannot undo the rotation that answers the theft.
 */
import { compareText, type FleetId, type HashHex, type KeyId } from "../ids.ts";
import type { Claims, GrantClaims, Issuer, RootClaims, StatementId } from "./claims.ts";
import { allowsPatterns } from "./robot-pattern.ts";
import type { Statement } from "./statement.ts";

/** Root statements that stand one upon the other. */
export const ROOTS_MAX: number = 128;
/** Of several with one number: the one that stands, and one more as the proof that somebody else has the key. */
const RIVALS_KEPT = 2;

export type RootStatement = Statement<RootClaims>;

/** What an authority key may do, over all root statements. */
interface Signer {
  /** Bounds of what it grants, as they were said last; undefined of a root. */
  issuer: Issuer | undefined;
  /** Statements dated before this count; infinite while it is named. In Unix seconds. */
  untilS: number;
  /** Of a void one: what alone counts. */
  kept: ReadonlySet<StatementId> | undefined;
}

export class RootChain {
  /** From number 1 on, without a gap. */
  readonly statements: readonly RootStatement[];
  /** Those, and of each number one other that could stand; nothing else is worth holding. */
  readonly kept: readonly RootStatement[];
  /** Numbers of which there is another one: somebody else has the root's key (rule ME2). */
  readonly disputed: readonly number[];
  readonly #signers = new Map<KeyId, Signer>();

  /** @param hashOf SHA-256 of a key's text */
  constructor(fleet: FleetId, roots: readonly RootStatement[], hashOf: (key: KeyId) => HashHex) {
    const statements: RootStatement[] = [];
    const kept: RootStatement[] = [];
    while (statements.length < ROOTS_MAX) {
      const before = statements.at(-1);
      const next = roots
        .filter((root) => follows(before, root, fleet, hashOf))
        .toSorted((a, b) => precedence(before, a, b));
      const [first] = next;
      if (first === undefined) break;
      statements.push(first);
      kept.push(...next.slice(0, RIVALS_KEPT));
    }
    this.statements = statements;
    this.kept = kept;
    this.disputed = kept.filter((root) => !statements.includes(root)).map(numberOf);
    for (const [at, statement] of statements.entries()) this.#learn(statement, statements[at + 1]);
  }

  /** The newest root statement that stands; undefined in a fleet without any. */
  get current(): RootStatement | undefined {
    return this.statements.at(-1);
  }

  /** Whether the statement's signer had the authority to make it. Root statements have their own order: those that stand. */
  isAuthorised({ id, claims }: Statement): boolean {
    switch (claims.kind) {
      case "root":
        return this.statements.some((statement) => statement.id === id);
      case "charter": {
        const root = this.statements.find((statement) => statement.id === claims.root);
        return root?.claims.charterKey === claims.signer;
      }
      case "grant": {
        const signer = this.#counting(id, claims);
        return signer?.issuer !== undefined && isWithin(claims, signer.issuer);
      }
      case "revocation":
        return this.#counting(id, claims) !== undefined;
    }
  }

  #counting(id: StatementId, { signer: key, issuedS }: Claims): Signer | undefined {
    const signer = this.#signers.get(key);
    if (signer === undefined) return undefined;
    const counts = signer.kept === undefined ? issuedS < signer.untilS : signer.kept.has(id);
    return counts ? signer : undefined;
  }

  #learn({ claims }: RootStatement, next: RootStatement | undefined): void {
    const { signer: root, issuers, voids } = claims;
    const named = new Set(next?.claims.issuers.map(({ key }) => key));
    this.#name(root, undefined, untilOf(next, next?.claims.signer === root));
    for (const issuer of issuers)
      this.#name(issuer.key, issuer, untilOf(next, named.has(issuer.key)));
    for (const { key, kept } of voids) {
      const signer = this.#signers.get(key) ?? { issuer: undefined, untilS: 0, kept: undefined };
      this.#signers.set(key, { ...signer, kept: new Set(kept) });
    }
  }

  #name(key: KeyId, issuer: Issuer | undefined, untilS: number): void {
    const known = this.#signers.get(key);
    this.#signers.set(key, { issuer: issuer ?? known?.issuer, untilS, kept: known?.kept });
  }
}

function numberOf({ claims }: RootStatement): number {
  return claims.number;
}

function untilOf(next: RootStatement | undefined, isNamedThere: boolean): number {
  return next === undefined || isNamedThere ? Number.POSITIVE_INFINITY : next.claims.issuedS;
}

function follows(
  before: RootStatement | undefined,
  { claims }: RootStatement,
  fleet: FleetId,
  hashOf: (key: KeyId) => HashHex,
): boolean {
  if (before === undefined) return claims.number === 1 && claims.signer === fleet;
  if (claims.number !== before.claims.number + 1 || claims.previous !== before.id) return false;
  return (
    claims.signer === before.claims.signer || hashOf(claims.signer) === before.claims.nextRootHash
  );
}

/** Negative when `a` stands before `b`. */
function precedence(before: RootStatement | undefined, a: RootStatement, b: RootStatement): number {
  const isSame = (root: RootStatement): number =>
    root.claims.signer === before?.claims.signer ? 1 : 0;
  return isSame(a) - isSame(b) || compareText(a.id, b.id);
}

/** Whether a grant stays within what its issuer may grant (rule ME1). */
function isWithin(grant: GrantClaims, issuer: Issuer): boolean {
  if (grant.notBeforeS >= issuer.expS) return false;
  if (!grant.roles.every((role) => issuer.roles.includes(role))) return false;
  return allowsPatterns(issuer.robots, grant.robots);
}
