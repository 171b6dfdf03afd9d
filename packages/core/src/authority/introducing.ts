/**
 * What a node asks of one that it knows by its address, and that shows a grant of whose issuer it has never heard: the row of root statements that stand
 * there (rule ME2). Who was made a member long ago and knows nobody could let nobody in otherwise, as the statement that names the newer issuer comes by
 * sync, from members alone.
 *
 * Such a row counts for less than a member's: it goes on from what stands here, or ends the reign of the key that stands, and brings no rivals. And a node
 * that is not alone, or asks somebody who is revoked here, takes of it the end of a reign alone, up to the first word of the last key in it: nobody can
 * make that who does not have the next key, and all behind it is made by whoever has stolen the last one. So who has stolen a key that was replaced since
 * leads nobody astray but who is alone, and it no longer than until it hears of the rotation from anybody whom it was to find, be it somebody that the thief
 * has revoked.
 *
 * The same question is asked of a member that does not let this node in (ADR 0034): it may hold root statements that were said while nobody heard them here.
 * What it says counts as what it says by sync. And it is answered to who is let in no more, where it shows a grant by somebody who is or was an issuer here.
 */
import type { CoreIntroducing } from "../core-api.ts";
import type { Env } from "../env.ts";
import type { KeyId, NodeId } from "../ids.ts";
import type { Now } from "../now.ts";
import type { CodecPort } from "../ports.ts";
import type { Authority, TakeResult } from "./authority.ts";
import type { StatementId } from "./claims.ts";
import { type Grant, hasEnded } from "./grant-set.ts";
import { STATEMENT_LENGTH_MAX } from "./limits.ts";
import { ROOTS_MAX, type RootStatement } from "./root-chain.ts";
import type { RootRowResult } from "./root-row-result.ts";
import { keyHash, statementId } from "./statement-hash.ts";
import { openStatement, type Statement } from "./statement.ts";

/** Largest row, in bytes: as many root statements as there may be, each as long as it may be. */
export const ROOT_ROW_BYTES_MAX: number = ROOTS_MAX * (STATEMENT_LENGTH_MAX + 8);

/** Grants that a node asks with: who is asked answers as many at once. */
const QUESTIONS_MAX = 4;

/** Grants of former members whose signature is not looked at again: each is shown in a hello, and asked with a moment later. */
export const GRANTEES_MAX: number = 64;

/** The answer of a peer that was asked. */
export interface AskedRow {
  readonly from: NodeId;
  readonly bytes: Uint8Array;
  readonly wallMs: number;
}

interface RootRow {
  readonly result: RootRowResult;
  /** What is to be taken of it. */
  readonly roots: readonly RootStatement[];
}

export interface IntroducingDeps {
  readonly authority: Authority;
  readonly isMember: (node: NodeId) => boolean;
  /** It said goodbye, or was retired, and has not come back. */
  readonly hasLeft: (node: NodeId) => boolean;
}

export class Introducing implements CoreIntroducing {
  readonly #env: Env;
  readonly #deps: IntroducingDeps;
  #knewNobody = false;
  #hasMet = false;
  #hasSeen = false;
  /** Whom it knows cannot say who was revoked meanwhile; until a charter does. */
  #isAtALoss = false;
  /** As of when it knew who was revoked as it was found astray, in Unix seconds: by the word of who had led it there. 0 where no charter was news. */
  astrayNewsS: number | undefined;
  /** Whether somebody else had a grant that counts, and was not revoked, as of the last look. */
  #hadOthers = false;
  /** As it was told last, and the newest statement in it. */
  #row: { readonly newest: StatementId | undefined; readonly bytes: Uint8Array } | undefined;
  /** Of grants that former members have shown: whom they are for, if they are any; the one seen first is forgotten first. */
  readonly #grantees = new Map<string, NodeId | undefined>();
  /** This node's own grants that it was enrolled with, also such as were not taken. */
  #given: readonly Grant[] = [];

  constructor(env: Env, deps: IntroducingDeps) {
    this.#env = env;
    this.#deps = deps;
  }

  /**
   * All that is on disk was restored.
   * @param given what this node was enrolled with
   * @param astrayNewsS as it was kept
   */
  begin(given: readonly string[], astrayNewsS: number | undefined): void {
    const ids = new Set(given.map((token) => statementId(this.#env.ports, token)));
    const opened = given
      .filter((token) => !this.#isHeld(token))
      .map((token) => openStatement(this.#env, token));
    this.#given = [
      ...this.#heldOwn().filter(({ id }) => ids.has(id)),
      ...opened.flatMap((each) =>
        each.ok && this.#isOwnGrant(each.statement) ? [each.statement] : [],
      ),
    ];
    this.#knewNobody = this.#others().length === 0;
    this.astrayNewsS = astrayNewsS;
    const isFreed = astrayNewsS !== undefined && this.#deps.authority.newsS <= astrayNewsS;
    this.#isAtALoss = this.#knewNobody || isFreed;
    this.#hadOthers = this.#hasOthers();
  }

  /** One that was known before has come, though it may not let this one in. */
  seen(): void {
    this.#hasSeen = true;
  }

  /** A member is connected. */
  met(): void {
    this.#hasMet = true;
  }

  /**
   * What is held has changed. Where it leaves nobody else who has a grant and is not revoked, whoever was met, or known, was a member by what counts no more,
   * or none of them can come. Where nobody had one, and the first root statement has come, whoever is met has brought it.
   */
  judged(): void {
    const hasOthers = this.#hasOthers();
    if (this.#hadOthers && !hasOthers) this.#wasAstray();
    this.#hadOthers = hasOthers;
  }

  /** At the end of an input that has changed what is held. */
  looked(wallMs: number): void {
    this.judged();
    const { authority } = this.#deps;
    if (authority.isStale(wallMs)) return;
    // A root statement, by which an authority is not stale either, says of nobody that he was revoked.
    if (authority.newsS <= (this.astrayNewsS ?? 0)) return;
    this.#isAtALoss = false;
    // What was known when stays no longer: with rows that are lost later on it would be at a loss again.
    this.astrayNewsS = undefined;
  }

  /** Whoever led it astray, and whom it met meanwhile, be he a member, did not tell. */
  #wasAstray(): void {
    this.#knewNobody = true;
    this.#isAtALoss = true;
    this.astrayNewsS = this.#deps.authority.newsS;
    this.#hasMet = false;
    this.#hasSeen = false;
  }

  /**
   * The operator has handed over something. Where that is what the fleet says of itself, and was not here, whom this node knows does not come, or has nothing to
   * tell; what was here tells nothing, whoever says it again. Who has met a member goes on hearing of root statements from members alone.
   */
  handedOver(results: readonly TakeResult[], isWord: (id: StatementId) => boolean): void {
    const isNews = (result: TakeResult): boolean =>
      result.status === "new" && isWord(result.statement.id);
    if (!results.some(isNews)) return;
    this.#knewNobody ||= !this.#hasMet;
    this.#isAtALoss = true;
  }

  /** Whether nobody whom this node knows says who was revoked, so that it lets in whoever has a grant though it heard nothing for a day (rule ME3). */
  isLost(wallMs: number): boolean {
    return this.#isAtALoss || (!this.#hasSeen && this.#isAlone(wallMs));
  }

  /**
   * Whether nobody else says who grants membership: no member was met, and none may come, as this node began with nobody, or those whom it knew are gone, by
   * their goodbye, as their grants have ended or as they are revoked.
   */
  #isAlone(wallMs: number): boolean {
    if (this.#hasMet) return false;
    const { authority, hasLeft } = this.#deps;
    const mayCome = (node: NodeId): boolean => {
      const grant = authority.grantStatementOf(node);
      if (grant === undefined || this.#isRevoked(node)) return false;
      return !hasEnded(grant, wallMs) && !hasLeft(node);
    };
    return this.#knewNobody || !this.#others().some(mayCome);
  }

  #others(): readonly NodeId[] {
    const { self } = this.#env.identity;
    return this.#deps.authority.grantedNodes().filter((node) => node !== self);
  }

  #hasOthers(): boolean {
    return this.#others().some((node) => !this.#isRevoked(node));
  }

  #isRevoked(node: NodeId): boolean {
    return this.#deps.authority.authorship(node) === "revoked";
  }

  /**
   * Whether `from`, which has said hello with this grant, may be a member by what only a newer root statement says: another issuer, or more that one may
   * grant. Where no root statement is here, the operator has named who may bring the first one.
   */
  lacksIssuerOf(from: NodeId, grant: string | undefined): boolean {
    const { authority, isMember } = this.#deps;
    if (grant === undefined || authority.root === undefined || isMember(from)) return false;
    // By the word of who had a root key that was replaced since, it may be revoked here alone.
    if (!authority.mayCount(grant) || this.#isRevoked(from)) return true;
    const opened = openStatement(this.#env, grant);
    return opened.ok && !authority.isAuthorised(opened.statement);
  }

  /**
   * What counts comes first. One of each other issuer goes with it, as a thief makes void what he likes, and grants whom he likes, whom nobody else knows then:
   * first of those by whom this node was enrolled, then of those who were named first, as a thief names
   * nobody below the reign of the key that he has.
   */
  questions({ wallMs }: Now): readonly string[] {
    const held = this.#heldOwn();
    const heldIds = new Set(held.map(({ id }) => id));
    const all = [...held, ...this.#given.filter(({ id }) => !heldIds.has(id))];
    const valid = all.filter((grant) => !hasEnded(grant, wallMs));
    const [first, ...others] = valid.length > 0 ? valid : all;
    if (first === undefined) return [];
    const enrolled = new Set(this.#given.map(({ claims }) => claims.signer));
    const placeOf = ({ claims: { signer } }: Grant): number =>
      enrolled.has(signer) ? 0 : this.#deps.authority.namedAt(signer);
    const bySigner = new Map<KeyId, string>();
    for (const { claims, token } of [first, ...others.toSorted((a, b) => placeOf(a) - placeOf(b))])
      if (!bySigner.has(claims.signer)) bySigner.set(claims.signer, token);
    return [...bySigner.values()].slice(0, QUESTIONS_MAX);
  }

  #heldOwn(): readonly Grant[] {
    return this.#deps.authority.everyGrantOf(this.#env.identity.self);
  }

  lacksRowOf(node: NodeId): boolean {
    const { authority, isMember } = this.#deps;
    return authority.root !== undefined && isMember(node) && isMember(this.#env.identity.self);
  }

  rootRow(): Uint8Array {
    const { authority } = this.#deps;
    const newest = authority.root?.id;
    if (this.#row === undefined || this.#row.newest !== newest)
      this.#row = { newest, bytes: this.#env.ports.codec.encode(authority.rootRow()) };
    return this.#row.bytes;
  }

  /** Who shows what no issuer has ever granted it is told nothing. */
  formerRow(node: NodeId, grant: string): Uint8Array | undefined {
    return this.#wasGranted(node, grant) ? this.rootRow() : undefined;
  }

  /**
   * It need not be held: since this node takes nothing of those that granted it any more, or as it heard nothing for a while, it may have been renewed, or
   * given for the first time. Of who was never an issuer no signature is looked at.
   */
  #wasGranted(node: NodeId, grant: string): boolean {
    const { authority } = this.#deps;
    if (authority.everyGrantOf(node).some(({ token }) => token === grant)) return true;
    const signer = this.#env.ports.tokens.signerOf(grant);
    if (signer === undefined || authority.namedAt(signer) > ROOTS_MAX) return false;
    return this.#granteeOf(grant) === node;
  }

  /** Whom a grant is for, undefined where it is none: of one that is shown several times in a short while the signature is looked at once. */
  #granteeOf(grant: string): NodeId | undefined {
    if (this.#grantees.has(grant)) return this.#grantees.get(grant);
    const opened = openStatement(this.#env, grant);
    const claims = opened.ok ? opened.statement.claims : undefined;
    const grantee = claims?.kind === "grant" ? claims.node : undefined;
    for (const oldest of this.#grantees.keys()) {
      if (this.#grantees.size < GRANTEES_MAX) break;
      this.#grantees.delete(oldest);
    }
    this.#grantees.set(grant, grantee);
    return grantee;
  }

  /** Has taken what is to be taken of the row of a peer that was asked; what became of it. */
  onRow(row: AskedRow, take: (roots: readonly RootStatement[]) => void): RootRowResult {
    const { authority, isMember } = this.#deps;
    const stood = authority.root?.id;
    if (stood !== undefined && isMember(row.from)) return this.#onMemberRow(row, take);
    const { result, roots } = this.#read(row);
    take(roots);
    if (result !== "rotation") return result;
    // The end of a reign has undone what stood here: somebody had led this node astray.
    if (stood !== undefined && !authority.isStanding(stood)) this.#wasAstray();
    // Who is alone by it takes what is behind it as well.
    const rest = this.#read(row);
    take(rest.roots);
    return rest.roots.length > 0 ? rest.result : result;
  }

  /** As if it had come by sync: a member says who has authority, rivals included. */
  #onMemberRow(
    { bytes }: AskedRow,
    take: (roots: readonly RootStatement[]) => void,
  ): RootRowResult {
    const { authority } = this.#deps;
    const tokens = decodeRow(this.#env.ports.codec, bytes);
    if (tokens === undefined) return "malformed";
    const stood = authority.root?.id;
    const isKnown = tokens.every((token) => this.#isHeld(token));
    take(this.#open(tokens));
    if (authority.root?.id !== stood) return "taken";
    return isKnown ? "known" : "beside";
  }

  #read({ from, bytes, wallMs }: AskedRow): RootRow {
    const { authority } = this.#deps;
    const tokens = decodeRow(this.#env.ports.codec, bytes);
    if (tokens === undefined) return nothing("malformed");
    if (authority.root === undefined) return nothing("beside");
    const opened = this.#open(tokens);
    const { roots, rotation } = authority.onward(opened);
    if (roots.length === 0) {
      const isKnown = opened.length === 0 && tokens.every((token) => this.#isHeld(token));
      return nothing(isKnown ? "known" : "beside");
    }
    const isRevoked = this.#isRevoked(from);
    if (this.#isAlone(wallMs) && !isRevoked) return { result: "taken", roots };
    if (rotation.length > 0) return { result: "rotation", roots: rotation };
    return nothing(isRevoked ? "revoked" : "company");
  }

  #isHeld(token: string): boolean {
    return this.#deps.authority.has(statementId(this.#env.ports, token));
  }

  #isOwnGrant(statement: Statement): statement is Grant {
    return statement.claims.kind === "grant" && statement.claims.node === this.#env.identity.self;
  }

  /**
   * What is not here yet, up to the first one that is no root statement by a key that those before it name or commit to: the signature of no other is looked
   * at.
   */
  #open(tokens: readonly string[]): readonly RootStatement[] {
    const { ports } = this.#env;
    const named = new Set<string>();
    const opened: RootStatement[] = [];
    for (const token of tokens) {
      if (this.#isHeld(token)) continue;
      const signer = ports.tokens.signerOf(token);
      if (signer === undefined) break;
      const isNamed = named.has(signer) || named.has(keyHash(ports, signer));
      if (!isNamed && !this.#deps.authority.mayCount(token)) break;
      const result = openStatement(this.#env, token);
      if (!result.ok || result.statement.claims.kind !== "root") break;
      named.add(signer).add(result.statement.claims.nextRootHash);
      opened.push(result.statement as RootStatement);
    }
    return opened;
  }
}

function nothing(result: RootRowResult): RootRow {
  return { result, roots: [] };
}

/** A dag-cbor list of tokens; undefined for anything else. Never throws. */
function decodeRow(codec: CodecPort, bytes: Uint8Array): readonly string[] | undefined {
  if (bytes.length > ROOT_ROW_BYTES_MAX) return undefined;
  let value: unknown;
  try {
    value = codec.decode(bytes);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value) || value.length > ROOTS_MAX) return undefined;
  return value.every(isToken) ? value : undefined;
}

function isToken(value: unknown): value is string {
  return typeof value === "string" && value.length <= STATEMENT_LENGTH_MAX;
}
