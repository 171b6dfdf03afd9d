/**
 * The set of statements that a node holds, and what follows from it (rules ME1–ME3, ADR 0025): who is a member, with which roles, and who is none any
 * more. Everything is a function of the set, and of the clock where expiry is asked, never of the order in which it came.
 *
 * A fleet without a root statement is *open*: everybody is a member, as before there were grants. The first root statement closes it for good.
 */
import type { Env } from "../env.ts";
import { compareText, type DocumentName, type HashHex, type KeyId, type NodeId } from "../ids.ts";
import type {
  CharterClaims,
  Cut,
  GrantClaims,
  RevocationClaims,
  RootClaims,
  StatementId,
} from "./claims.ts";
import { standingCuts } from "./cuts.ts";
import { RootChain } from "./root-chain.ts";
import { idsHash, keyHash, statementId } from "./statement-hash.ts";
import { openStatement, type Statement, type StatementResult } from "./statement.ts";

/** Grants that are held, and revocations: as many as a roster has members (rule CH7). */
export const GRANTS_MAX: number = 10_000;
export const REVOCATIONS_MAX: number = 10_000;
/** How far the clocks of an issuer and a reader may be apart, in ms. */
export const CLOCK_LEEWAY_MS: number = 120_000;
/** Without news for this long the authority is stale (rule ME3), in ms. */
export const STALE_AFTER_MS: number = 24 * 3_600_000;

export type TakeResult =
  /** Held from now on; tell others. `dropped` are held no more. */
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

/** What a node is in this fleet, now. */
export type Standing =
  /** No root statement is known: everybody is a member. */
  | { readonly kind: "open" }
  | { readonly kind: "granted"; readonly grant: GrantClaims; readonly isObserver: boolean }
  /** Its grant is over, and whether it is honoured all the same, as nobody can renew it (rule ME3). */
  | { readonly kind: "expired"; readonly grant: GrantClaims; readonly isHonoured: boolean }
  | { readonly kind: "early"; readonly grant: GrantClaims }
  | { readonly kind: "revoked" }
  | { readonly kind: "none" };

/** Whether a node's entries count (rule ME3: whenever they were written). */
export type Authorship = "open" | "writer" | "observer" | "revoked" | "none";

type Grant = Statement<GrantClaims>;
type Revocation = Statement<RevocationClaims>;
type Charter = Statement<CharterClaims>;

export class Authority {
  readonly #env: Env;
  readonly #roots = new Map<StatementId, Statement<RootClaims>>();
  readonly #grants = new Map<NodeId, Map<KeyId, Grant>>();
  readonly #revocations = new Map<NodeId, Map<StatementId, Revocation>>();
  readonly #byId = new Map<StatementId, Statement>();
  #charter: Charter | undefined;
  #chain: RootChain;
  #grantCount = 0;
  #revocationCount = 0;
  #digest: HashHex | undefined;
  #newest: { readonly version: number; readonly wallMs: number } | undefined;
  #version = 0;

  constructor(env: Env) {
    this.#env = env;
    this.#chain = this.#makeChain([]);
  }

  /** Whether there is a root statement, so that only who was granted something is a member. */
  get isClosed(): boolean {
    return this.#chain.current !== undefined;
  }

  /** Grows with every statement that is taken or dropped. */
  get version(): number {
    return this.#version;
  }

  /** The newest charter's number; 0 where there is none. */
  get charterNumber(): number {
    return this.#charter?.claims.number ?? 0;
  }

  get charter(): Charter | undefined {
    return this.#charter;
  }

  /** The newest root statement that stands. */
  get root(): Statement<RootClaims> | undefined {
    return this.#chain.current;
  }

  /** What a newcomer needs before all else: the root statements that stand, from the first on, then the charter. */
  enrolment(): readonly string[] {
    const charter = this.#charter === undefined ? [] : [this.#charter.token];
    return [...this.#chain.statements.map(({ token }) => token), ...charter];
  }

  /** Nodes that have a grant, in no particular order. */
  grantedNodes(): readonly NodeId[] {
    return [...this.#grants.keys()];
  }

  /** Every revocation, sorted by node. */
  revocations(): readonly Revocation[] {
    return this.revokedNodes().flatMap((node) => [
      ...(this.#revocations.get(node)?.values() ?? []),
    ]);
  }

  /** Numbers of root statements of which two could stand: an alarm (rule ME2). */
  get disputedRoots(): readonly number[] {
    return this.#chain.disputed;
  }

  /** Statements held. */
  get size(): number {
    return this.#byId.size;
  }

  /** Names of everything held, sorted: root statements first, as the others need them. */
  ids(): readonly StatementId[] {
    const rank = { root: 0, revocation: 1, charter: 2, grant: 3 } as const;
    return [...this.#byId.values()]
      .toSorted((a, b) => rank[a.claims.kind] - rank[b.claims.kind] || compareText(a.id, b.id))
      .map(({ id }) => id);
  }

  /** Number 1 first, so that who takes them in this order needs no second round. */
  tokens(ids: readonly StatementId[]): readonly string[] {
    const held = ids.map((id) => this.#byId.get(id)).filter((each) => each !== undefined);
    return held.toSorted((a, b) => numberOf(a) - numberOf(b)).map(({ token }) => token);
  }

  has(id: StatementId): boolean {
    return this.#byId.has(id);
  }

  /** SHA-256 over the names of everything held: equal digests, equal sets. */
  get digest(): HashHex {
    this.#digest ??= idsHash(this.#env.ports, [...this.#byId.keys()]);
    return this.#digest;
  }

  /** Takes a statement from anywhere; never throws. */
  take(token: string): TakeResult {
    if (this.#byId.has(statementId(this.#env.ports, token))) return { status: "known" };
    const opened = openStatement(this.#env, token);
    if (!opened.ok) return { status: "refused", code: opened.code };
    const { statement } = opened;
    if (isRoot(statement)) return this.#takeRoot(statement);
    if (!this.#chain.isAuthorised(statement)) return { status: "refused", code: "signer-unknown" };
    if (isGrant(statement)) return this.#takeGrant(statement);
    if (isRevocation(statement)) return this.#takeRevocation(statement);
    return this.#takeCharter(statement as Charter);
  }

  /** What a node is now. */
  standing(node: NodeId, wallMs: number): Standing {
    if (!this.isClosed) return { kind: "open" };
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
    const grants = [...(this.#grants.get(node)?.values() ?? [])];
    return grants.toSorted(compareAge).at(-1);
  }

  /** The token of that grant, to be presented. */
  grantToken(node: NodeId): string | undefined {
    return this.grantStatementOf(node)?.token;
  }

  /** Where the chains of a revoked node end, by document; undefined when it is not revoked. */
  cutsOf(node: NodeId): ReadonlyMap<DocumentName, Cut> | undefined {
    const revocations = this.#revocations.get(node);
    if (revocations === undefined) return undefined;
    return standingCuts([...revocations.values()].map(({ claims }) => claims));
  }

  /** Everything that is said of a revoked node, standing or not: what does not stand may, where another one turns out to be void. */
  revocationsOf(node: NodeId): readonly RevocationClaims[] {
    return [...(this.#revocations.get(node)?.values() ?? [])].map(({ claims }) => claims);
  }

  /** Revoked nodes, sorted. */
  revokedNodes(): readonly NodeId[] {
    return [...this.#revocations.keys()].toSorted(compareText);
  }

  /** Whether nothing of who may be here no more was heard for {@link STALE_AFTER_MS} (rule ME3). */
  isStale(wallMs: number): boolean {
    return this.isClosed && wallMs - this.newsWallMs(wallMs) > STALE_AFTER_MS;
  }

  /**
   * When the newest root statement, charter or revocation was made, by its own date, in wall ms; what is dated in the future is no news. A grant
   * is none either: it says nothing of who was revoked since.
   */
  newsWallMs(wallMs: number): number {
    let newestS = 0;
    for (const { claims } of this.#byId.values()) {
      if (claims.kind === "grant" || claims.issuedS <= newestS) continue;
      if (claims.issuedS * 1_000 <= wallMs + CLOCK_LEEWAY_MS) newestS = claims.issuedS;
    }
    return newestS * 1_000;
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
    for (const grants of this.#grants.values()) {
      for (const { claims } of grants.values()) {
        const begins = claims.notBeforeS * 1_000 - CLOCK_LEEWAY_MS;
        const ends = claims.expS * 1_000 + CLOCK_LEEWAY_MS;
        if (begins > wallMs) next = Math.min(next, begins);
        if (ends > wallMs) next = Math.min(next, ends);
      }
    }
    const stale = this.newsWallMs(wallMs) + STALE_AFTER_MS + 1;
    return stale > wallMs ? Math.min(next, stale) : next;
  }

  #takeRoot(statement: Statement<RootClaims>): TakeResult {
    const chain = this.#makeChain([...this.#roots.values(), statement]);
    // What hangs in the air counts for nothing yet, and would fill the memory; sync brings it once more behind what it needs.
    if (!chain.kept.includes(statement)) return { status: "refused", code: "signer-unknown" };
    this.#chain = chain;
    this.#byId.set(statement.id, statement);
    const kept = new Set(chain.kept.map(({ id }) => id));
    this.#roots.clear();
    for (const root of chain.kept) this.#roots.set(root.id, root);
    return this.#added(statement, this.#dropUnauthorised(kept));
  }

  #takeGrant(statement: Grant): TakeResult {
    const { node, signer } = statement.claims;
    const ofNode = this.#grants.get(node) ?? new Map<KeyId, Grant>();
    const held = ofNode.get(signer);
    if (held !== undefined && compareAge(held, statement) > 0) return { status: "known" };
    if (held === undefined && this.#grantCount >= GRANTS_MAX)
      return { status: "refused", code: "authority-full" };
    if (held === undefined) this.#grantCount++;
    else this.#byId.delete(held.id);
    ofNode.set(signer, statement);
    this.#grants.set(node, ofNode);
    return this.#added(statement, held === undefined ? [] : [held.id]);
  }

  #takeRevocation(statement: Revocation): TakeResult {
    if (this.#revocationCount >= REVOCATIONS_MAX)
      return { status: "refused", code: "authority-full" };
    const { node } = statement.claims;
    const ofNode = this.#revocations.get(node) ?? new Map<StatementId, Revocation>();
    ofNode.set(statement.id, statement);
    this.#revocations.set(node, ofNode);
    this.#revocationCount++;
    return this.#added(statement, []);
  }

  #takeCharter(statement: Charter): TakeResult {
    const held = this.#charter;
    if (held !== undefined && this.#compareCharters(held, statement) >= 0)
      return { status: "known" };
    this.#charter = statement;
    if (held !== undefined) this.#byId.delete(held.id);
    return this.#added(statement, held === undefined ? [] : [held.id]);
  }

  /** By root statement before number: who has stolen a charter key that was replaced can count as high as he likes. */
  #compareCharters(a: Charter, b: Charter): number {
    const rootNumber = ({ claims }: Charter): number =>
      this.#chain.statements.findIndex(({ id }) => id === claims.root);
    return (
      rootNumber(a) - rootNumber(b) || a.claims.number - b.claims.number || compareText(b.id, a.id)
    );
  }

  #added(statement: Statement, dropped: readonly StatementId[]): TakeResult {
    this.#byId.set(statement.id, statement);
    this.#changed();
    return { status: "new", statement, dropped };
  }

  /** A root statement came: what others were dropped for it, and what their signers may no longer say, is held no more. */
  #dropUnauthorised(roots: ReadonlySet<StatementId>): readonly StatementId[] {
    const gone = [...this.#byId.values()].filter((statement) =>
      isRoot(statement) ? !roots.has(statement.id) : !this.#chain.isAuthorised(statement),
    );
    for (const statement of gone) this.#drop(statement);
    return gone.map(({ id }) => id).toSorted(compareText);
  }

  #drop(statement: Statement): void {
    this.#byId.delete(statement.id);
    if (isGrant(statement)) {
      const { node, signer } = statement.claims;
      const ofNode = this.#grants.get(node);
      ofNode?.delete(signer);
      if (ofNode?.size === 0) this.#grants.delete(node);
      this.#grantCount--;
    } else if (isRevocation(statement)) {
      const { node } = statement.claims;
      const ofNode = this.#revocations.get(node);
      ofNode?.delete(statement.id);
      if (ofNode?.size === 0) this.#revocations.delete(node);
      this.#revocationCount--;
    } else if (statement.id === this.#charter?.id) this.#charter = undefined;
  }

  #makeChain(roots: readonly Statement<RootClaims>[]): RootChain {
    return new RootChain(this.#env.identity.fleet, roots, (key) => keyHash(this.#env.ports, key));
  }

  #changed(): void {
    this.#digest = undefined;
    this.#version++;
  }
}

function isRoot(statement: Statement): statement is Statement<RootClaims> {
  return statement.claims.kind === "root";
}

function isGrant(statement: Statement): statement is Grant {
  return statement.claims.kind === "grant";
}

function isRevocation(statement: Statement): statement is Revocation {
  return statement.claims.kind === "revocation";
}

function isObserver({ roles }: GrantClaims): boolean {
  return roles.includes("observer");
}

function numberOf({ claims }: Statement): number {
  return claims.kind === "root" ? claims.number : Number.POSITIVE_INFINITY;
}

/** Negative when `a` was issued before `b`; of two of one second the larger id is the newer one, everywhere. */
function compareAge(a: Grant, b: Grant): number {
  return a.claims.issuedS - b.claims.issuedS || compareText(a.id, b.id);
}
