/**
 * Who has authority, as the root statements say (rules ME1, ME2): a function of the set of them, so that nodes that hold the same agree.
 *
 * Number 1 is signed by the key that the fleet is named by. Each further one names the one before, and is signed by the same key or by the one whose
 * hash that one committed to. Of several with one number the rotation stands, else the one that a rotation stands upon, else the smaller id: who has
 * stolen a root key cannot make the committed next one, so he cannot undo the rotation that answers the theft, nor one made long before.
 *
 * What a key commits to is said in its first statement and never changes, and that first statement is the one that was seen first: whoever steals a key
 * can write another first one, with a next key of his own, and no rule about the set of both could tell which is genuine. This is the one place where
 * the order counts. Nobody honest makes two, so where no root key is stolen nodes that hold the same agree as everywhere else.
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

/** What an issuer may do, over all root statements. A root's own key signs those and nothing else: its thief would have what he signs counted by its date. */
export interface Signer {
  /** Bounds of what it grants, as they were said last; undefined of one that was made void and never named. */
  readonly issuer: Issuer | undefined;
  /** Statements dated before this count; infinite while it is named. In Unix seconds. */
  readonly untilS: number;
  /** Of a void one: what alone counts. */
  readonly kept?: ReadonlySet<StatementId> | undefined;
  /** Number of the root statement that named it first. */
  readonly sinceNumber: number;
}

export class RootChain {
  /** From number 1 on, without a gap. */
  readonly statements: readonly RootStatement[];
  /** Those, and of each number one other that could stand; nothing else is worth holding. */
  readonly kept: readonly RootStatement[];
  /** Numbers of which there is another one: somebody else has the root's key (rule ME2). */
  readonly disputed: readonly number[];
  readonly #signers = new Map<KeyId, Signer>();
  /** Keys that these root statements speak of, and hashes of those that they commit to. */
  readonly #named = new Set<string>();
  readonly #hashOf: (key: KeyId) => HashHex;
  /** Number of the first statement that the newest one's key has signed. */
  readonly #reignNumber: number;

  /**
   * @param roots in the order in which they were seen
   * @param hashOf SHA-256 of a key's text
   */
  constructor(fleet: FleetId, roots: readonly RootStatement[], hashOf: (key: KeyId) => HashHex) {
    const statements: RootStatement[] = [];
    const kept: RootStatement[] = [];
    const counting = withoutLaterOpenings(roots);
    const founded = rotatedUpon(counting, (before, root) => follows(before, root, fleet, hashOf));
    while (statements.length < ROOTS_MAX) {
      const before = statements.at(-1);
      const next = counting
        .filter((root) => follows(before, root, fleet, hashOf))
        .toSorted((a, b) => precedence(before, founded, a, b));
      const [first] = next;
      if (first === undefined) break;
      statements.push(first);
      kept.push(...next.slice(0, RIVALS_KEPT));
    }
    this.statements = statements;
    this.kept = kept;
    this.disputed = kept.filter((root) => !statements.includes(root)).map(numberOf);
    const isOfReign = ({ claims }: RootStatement): boolean =>
      claims.signer === statements.at(-1)?.claims.signer;
    this.#reignNumber = statements.find(isOfReign)?.claims.number ?? 0;
    this.#hashOf = hashOf;
    this.#named.add(fleet);
    for (const { claims } of kept) {
      const { signer, charterKey, nextRootHash, issuers, voids } = claims;
      for (const key of [signer, charterKey, nextRootHash]) this.#named.add(key);
      for (const { key } of [...issuers, ...voids]) this.#named.add(key);
    }
    for (const [at, statement] of statements.entries()) this.#learn(statement, statements[at + 1]);
  }

  /** The newest root statement that stands; undefined in a fleet without any. */
  get current(): RootStatement | undefined {
    return this.statements.at(-1);
  }

  /** Everybody who was ever named an issuer or made void, by these statements. */
  get signers(): ReadonlyMap<KeyId, Signer> {
    return this.#signers;
  }

  /** Whether some root statement that is held speaks of that key: what any other signs counts nowhere, whatever it says. */
  isNamed(key: KeyId): boolean {
    return this.#named.has(key) || this.#named.has(this.#hashOf(key));
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
        return this.#counting(id, claims)?.issuer !== undefined;
    }
  }

  /** Whether the key was named by what the newest root's key cannot undo: the statements up to the first one that it has signed. */
  isSettled(key: KeyId): boolean {
    return (this.#signers.get(key)?.sinceNumber ?? Number.POSITIVE_INFINITY) <= this.#reignNumber;
  }

  #counting(id: StatementId, { signer: key, issuedS }: Claims): Signer | undefined {
    const signer = this.#signers.get(key);
    if (signer === undefined) return undefined;
    const counts = signer.kept === undefined ? issuedS < signer.untilS : signer.kept.has(id);
    return counts ? signer : undefined;
  }

  #learn({ claims }: RootStatement, next: RootStatement | undefined): void {
    const { issuers, voids, number: sinceNumber } = claims;
    const named = new Set(next?.claims.issuers.map(({ key }) => key));
    for (const issuer of issuers)
      this.#name(issuer, untilOf(next, named.has(issuer.key)), sinceNumber);
    for (const { key, kept } of voids) {
      const signer = this.#signers.get(key) ?? { issuer: undefined, untilS: 0, sinceNumber };
      this.#signers.set(key, { ...signer, kept: new Set(kept) });
    }
  }

  #name(issuer: Issuer, untilS: number, number: number): void {
    const known = this.#signers.get(issuer.key);
    const sinceNumber = known?.sinceNumber ?? number;
    this.#signers.set(issuer.key, { issuer, untilS, kept: known?.kept, sinceNumber });
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
  if (claims.signer === before.claims.signer)
    return claims.nextRootHash === before.claims.nextRootHash;
  return hashOf(claims.signer) === before.claims.nextRootHash;
}

/** Without first statements of a key that has made one before. */
function withoutLaterOpenings(roots: readonly RootStatement[]): readonly RootStatement[] {
  const byId = new Map(roots.map((root) => [root.id, root]));
  const opened = new Set<KeyId>();
  return roots.filter(({ claims: { previous, signer } }) => {
    const before = previous === undefined ? undefined : byId.get(previous);
    if (before?.claims.signer === signer) return true;
    const isFirst = !opened.has(signer);
    // What hangs in the air opens nothing: else anybody could be the first.
    if (previous === undefined || before !== undefined) opened.add(signer);
    return isFirst;
  });
}

/** Statements upon which, or upon whose followers, a rotation stands. */
function rotatedUpon(
  roots: readonly RootStatement[],
  isNext: (before: RootStatement, root: RootStatement) => boolean,
): ReadonlySet<StatementId> {
  const byId = new Map(roots.map((root) => [root.id, root]));
  const founded = new Set<StatementId>();
  for (const root of roots.toSorted((a, b) => numberOf(b) - numberOf(a))) {
    const { previous, signer } = root.claims;
    const before = previous === undefined ? undefined : byId.get(previous);
    if (before === undefined || !isNext(before, root)) continue;
    if (signer !== before.claims.signer || founded.has(root.id)) founded.add(before.id);
  }
  return founded;
}

/** Negative when `a` stands before `b`. */
function precedence(
  before: RootStatement | undefined,
  founded: ReadonlySet<StatementId>,
  a: RootStatement,
  b: RootStatement,
): number {
  const isSame = (root: RootStatement): number =>
    root.claims.signer === before?.claims.signer ? 1 : 0;
  const isBare = (root: RootStatement): number => (founded.has(root.id) ? 0 : 1);
  return isSame(a) - isSame(b) || isBare(a) - isBare(b) || compareText(a.id, b.id);
}

/** Whether a grant stays within what its issuer may grant (rule ME1). */
function isWithin(grant: GrantClaims, issuer: Issuer): boolean {
  if (grant.notBeforeS >= issuer.expS) return false;
  if (!grant.roles.every((role) => issuer.roles.includes(role))) return false;
  return allowsPatterns(issuer.robots, grant.robots);
}
