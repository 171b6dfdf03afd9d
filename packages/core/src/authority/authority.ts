/**
 * The set of statements that a node holds, and what follows from it (rules ME1–ME3, ADR 0025): who is a member, with which roles, and who is none any
 * more. Everything is a function of the set, and of the clock where expiry is asked, never of the order in which it came; but for the first statements of a
 * root's key, of which the one that was seen first counts (see `root-chain.ts`), and for what is beyond the room that there is for revocations and for
 * what is set aside.
 *
 * A fleet without a root statement is *open*: everybody is a member, as before there were grants. The first root statement closes it for good: a node
 * that has lost it and knows of it lets nobody in, but for those that its operator named to bring it.
 */
import type { CoreConfig } from "../config.ts";
import type { ReadingEnv } from "../env.ts";
import { compareText, type DocumentName, type HashHex, type KeyId, type NodeId } from "../ids.ts";
import { Charters, type Charter } from "./charters.ts";
import type { Cut, GrantClaims, RevocationClaims, RootClaims, StatementId } from "./claims.ts";
import { standingCuts } from "./cuts.ts";
import { CLOCK_LEEWAY_MS, type Grant, GrantSet, hasEnded, latestFirst } from "./grant-set.ts";
import type { Marks } from "./marks.ts";
import { type Revocation, RevocationSet } from "./revocation-set.ts";
import { isRoot, type RootChain, type RootStatement } from "./root-chain.ts";
import { type RootNews, RootSet } from "./root-set.ts";
import { SetAside } from "./set-aside.ts";
import { idsHash, keyHash, statementId } from "./statement-hash.ts";
import { openStatement, type Statement, type StatementResult } from "./statement.ts";

/** Without news for this long the authority is stale (rule ME3), in ms. */
export const STALE_AFTER_MS: number = 24 * 3_600_000;

export type TakeResult =
  /** Counts from now on; tell others. `dropped` are on disk no more; what is only set aside is not among them. */
  | {
      readonly status: "new";
      readonly statement: Statement;
      readonly dropped: readonly StatementId[];
    }
  /** Held already, or one that says the same later is. */
  | { readonly status: "known" }
  | { readonly status: "refused"; readonly code: StatementRefusal };

type StatementRefusal =
  | Extract<StatementResult, { readonly ok: false }>["code"]
  /** Nobody with that authority is known: it may be that of a root statement that is not here yet. */
  | "signer-unknown"
  | "authority-full";

interface RefusedToken {
  readonly token: string;
  readonly code: StatementRefusal;
}

/** What a node is in this fleet, now. */
export type Standing =
  /** No root statement is known, and everybody is a member, or those are that may bring it. */
  | { readonly kind: "open" }
  | { readonly kind: "granted"; readonly grant: GrantClaims; readonly isObserver: boolean }
  /** Its grant is over, and whether it is honoured all the same, as nobody can renew it (rule ME3). */
  | { readonly kind: "expired"; readonly grant: GrantClaims; readonly isHonoured: boolean }
  | { readonly kind: "early"; readonly grant: GrantClaims }
  | { readonly kind: "revoked" }
  | { readonly kind: "none" };

/** Whether a node's entries count (rule ME3: whenever they were written). */
export type Authorship = "open" | "writer" | "observer" | "revoked" | "none";

/** A reader outside of the fleet knows of nothing but the statements. */
export interface AuthorityEnv extends ReadingEnv {
  readonly config: Pick<CoreConfig, "closed" | "vouched">;
}

export class Authority {
  readonly #env: AuthorityEnv;
  readonly #roots: RootSet;
  readonly #grants = new GrantSet();
  readonly #revocations = new RevocationSet();
  readonly #byId = new Map<StatementId, Statement>();
  readonly #aside = new SetAside();
  readonly #charters = new Charters();
  #digest: HashHex | undefined;
  #newest: { readonly version: number; readonly wallMs: number } | undefined;
  /** Date of the newest charter that was backed by what was held, at some time, be it before the start. */
  #newsS = 0;
  #version = 0;

  constructor(env: AuthorityEnv) {
    this.#env = env;
    this.#roots = new RootSet(env.identity.fleet, (key) => keyHash(env.ports, key));
  }

  get #chain(): RootChain {
    return this.#roots.chain;
  }

  /** Whether there is a root statement, here or known to be elsewhere, so that only who was granted something is a member. */
  get isClosed(): boolean {
    return this.#chain.current !== undefined || this.#env.config.closed;
  }

  /** Grows with every statement that is taken or dropped. */
  get version(): number {
    return this.#version;
  }

  /** The newest charter's number; 0 where there is none. */
  get charterNumber(): number {
    return this.charter?.claims.number ?? 0;
  }

  get charter(): Charter | undefined {
    return this.#charters.standing;
  }

  /** Number of the charter that stands where there is another one with it: an alarm (rule ME2). */
  get disputedCharter(): number | undefined {
    return this.#charters.disputed;
  }

  /** Whether the charter commits to revocations that are not here: they are under way, or somebody keeps them back. */
  get isLacking(): boolean {
    const { charter } = this;
    return charter !== undefined && !this.#revocations.isBacked(this.#env.ports, charter);
  }

  /** The newest root statement that stands. */
  get root(): Statement<RootClaims> | undefined {
    return this.#chain.current;
  }

  /** What a newcomer needs before all else: the root statements that stand, from the first on, then the charter. */
  enrolment(): readonly string[] {
    const charter = this.charter === undefined ? [] : [this.charter.token];
    return [...this.rootRow(), ...charter];
  }

  /** The tokens of the root statements that stand, number 1 first. */
  rootRow(): readonly string[] {
    return this.#chain.statements.map(({ token }) => token);
  }

  /** Whether who has signed it may, as far as is known here. */
  isAuthorised(statement: Statement): boolean {
    return this.#chain.isAuthorised(statement);
  }

  /** Where an issuer stands among those of the root statements that are held; see {@link RootChain.namedAt}. */
  namedAt(issuer: KeyId): number {
    return this.#chain.namedAt(issuer);
  }

  /** What of a row of root statements goes on from what stands; see {@link RootSet.onward}. */
  onward(roots: readonly RootStatement[]): ReturnType<RootSet["onward"]> {
    return this.#roots.onward(roots);
  }

  /** Nodes that have a grant, in no particular order. */
  grantedNodes(): readonly NodeId[] {
    return this.#grants.nodes();
  }

  /** Every revocation, sorted by node. */
  revocations(): readonly Revocation[] {
    return this.#revocations.all();
  }

  /** Bytes of the tokens of all revocations that count. */
  get revocationsBytes(): number {
    return this.#revocations.bytes;
  }

  /** Issuers of whom only that counts what the root names, by whichever statement it said so, sorted. */
  get voidIssuers(): readonly KeyId[] {
    const signers = [...this.#chain.signers].filter(([, { kept }]) => kept !== undefined);
    return signers.map(([key]) => key).toSorted(compareText);
  }

  /** Numbers of root statements of which two could stand: the proof that somebody else had the key (rule ME2). */
  get disputedRoots(): readonly number[] {
    return this.#chain.disputed;
  }

  /** Those of them that no rotation has answered: an alarm. */
  get unansweredRoots(): readonly number[] {
    return this.#chain.unanswered;
  }

  /** Statements that count. */
  get size(): number {
    return this.#byId.size;
  }

  /**
   * Names of everything that counts, sorted: root statements first, as the others need them, and from number 1 on. A row takes several questions, and by
   * its ids one of them would bring what is signed by a key before the statements that say so, and have the row judged in pieces.
   */
  ids(): readonly StatementId[] {
    const rank = { root: 0, revocation: 1, charter: 2, grant: 3 } as const;
    const order = (a: Statement, b: Statement): number =>
      rank[a.claims.kind] - rank[b.claims.kind] || numberOf(a) - numberOf(b);
    return [...this.#byId.values()]
      .toSorted((a, b) => order(a, b) || compareText(a.id, b.id))
      .map(({ id }) => id);
  }

  /** Number 1 first, so that who takes them in this order needs no second round. */
  tokens(ids: readonly StatementId[]): readonly string[] {
    const held = ids.map((id) => this.#byId.get(id)).filter((each) => each !== undefined);
    return held.toSorted((a, b) => numberOf(a) - numberOf(b)).map(({ token }) => token);
  }

  /** Whether it is here: counting, set aside, or as the rival of a root statement. */
  has(id: StatementId): boolean {
    return this.#byId.has(id) || this.#aside.has(id) || this.#roots.has(id);
  }

  /** Whether it is a root statement in whose place another one stands. */
  isRival(id: StatementId): boolean {
    return this.#roots.has(id) && !this.#byId.has(id);
  }

  /** Whether it is a root statement that stands. */
  isStanding(id: StatementId): boolean {
    return this.#roots.has(id) && this.#byId.has(id);
  }

  /** Whether it is what the fleet says of itself: a root statement, or the charter, that stands. */
  isWord(id: StatementId): boolean {
    return this.isStanding(id) || this.charter?.id === id;
  }

  /** SHA-256 over the names of everything that counts: equal digests, equal sets. */
  get digest(): HashHex {
    this.#digest ??= idsHash(this.#env.ports, [...this.#byId.keys()]);
    return this.#digest;
  }

  /** Whether a token can count by the key that it names, which costs next to nothing to say. What cannot be read may: a look at it says what it is. */
  mayCount(token: string): boolean {
    const signer = this.#env.ports.tokens.signerOf(token);
    return signer === undefined || this.#chain.isNamed(signer);
  }

  /**
   * Takes a statement from anywhere; never throws.
   * @param wallMs now, by which grants have ended that a newer one has taken the place of
   */
  take(token: string, wallMs: number = 0): TakeResult {
    const id = statementId(this.#env.ports, token);
    if (this.#byId.has(id) || this.#roots.has(id)) return { status: "known" };
    const aside = this.#aside.get(id);
    if (aside !== undefined)
      return this.#chain.isAuthorised(aside) ? { status: "known" } : refused("signer-unknown");
    const opened = openStatement(this.#env, token);
    if (!opened.ok) return refused(opened.code);
    const [result = refused("signer-unknown")] = this.takeOpened([opened.statement], wallMs);
    return result;
  }

  /** Those that were given at a start, each behind what it needs; none is read twice, nor what is here already. */
  takeAll(tokens: readonly string[], wallMs: number): readonly TakeResult[] {
    const fresh = [...new Set(tokens)].filter(
      (token) => !this.has(statementId(this.#env.ports, token)),
    );
    const opened = fresh.map((token) => openStatement(this.#env, token));
    const statements = opened.flatMap((result) => (result.ok ? [result.statement] : []));
    return this.takeOpened(statements, wallMs);
  }

  /** Takes what was opened: root statements as one set (ME2), then all else in this order. */
  takeOpened(statements: readonly Statement[], wallMs: number): readonly TakeResult[] {
    const others = statements.filter((statement) => !isRoot(statement));
    const roots = statements.filter(isRoot);
    return [
      ...this.#takeRoots(roots.toSorted((a, b) => numberOf(a) - numberOf(b))),
      ...others.map((statement) => this.#takeOther(statement, wallMs)),
    ];
  }

  #takeOther(statement: Statement, wallMs: number): TakeResult {
    if (!this.#chain.isAuthorised(statement)) return refused("signer-unknown");
    if (isGrant(statement) && this.#grants.isPast(statement)) return refused("authority-full");
    const gone = this.#count(statement, wallMs);
    if (gone === "known") return { status: "known" };
    if (gone === "full") return refused("authority-full");
    const touched = [statement, ...gone].filter(isGrant).map(({ claims }) => claims.node);
    const ended = [...new Set(touched)].flatMap((node) => this.#dropEnded(node, wallMs));
    const unkept = gone.filter((each) => !this.#setAside(each)).map(({ id }) => id);
    return this.#added(statement, [...ended, ...unkept]);
  }

  /**
   * What is on disk from before, in any order: what does not count is set aside, as it was when it was written.
   * @returns those that are not, and why
   */
  restore(tokens: readonly string[]): readonly RefusedToken[] {
    const opened = tokens.map((token) => ({ token, result: openStatement(this.#env, token) }));
    const held = opened.flatMap(({ result }) => (result.ok ? [result.statement] : []));
    this.#roots.take(held.filter(isRoot));
    this.#judgeAnew(held.filter((statement) => !isRoot(statement)));
    this.#changed();
    return opened.flatMap(({ token, result }): readonly RefusedToken[] => {
      if (!result.ok) return [{ token, code: result.code }];
      const { statement } = result;
      const isLeft = !this.has(statement.id);
      const code = this.#chain.isAuthorised(statement) ? "authority-full" : "signer-unknown";
      return isLeft ? [{ token, code }] : [];
    });
  }

  /** What is known beyond the statements, to be kept with them. */
  marks(wallMs: number): Marks {
    this.newsWallMs(wallMs);
    const revocations = this.#revocations.size + this.#aside.revocationCount;
    return { newsS: this.#newsS, revocations, gaveWay: this.#grants.gaveWay };
  }

  /** Date of the newest charter that was news, as of the last look, in Unix seconds; 0 for none. */
  get newsS(): number {
    return this.#newsS;
  }

  /** As they were kept with what was restored. */
  restoreMarks({ newsS, revocations, gaveWay }: Marks): void {
    this.#grants.restore(gaveWay);
    const held = this.#revocations.size + this.#aside.revocationCount;
    if (held >= revocations) this.#newsS = Math.max(this.#newsS, newsS);
  }

  /** What a node is now. */
  standing(node: NodeId, wallMs: number): Standing {
    if (!this.isClosed || this.#isVouched(node)) return { kind: "open" };
    if (this.#revocations.has(node)) return { kind: "revoked" };
    const grant = this.grantOf(node);
    if (grant === undefined) return { kind: "none" };
    const nowMs = Math.max(wallMs, this.#newestMs()) + CLOCK_LEEWAY_MS;
    if (nowMs < grant.notBeforeS * 1_000) return { kind: "early", grant };
    if (wallMs - CLOCK_LEEWAY_MS >= grant.expS * 1_000)
      return { kind: "expired", grant, isHonoured: this.isStale(wallMs) };
    return { kind: "granted", grant, isObserver: isObserver(grant) };
  }

  /** Whether entries under the node's key count; no clock is asked, as nobody can prove when an entry was written. */
  authorship(node: NodeId): Authorship {
    if (!this.isClosed) return "open";
    if (this.#revocations.has(node)) return "revoked";
    const grant = this.grantOf(node);
    if (grant === undefined) return "none";
    return isObserver(grant) ? "observer" : "writer";
  }

  /** The newest grant of a node that counts, expired or not. */
  grantOf(node: NodeId): GrantClaims | undefined {
    return this.grantStatementOf(node)?.claims;
  }

  /** The same with its name and token. */
  grantStatementOf(node: NodeId): Statement<GrantClaims> | undefined {
    return this.#grants.newestOf(node);
  }

  /** All that is held of a node: those that count, then those that are set aside, each the newest first. */
  everyGrantOf(node: NodeId): readonly Grant[] {
    const aside = this.#aside
      .grantsOf(node)
      .toSorted((a, b) => b.claims.issuedS - a.claims.issuedS || compareText(b.id, a.id));
    return [...this.#grants.of(node).toReversed(), ...aside];
  }

  /** The token of that grant, to be presented. */
  grantToken(node: NodeId): string | undefined {
    return this.grantStatementOf(node)?.token;
  }

  /** Where the chains of a revoked node end, by document; undefined when it is not revoked. */
  cutsOf(node: NodeId): ReadonlyMap<DocumentName, Cut> | undefined {
    if (!this.#revocations.has(node)) return undefined;
    return standingCuts(this.#revocations.of(node).map(({ claims }) => claims));
  }

  /** Everything that is or was said of a revoked node: what does not stand, or does not count, may where another one turns out to be void. */
  revocationsOf(node: NodeId): readonly RevocationClaims[] {
    const all = [...this.#revocations.of(node), ...this.#aside.revocationsOf(node)];
    return all.map(({ claims }) => claims);
  }

  /** Grants that count no more for a newer one of their issuer, and would count again without it; sorted by node, the newest first. */
  superseded(): readonly Grant[] {
    const grants = this.#aside.grants().filter((grant) => this.#chain.isAuthorised(grant));
    return grants.toSorted(
      (a, b) => compareText(a.claims.node, b.claims.node) || b.claims.issuedS - a.claims.issuedS,
    );
  }

  /** Nodes that are not revoked by the word of who has no authority now, and would be again if he had it, sorted. */
  onceRevokedNodes(): readonly NodeId[] {
    const nodes = this.#aside.revokedNodes().filter((node) => !this.#revocations.has(node));
    return nodes.toSorted(compareText);
  }

  /** A revocation of the node that counts, as it was signed; the one that came first. */
  revocationToken(node: NodeId): string | undefined {
    return this.#revocations.of(node)[0]?.token;
  }

  /** Revoked nodes, sorted. */
  revokedNodes(): readonly NodeId[] {
    return this.#revocations.nodes;
  }

  /** Whether nothing of who may be here no more was heard for {@link STALE_AFTER_MS} (rule ME3). */
  isStale(wallMs: number): boolean {
    return this.root !== undefined && wallMs - this.newsWallMs(wallMs) > STALE_AFTER_MS;
  }

  /**
   * As of when it is known who was revoked, in wall ms: the date of the newest charter of which all was here, which what came later does not undo; where
   * there was none, that of the newest root statement. What is dated in the future is no news. Nothing else is: neither a grant nor a revocation
   * says who else was revoked since, nor does a charter whose revocations somebody keeps back.
   */
  newsWallMs(wallMs: number): number {
    const isPast = (issuedS: number): boolean => issuedS * 1_000 <= wallMs + CLOCK_LEEWAY_MS;
    const charterS = this.charter?.claims.issuedS ?? 0;
    if (charterS > this.#newsS && isPast(charterS) && !this.isLacking) this.#newsS = charterS;
    if (this.#newsS > 0 && isPast(this.#newsS)) return this.#newsS * 1_000;
    const roots = this.#chain.statements.map(({ claims }) => claims.issuedS);
    return Math.max(0, ...roots.filter(isPast)) * 1_000;
  }

  /**
   * The latest date of anything held, in wall ms. It is later than that now, whatever this node's clock shows: a device that starts in 1970 must
   * not take every grant for one of the future. It ends no grant, as one statement with a wrong date would end them all.
   */
  #newestMs(): number {
    if (this.#newest?.version === this.#version) return this.#newest.wallMs;
    let newestS = 0;
    for (const { claims } of this.#byId.values()) newestS = Math.max(newestS, claims.issuedS);
    this.#newest = { version: this.#version, wallMs: newestS * 1_000 };
    return this.#newest.wallMs;
  }

  /** When the next grant begins or ends after `wallMs`, so that who asked has to ask again; infinite for never. */
  nextChangeWallMs(wallMs: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { claims } of this.#grants.all()) {
      const begins = claims.notBeforeS * 1_000 - CLOCK_LEEWAY_MS;
      const ends = claims.expS * 1_000 + CLOCK_LEEWAY_MS;
      if (begins > wallMs) next = Math.min(next, begins);
      if (ends > wallMs) next = Math.min(next, ends);
    }
    const stale = this.newsWallMs(wallMs) + STALE_AFTER_MS + 1;
    return stale > wallMs ? Math.min(next, stale) : next;
  }

  #isVouched(node: NodeId): boolean {
    return this.root === undefined && this.#env.config.vouched.includes(node);
  }

  #takeRoots(roots: readonly RootStatement[]): readonly TakeResult[] {
    const wereHeld = new Set(roots.filter(({ id }) => this.#roots.has(id)).map(({ id }) => id));
    const news = this.#roots.take(roots);
    const dropped = news === undefined ? [] : this.#onRoots(news);
    const first = news?.taken[0];
    return roots.map((statement): TakeResult => {
      // What hangs in the air counts for nothing yet, and would fill the memory; sync brings it once more with what it needs.
      if (!this.#roots.has(statement.id)) return refused("signer-unknown");
      if (wereHeld.has(statement.id)) return { status: "known" };
      return { status: "new", statement, dropped: statement.id === first?.id ? dropped : [] };
    });
  }

  /** @returns what is on disk no more */
  #onRoots({ gone, hasMoved }: RootNews): readonly StatementId[] {
    this.#changed();
    // A rival says nothing of who counts.
    if (!hasMoved) return gone;
    const before = new Set([...gone, ...this.#byId.keys(), ...this.#aside.ids()]);
    this.#judgeAnew([]);
    return [...before].filter((id) => !this.has(id)).toSorted(compareText);
  }

  /** What counts and what is set aside, as the root statements say now. */
  #judgeAnew(more: readonly Statement[]): void {
    const counted = [...this.#byId.values()].filter((statement) => !isRoot(statement));
    // Where there is not room for all: first what no thief of the root's key can have signed, and who is out before who is in.
    const rank = ({ claims }: Statement): number =>
      (this.#chain.isSettled(claims.signer) ? 0 : 2) + (claims.kind === "revocation" ? 0 : 1);
    const all = [...counted, ...this.#aside.takeAll(), ...more];
    // Of grants those of whoever is over last, whatever was here first.
    const compare = latestFirst(all.filter((each) => this.#chain.isAuthorised(each)));
    const statements = all.toSorted((a, b) => rank(a) - rank(b) || compare(a, b));
    this.#byId.clear();
    this.#grants.clear();
    this.#revocations.clear();
    this.#charters.clear();
    for (const root of this.#chain.statements) this.#byId.set(root.id, root);
    for (const statement of statements) {
      const isAuthorised = this.#chain.isAuthorised(statement);
      const gone = isAuthorised ? this.#count(statement, 0) : [statement];
      if (isAuthorised && typeof gone !== "string") this.#byId.set(statement.id, statement);
      for (const each of typeof gone === "string" ? [statement] : gone) this.#setAside(each);
    }
  }

  /** False where it is not kept: there is no room, or nothing stands in its place that could fall, as with a charter, or a node that gave way. */
  #setAside(statement: Statement): boolean {
    const isOver =
      isCharter(statement) || (isGrant(statement) && !this.#grants.has(statement.claims.node));
    if (isOver && this.#chain.isAuthorised(statement)) return false;
    return this.#aside.add(statement);
  }

  /** Has a statement of an authorised signer count; what does not count any more for it, or why it does not. */
  #count(statement: Statement, wallMs: number): readonly Statement[] | "known" | "full" {
    if (isRevocation(statement)) return this.#revocations.add(statement) ? [] : "full";
    const gone = isGrant(statement)
      ? this.#grants.add(statement, wallMs)
      : this.#countCharter(statement as Charter);
    if (typeof gone !== "string") for (const { id } of gone) this.#byId.delete(id);
    return gone;
  }

  #countCharter(statement: Charter): readonly Statement[] | "known" {
    const numberOfRoot = (root: StatementId): number =>
      this.#chain.statements.findIndex(({ id }) => id === root);
    return this.#charters.take(statement, numberOfRoot);
  }

  /** Grants of a node that newer ones have taken the place of, and that have ended, or gave way with those: nobody would keep them any more. */
  #dropEnded(node: NodeId, wallMs: number): readonly StatementId[] {
    const isEnded = (grant: Grant): boolean =>
      hasEnded(grant, wallMs) && this.#chain.isAuthorised(grant);
    const ended = this.#aside
      .grantsOf(node)
      .filter((grant) => this.#grants.isPast(grant) || isEnded(grant));
    for (const grant of ended) this.#aside.delete(grant);
    return ended.map(({ id }) => id);
  }

  #added(statement: Statement, dropped: readonly StatementId[]): TakeResult {
    this.#byId.set(statement.id, statement);
    this.#changed();
    return { status: "new", statement, dropped };
  }

  #changed(): void {
    this.#digest = undefined;
    this.#version++;
  }
}

function refused(code: StatementRefusal): TakeResult {
  return { status: "refused", code };
}

function isGrant(statement: Statement): statement is Grant {
  return statement.claims.kind === "grant";
}

function isRevocation(statement: Statement): statement is Revocation {
  return statement.claims.kind === "revocation";
}

function isCharter(statement: Statement): statement is Charter {
  return statement.claims.kind === "charter";
}

function isObserver({ roles }: GrantClaims): boolean {
  return roles.includes("observer");
}

function numberOf({ claims }: Statement): number {
  return claims.kind === "root" ? claims.number : Number.POSITIVE_INFINITY;
}
