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
 */
import type { CoreIntroducing } from "../core-api.ts";
import type { Env } from "../env.ts";
import type { NodeId } from "../ids.ts";
import type { CodecPort } from "../ports.ts";
import type { Authority } from "./authority.ts";
import { type Grant, hasEnded } from "./grant-set.ts";
import { STATEMENT_LENGTH_MAX } from "./limits.ts";
import { ROOTS_MAX, type RootStatement } from "./root-chain.ts";
import type { RootRowResult } from "./root-row-result.ts";
import { keyHash, statementId } from "./statement-hash.ts";
import { openStatement, type Statement } from "./statement.ts";

/** Largest row, in bytes: as many root statements as there may be, each as long as it may be. */
export const ROOT_ROW_BYTES_MAX: number = ROOTS_MAX * (STATEMENT_LENGTH_MAX + 8);

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
  /** This node's own grants that it was enrolled with, and that were not taken. */
  #given: readonly Grant[] = [];

  constructor(env: Env, deps: IntroducingDeps) {
    this.#env = env;
    this.#deps = deps;
  }

  /**
   * All that is on disk was restored.
   * @param given what this node was enrolled with
   */
  begin(given: readonly string[]): void {
    const opened = given
      .filter((token) => !this.#isHeld(token))
      .map((token) => openStatement(this.#env, token));
    this.#given = opened.flatMap((each) =>
      each.ok && this.#isOwnGrant(each.statement) ? [each.statement] : [],
    );
    this.#knewNobody = this.#others().length === 0;
  }

  /** One that was known before has come, though it may not let this one in. */
  seen(): void {
    this.#hasSeen = true;
  }

  /** A member is connected. */
  met(): void {
    this.#hasMet = true;
  }

  /** Root statements were judged. Where they leave no grant of anybody else, whoever was met, or known, was a member by what counts no more. */
  judged(): void {
    if (this.#others().length === 0) this.#wasAstray();
  }

  /** Whoever led it astray, and whom it met meanwhile, be he a member, did not tell. */
  #wasAstray(): void {
    this.#knewNobody = true;
    this.#hasMet = false;
  }

  /** The operator has handed over the fleet's root statements, as whom this node knows does not come. Who has met a member has a source of his own. */
  handedOver(): void {
    this.#knewNobody ||= !this.#hasMet;
  }

  /** Whether everybody is new to this node, so that it lets in whoever has a grant though it heard nothing for a day (rule ME3). */
  isLost(wallMs: number): boolean {
    return this.#knewNobody || (!this.#hasSeen && this.#isAlone(wallMs));
  }

  /**
   * Whether nobody else says who grants membership: no member was met, and none may come, as this node began with nobody, or those whom it knew are gone, by
   * their goodbye or as their grants have ended.
   */
  #isAlone(wallMs: number): boolean {
    if (this.#hasMet) return false;
    const { authority, hasLeft } = this.#deps;
    const mayCome = (node: NodeId): boolean => {
      const grant = authority.grantStatementOf(node);
      return grant !== undefined && !hasEnded(grant, wallMs) && !hasLeft(node);
    };
    return this.#knewNobody || !this.#others().some(mayCome);
  }

  #others(): readonly NodeId[] {
    const { self } = this.#env.identity;
    return this.#deps.authority.grantedNodes().filter((node) => node !== self);
  }

  /**
   * Whether `from`, which has said hello with this grant, may be a member by what only a newer root statement says: another issuer, or more that one may
   * grant. Where no root statement is here, the operator has named who may bring the first one.
   */
  lacksIssuerOf(from: NodeId, grant: string | undefined): boolean {
    const { authority, isMember } = this.#deps;
    if (grant === undefined || authority.root === undefined || isMember(from)) return false;
    // By the word of who had a root key that was replaced since, it may be revoked here alone.
    if (!authority.mayCount(grant) || authority.authorship(from) === "revoked") return true;
    const opened = openStatement(this.#env, grant);
    return opened.ok && !authority.isAuthorised(opened.statement);
  }

  /** What counts comes first. One by another issuer goes with it: a thief makes void what he likes, and grants whom he likes, whom nobody else knows then. */
  questions(): readonly string[] {
    const held = this.#deps.authority.everyGrantOf(this.#env.identity.self);
    const all = [...held, ...this.#given];
    const first = all[0]?.claims.signer;
    const other = all.find(({ claims }) => claims.signer !== first);
    return [all[0], other].flatMap((grant) => (grant === undefined ? [] : [grant.token]));
  }

  rootRow(): Uint8Array {
    return this.#env.ports.codec.encode(this.#deps.authority.rootRow());
  }

  /** Has taken what is to be taken of the row of a peer that was asked; what became of it. */
  onRow(row: AskedRow, take: (roots: readonly RootStatement[]) => void): RootRowResult {
    const { authority } = this.#deps;
    const stood = authority.root?.id;
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
    const isRevoked = authority.authorship(from) === "revoked";
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
