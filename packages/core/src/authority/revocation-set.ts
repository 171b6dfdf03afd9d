/**
 * Revocations that count (rule ME1): for ever, so bounded by number and by bytes. Each names what is left of its node's chains, part by part, and one who has
 * stolen an issuer's key names as much as fits into a statement, of nodes that never were: by number alone he would fill the memory of every node.
 *
 * Whether a charter is backed by them (rule ME3) is asked with every look at the clock, and worked out only where what it commits to has changed.
 */
import { compareText, type NodeId } from "../ids.ts";
import { commitsTo, type Charter } from "./charters.ts";
import type { RevocationClaims, StatementId } from "./claims.ts";
import type { Hashing } from "./statement-hash.ts";
import type { Statement } from "./statement.ts";

/** Revocations that are held: as many as a roster has members (rule CH7). */
export const REVOCATIONS_MAX: number = 10_000;
/** Characters of all their tokens, each of one byte: 1.6 KiB each where there are as many as may be, of which a usual one takes 1.3. */
export const REVOCATIONS_BYTES_MAX: number = 16 * 1024 * 1024;

export type Revocation = Statement<RevocationClaims>;

export class RevocationSet {
  readonly #byNode = new Map<NodeId, Map<StatementId, Revocation>>();
  /** By date and id, once somebody has asked; what came since stands at the end. */
  #inOrder: Revocation[] = [];
  #isInOrder = true;
  #bytes = 0;
  #backing: { readonly charter: Charter; readonly isBacked: boolean } | undefined;
  #nodes: readonly NodeId[] | undefined;

  /** False where there is no room. */
  add(revocation: Revocation): boolean {
    const bytes = this.#bytes + revocation.token.length;
    if (this.#inOrder.length >= REVOCATIONS_MAX || bytes > REVOCATIONS_BYTES_MAX) return false;
    this.#bytes = bytes;
    const { node } = revocation.claims;
    const ofNode = this.#byNode.get(node) ?? new Map<StatementId, Revocation>();
    this.#byNode.set(node, ofNode.set(revocation.id, revocation));
    this.#nodes = undefined;
    if (this.#isWithin(revocation)) this.#backing = undefined;
    this.#inOrder.push(revocation);
    this.#isInOrder = false;
    return true;
  }

  clear(): void {
    this.#byNode.clear();
    this.#inOrder = [];
    this.#isInOrder = true;
    this.#bytes = 0;
    this.#backing = undefined;
    this.#nodes = undefined;
  }

  has(node: NodeId): boolean {
    return this.#byNode.has(node);
  }

  get size(): number {
    return this.#inOrder.length;
  }

  /** Of all their tokens; {@link REVOCATIONS_BYTES_MAX} at most. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Of one node, the one that came first at the front. */
  of(node: NodeId): readonly Revocation[] {
    return [...(this.#byNode.get(node)?.values() ?? [])];
  }

  /** Revoked nodes, sorted. */
  get nodes(): readonly NodeId[] {
    this.#nodes ??= [...this.#byNode.keys()].toSorted(compareText);
    return this.#nodes;
  }

  /** All of them, sorted by node. */
  all(): readonly Revocation[] {
    return this.nodes.flatMap((node) => this.of(node));
  }

  /** Whether all that the charter commits to is here; later ones may be there as well. */
  isBacked(hashing: Hashing, charter: Charter): boolean {
    if (charter.claims.revocations > this.#inOrder.length) return false;
    if (this.#backing?.charter !== charter) {
      this.#sort();
      this.#backing = { charter, isBacked: commitsTo(hashing, charter, this.#inOrder) };
    }
    return this.#backing.isBacked;
  }

  /** Whether it stands among those that the charter looked at last counts. */
  #isWithin(revocation: Revocation): boolean {
    if (this.#backing === undefined) return false;
    const { revocations: count } = this.#backing.charter.claims;
    // What came since is behind the last of them, or it would have been forgotten.
    const last = count === 0 ? undefined : this.#inOrder[count - 1];
    return last !== undefined && compareDate(revocation, last) < 0;
  }

  #sort(): void {
    if (!this.#isInOrder) this.#inOrder.sort(compareDate);
    this.#isInOrder = true;
  }
}

function compareDate(a: Revocation, b: Revocation): number {
  return a.claims.issuedS - b.claims.issuedS || compareText(a.id, b.id);
}
