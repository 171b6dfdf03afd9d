/**
 * What a node asks of one that it knows by its address, and that shows a grant of whose issuer it has never heard: the row of root statements that stand
 * there (rule ME2). Who was made a member long ago and knows nobody could let nobody in otherwise, as the statement that names the newer issuer comes by
 * sync, from members alone.
 *
 * Such a row counts for less than a member's: it goes on from what stands here, or ends the reign of the key that stands, and brings no rivals. And a node
 * that knows anybody but itself, or asks somebody who is revoked here, takes of it the end of a reign alone, which nobody can make who does not have the
 * next key. So who has stolen a key that was replaced since leads nobody astray but who is alone, and it no longer than until it hears of the rotation from
 * anybody whom it was to find, be it somebody that the thief has revoked.
 */
import type { CoreIntroducing } from "../core-api.ts";
import type { ReadingEnv } from "../env.ts";
import type { NodeId } from "../ids.ts";
import type { CodecPort } from "../ports.ts";
import type { Authority } from "./authority.ts";
import { STATEMENT_LENGTH_MAX } from "./limits.ts";
import { ROOTS_MAX, type RootStatement } from "./root-chain.ts";
import { keyHash, statementId } from "./statement-hash.ts";
import { openStatement } from "./statement.ts";

/** Largest row, in bytes: as many root statements as there may be, each as long as it may be. */
export const ROOT_ROW_BYTES_MAX: number = ROOTS_MAX * (STATEMENT_LENGTH_MAX + 8);

export class Introducing implements CoreIntroducing {
  #knewNobody = false;
  #hasMet = false;
  readonly #env: ReadingEnv;
  readonly #authority: Authority;
  readonly #isMember: (node: NodeId) => boolean;

  constructor(env: ReadingEnv, authority: Authority, isMember: (node: NodeId) => boolean) {
    this.#env = env;
    this.#authority = authority;
    this.#isMember = isMember;
  }

  /** @param knewNobody this node starts with nobody's grant but its own */
  begin(knewNobody: boolean): void {
    this.#knewNobody = knewNobody;
  }

  get knewNobody(): boolean {
    return this.#knewNobody;
  }

  /** A member is connected. */
  met(): void {
    this.#hasMet = true;
  }

  /**
   * Whether `from`, which has said hello with this grant, may be a member by what only a newer root statement says: another issuer, or more that one may
   * grant. Where no root statement is here, the operator has named who may bring the first one.
   */
  lacksIssuerOf(from: NodeId, grant: string | undefined): boolean {
    const authority = this.#authority;
    if (grant === undefined || authority.root === undefined || this.#isMember(from)) return false;
    // By the word of who had a root key that was replaced since, it may be revoked here alone.
    if (!authority.mayCount(grant) || authority.authorship(from) === "revoked") return true;
    const opened = openStatement(this.#env, grant);
    return opened.ok && !authority.isAuthorised(opened.statement);
  }

  rootRow(): Uint8Array {
    return this.#env.ports.codec.encode(this.#authority.rootRow());
  }

  /** What is to be taken of the row of a peer that was asked; undefined where it is none. */
  read(from: NodeId, bytes: Uint8Array): readonly RootStatement[] | undefined {
    const authority = this.#authority;
    const tokens = decodeRow(this.#env.ports.codec, bytes);
    if (tokens === undefined) return undefined;
    if (authority.root === undefined) return [];
    const { roots, isRotation } = authority.onward(this.#open(tokens));
    const isAlone = this.#knewNobody && !this.#hasMet;
    const isRevoked = authority.authorship(from) === "revoked";
    return isRotation || (isAlone && !isRevoked) ? roots : [];
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
      if (this.#authority.has(statementId(ports, token))) continue;
      const signer = ports.tokens.signerOf(token);
      if (signer === undefined) break;
      const isNamed = named.has(signer) || named.has(keyHash(ports, signer));
      if (!isNamed && !this.#authority.mayCount(token)) break;
      const result = openStatement(this.#env, token);
      if (!result.ok || result.statement.claims.kind !== "root") break;
      named.add(signer).add(result.statement.claims.nextRootHash);
      opened.push(result.statement as RootStatement);
    }
    return opened;
  }
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
