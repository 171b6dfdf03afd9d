/**
 * Grants that count (rule ME1): of each node the newest of its issuers. Bounded by nodes, so that renewals and new issuers fill nothing up; where there are
 * as many nodes as there may be, the one whose grant ended first gives way, so that a fleet of nodes that come and go does not end with the ten
 * thousandth.
 */
import { compareText, type KeyId, type NodeId } from "../ids.ts";
import type { GrantClaims } from "./claims.ts";
import type { Statement } from "./statement.ts";

/** Nodes that have a grant: as many as a roster has members (rule CH7). */
export const GRANTS_MAX: number = 10_000;
/** Issuers of whom one node has a grant that is told: that which counts, and one behind it. */
export const NODE_ISSUERS_MAX: number = 2;
/** How far the clocks of an issuer and a reader may be apart, in ms. */
export const CLOCK_LEEWAY_MS: number = 120_000;

export type Grant = Statement<GrantClaims>;

export class GrantSet {
  readonly #byNode = new Map<NodeId, Map<KeyId, Grant>>();
  /** The newest grant that ends first, once somebody has asked: whoever offers what finds no room must not have all looked at each time. */
  #firstEnd: Grant | undefined;

  nodes(): readonly NodeId[] {
    return [...this.#byNode.keys()];
  }

  /** Of any node, in no particular order. */
  *all(): IterableIterator<Grant> {
    for (const ofNode of this.#byNode.values()) yield* ofNode.values();
  }

  has(node: NodeId): boolean {
    return this.#byNode.has(node);
  }

  /** The one that counts for a node. */
  newestOf(node: NodeId): Grant | undefined {
    return inOrder(this.#byNode.get(node)).at(-1);
  }

  clear(): void {
    this.#firstEnd = undefined;
    this.#byNode.clear();
  }

  /** Has a grant count from now on: what counts no more for it, or why it does not count. */
  add(grant: Grant, wallMs: number): readonly Grant[] | "known" | "full" {
    const { node, signer } = grant.claims;
    const ofNode = this.#byNode.get(node);
    const held = ofNode?.get(signer);
    if (held !== undefined && compareAge(held, grant) > 0) return "known";
    const others = inOrder(ofNode).filter((each) => each !== held);
    const [oldest, ...newer] = [...others, grant].toSorted(compareAge);
    const isBeyond = others.length >= NODE_ISSUERS_MAX;
    if (isBeyond && oldest === grant) return "known";
    const gone = ofNode === undefined ? this.#makeRoom(grant, wallMs) : [];
    if (gone === undefined) return "full";
    const kept = isBeyond || oldest === undefined ? newer : [oldest, ...newer];
    this.#firstEnd = undefined;
    this.#byNode.set(node, new Map(kept.map((each) => [each.claims.signer, each])));
    const outdone = isBeyond && oldest !== undefined ? [oldest] : [];
    return [...gone, ...outdone, ...(held === undefined ? [] : [held])];
  }

  /** Grants of the node that gives way, none where there is room; undefined where nobody does. */
  #makeRoom(grant: Grant, wallMs: number): readonly Grant[] | undefined {
    if (this.#byNode.size < GRANTS_MAX) return [];
    this.#firstEnd ??= this.#findFirstEnd();
    const first = this.#firstEnd;
    if (first === undefined || compareEnd(grant, first) <= 0) return undefined;
    if (!hasEnded(first, wallMs)) return undefined;
    const { node } = first.claims;
    const gone = inOrder(this.#byNode.get(node));
    this.#byNode.delete(node);
    return gone;
  }

  #findFirstEnd(): Grant | undefined {
    let first: Grant | undefined;
    for (const node of this.#byNode.keys()) {
      const newest = this.newestOf(node);
      if (newest !== undefined && (first === undefined || compareEnd(newest, first) < 0))
        first = newest;
    }
    return first;
  }
}

export function hasEnded({ claims }: Grant, wallMs: number): boolean {
  return wallMs - CLOCK_LEEWAY_MS >= claims.expS * 1_000;
}

function inOrder(grants: ReadonlyMap<KeyId, Grant> | undefined): readonly Grant[] {
  return [...(grants?.values() ?? [])].toSorted(compareAge);
}

/** Negative when `a` was issued before `b`; of two of one second the larger id is the newer one, everywhere. */
function compareAge(a: Grant, b: Grant): number {
  return a.claims.issuedS - b.claims.issuedS || compareText(a.id, b.id);
}

function compareEnd(a: Grant, b: Grant): number {
  return a.claims.expS - b.claims.expS || compareText(a.id, b.id);
}
