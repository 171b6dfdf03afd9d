/**
 * Who has authority, as the root statements say (rules ME1, ME2): a function of the set of them, so that nodes that hold the same agree.
 *
 * Number 1 is signed by the key that the fleet is named by. Each further one names the one before, and is signed by the same key or by the one whose
 * hash that one committed to. So what one key has signed is a tree, which begins with the first statement of that key, and the first statement of the
 * next key says which of its branches stands, however long it is; in the newest key's own tree the smaller id does. Who has stolen a root key cannot make
 * the committed next one, so he cannot undo the rotation that answers the theft, nor one made long before.
 *
 * What a key commits to is said in its first statement and never changes, and that first statement is the one that was seen first: whoever steals a key
 * can write another first one, with a next key of his own, and no rule about the set of both could tell which is genuine. This is the one place where
 * the order counts. Nobody honest makes two, so where no root key is stolen nodes that hold the same agree as everywhere else. Only one of them is ever
 * held, so that a start, which reads in the order of the disk, cannot find another.
 */
import { compareText, type FleetId, type HashHex, type KeyId } from "../ids.ts";
import type { Claims, GrantClaims, Issuer, RootClaims, StatementId } from "./claims.ts";
import { allowsPatterns } from "./robot-pattern.ts";
import type { Statement } from "./statement.ts";

/** Root statements that stand one upon the other. */
export const ROOTS_MAX: number = 128;

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
  /**
   * Of each number one other, the one that was seen first: the proof that somebody else has the root's key (rule ME2). Which one it is changes nothing, so
   * that whoever has an old key, and goes on signing, has nobody write, tell or judge anything again.
   */
  readonly rivals: readonly RootStatement[];
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
    const statements = standing(roots, fleet, hashOf);
    this.statements = statements;
    this.rivals = statements.flatMap((before, at) => {
      // Not another first statement of the next key: of these a node holds one, see above.
      const isRival = (root: RootStatement): boolean =>
        root.id !== statements[at + 1]?.id && goesOn(before, root);
      return at + 1 < statements.length ? (roots.find(isRival) ?? []) : [];
    });
    const isOfReign = ({ claims }: RootStatement): boolean =>
      claims.signer === statements.at(-1)?.claims.signer;
    this.#reignNumber = statements.find(isOfReign)?.claims.number ?? 0;
    this.#hashOf = hashOf;
    this.#named.add(fleet);
    for (const { claims } of statements) {
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

  /** Numbers of which there is another one. */
  get disputed(): readonly number[] {
    return this.rivals.map(numberOf);
  }

  /** Of these those by the key that stands: whoever else has it is answered by a rotation, which takes it away from him. */
  get unanswered(): readonly number[] {
    const signer = this.current?.claims.signer;
    return this.rivals.filter(({ claims }) => claims.signer === signer).map(numberOf);
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

  /**
   * By which number the key was named an issuer first, a rival's before the one in whose place it stood; a number behind all others where it never was, or where
   * what has named it went on from a rival. So whoever has a root's key names nobody below the first statement of its reign; which of that reign gives way to
   * one of his, he chooses.
   */
  namedAt(key: KeyId): number {
    const isNaming = ({ claims }: RootStatement): boolean =>
      claims.issuers.some((issuer) => issuer.key === key);
    const rival = this.rivals.find(isNaming);
    const place = this.#signers.get(key)?.sinceNumber ?? ROOTS_MAX + 1;
    return rival === undefined ? place : Math.min(numberOf(rival) - 0.5, place);
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

export function isRoot(statement: Statement | undefined): statement is RootStatement {
  return statement?.claims.kind === "root";
}

function numberOf({ claims }: RootStatement): number {
  return claims.number;
}

function untilOf(next: RootStatement | undefined, isNamedThere: boolean): number {
  return next === undefined || isNamedThere ? Number.POSITIVE_INFINITY : next.claims.issuedS;
}

/** Those that stand, from number 1 on. */
function standing(
  roots: readonly RootStatement[],
  fleet: FleetId,
  hashOf: (key: KeyId) => HashHex,
): readonly RootStatement[] {
  const possible = roots.filter((root) => numberOf(root) <= ROOTS_MAX);
  const branch: RootStatement[] = [];
  let first = possible.find(({ claims }) => claims.number === 1 && claims.signer === fleet);
  while (first !== undefined) {
    const tree = treeOf(first, possible);
    const next = possible.find((root) => takesOver(tree, root, hashOf));
    branch.push(...(next === undefined ? smallest(first, tree) : branchTo(next, tree)));
    first = next;
  }
  return branch;
}

/** What the key of `first` has signed upon it, with it; what hangs in the air is no part of it. */
function treeOf(
  first: RootStatement,
  roots: readonly RootStatement[],
): ReadonlyMap<StatementId, RootStatement> {
  const tree = new Map([[first.id, first]]);
  for (const root of roots.toSorted((a, b) => numberOf(a) - numberOf(b))) {
    const before = beforeIn(tree, root);
    if (before !== undefined && goesOn(before, root)) tree.set(root.id, root);
  }
  return tree;
}

function beforeIn(
  tree: ReadonlyMap<StatementId, RootStatement>,
  { claims: { previous } }: RootStatement,
): RootStatement | undefined {
  return previous === undefined ? undefined : tree.get(previous);
}

function isUpon(before: RootStatement, { claims }: RootStatement): boolean {
  return claims.previous === before.id && claims.number === before.claims.number + 1;
}

/** Whether it stands upon `before`, by the same key. */
function goesOn(before: RootStatement, root: RootStatement): boolean {
  const { signer, nextRootHash } = before.claims;
  const { claims } = root;
  return isUpon(before, root) && claims.signer === signer && claims.nextRootHash === nextRootHash;
}

/** Whether it is a rotation: the first statement of the key to which those of the tree commit. */
function takesOver(
  tree: ReadonlyMap<StatementId, RootStatement>,
  root: RootStatement,
  hashOf: (key: KeyId) => HashHex,
): boolean {
  const before = beforeIn(tree, root);
  if (before === undefined || !isUpon(before, root)) return false;
  const { signer, nextRootHash } = before.claims;
  return root.claims.signer !== signer && hashOf(root.claims.signer) === nextRootHash;
}

/** From the tree's first statement to the one that `next` stands upon. */
function branchTo(
  next: RootStatement,
  tree: ReadonlyMap<StatementId, RootStatement>,
): readonly RootStatement[] {
  const branch: RootStatement[] = [];
  for (let at = beforeIn(tree, next); at !== undefined; at = beforeIn(tree, at)) branch.push(at);
  return branch.toReversed();
}

/** From the tree's first statement on, of several with one number the one with the smaller id. */
function smallest(
  first: RootStatement,
  tree: ReadonlyMap<StatementId, RootStatement>,
): readonly RootStatement[] {
  const branch = [first];
  const isBefore = (a: RootStatement, b: RootStatement): boolean => compareText(a.id, b.id) < 0;
  for (const root of [...tree.values()].toSorted((a, b) => numberOf(a) - numberOf(b))) {
    const last = branch.at(-1) ?? first;
    const before = branch.at(-2);
    if (isUpon(last, root)) branch.push(root);
    else if (before !== undefined && isUpon(before, root) && isBefore(root, last))
      branch.splice(-1, 1, root);
  }
  return branch;
}

/** Whether a grant stays within what its issuer may grant (rule ME1). */
function isWithin(grant: GrantClaims, issuer: Issuer): boolean {
  if (grant.notBeforeS >= issuer.expS) return false;
  if (!grant.roles.every((role) => issuer.roles.includes(role))) return false;
  return allowsPatterns(issuer.robots, grant.robots);
}
