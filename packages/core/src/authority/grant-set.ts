/**
 * Grants that count (rule ME1): of each node the newest of its issuers. Bounded by nodes, so that renewals and new issuers fill nothing up; where there are
 * as many nodes as there may be, the one that was over first gives way, so that a fleet of nodes that come and go does not end with the ten
 * thousandth.
 *
 * A node is over when its newest grant has ended, and every older one that anybody may still hold with it. Were it forgotten before, a member that was made
 * an observer would be an operator again by the grant that it had before, which nothing takes the place of any more. So that its older ones do not come
 * back either once there is room, it is kept who gave way last: what is no newer than that, of a node that has no grant here, is over as well.
 */
import { compareText, type NodeId } from "../ids.ts";
import type { GrantClaims, StatementId } from "./claims.ts";
import { GRANT_LIFE_S_MAX } from "./limits.ts";
import type { Statement } from "./statement.ts";

/** Nodes that have a grant: as many as a roster has members (rule CH7). */
export const GRANTS_MAX: number = 10_000;
/** Issuers of whom one node has a grant that is told: that which counts, and one behind it. */
export const NODE_ISSUERS_MAX: number = 2;
/** How far the clocks of an issuer and a reader may be apart, in ms. */
export const CLOCK_LEEWAY_MS: number = 120_000;

export type Grant = Statement<GrantClaims>;

/** Who gave way last, by its newest grant. */
export interface GaveWay {
  readonly overS: number;
  readonly id: StatementId;
}

export class GrantSet {
  /** The oldest first, one of each issuer. The newest is asked for with whatever comes of its node. */
  readonly #byNode = new Map<NodeId, readonly Grant[]>();
  /** The newest grant that is over first, once somebody has asked: whoever offers what finds no room must not have all looked at each time. */
  #first: Grant | undefined;
  #gaveWay: GaveWay | undefined;

  nodes(): readonly NodeId[] {
    return [...this.#byNode.keys()];
  }

  /** Of any node, in no particular order. */
  *all(): IterableIterator<Grant> {
    for (const ofNode of this.#byNode.values()) yield* ofNode;
  }

  has(node: NodeId): boolean {
    return this.#byNode.has(node);
  }

  /** The one that counts for a node. */
  newestOf(node: NodeId): Grant | undefined {
    return this.#byNode.get(node)?.at(-1);
  }

  /** Those of its issuers, the oldest first. */
  of(node: NodeId): readonly Grant[] {
    return this.#byNode.get(node) ?? [];
  }

  /** Who gave way last, to be kept on disk. */
  get gaveWay(): GaveWay | undefined {
    return this.#gaveWay;
  }

  /** As it was on disk. */
  restore(gaveWay: GaveWay | undefined): void {
    this.#gaveWay = gaveWay;
  }

  /** Whether its node has none here, and gave way with a newer one, or would have. */
  isPast(grant: Grant): boolean {
    if (this.#gaveWay === undefined || this.#byNode.has(grant.claims.node)) return false;
    return compareOver(placeOf(grant), this.#gaveWay) <= 0;
  }

  /** All of them; who gave way stays known. */
  clear(): void {
    this.#first = undefined;
    this.#byNode.clear();
  }

  /** Has a grant count from now on: what counts no more for it, or why it does not count. */
  add(grant: Grant, wallMs: number): readonly Grant[] | "known" | "full" {
    const { node, signer } = grant.claims;
    const ofNode = this.#byNode.get(node);
    const held = ofNode?.find(({ claims }) => claims.signer === signer);
    if (held !== undefined && compareAge(held, grant) > 0) return "known";
    const others = (ofNode ?? []).filter((each) => each !== held);
    const [oldest, ...newer] = [...others, grant].toSorted(compareAge);
    const isBeyond = others.length >= NODE_ISSUERS_MAX;
    if (isBeyond && oldest === grant) return "known";
    const gone = ofNode === undefined ? this.#makeRoom(grant, wallMs) : [];
    if (gone === undefined) return "full";
    const kept = isBeyond || oldest === undefined ? newer : [oldest, ...newer];
    this.#first = undefined;
    this.#byNode.set(node, kept);
    const outdone = isBeyond && oldest !== undefined ? [oldest] : [];
    return [...gone, ...outdone, ...(held === undefined ? [] : [held])];
  }

  /** Grants of the node that gives way, none where there is room; undefined where nobody does. */
  #makeRoom(grant: Grant, wallMs: number): readonly Grant[] | undefined {
    if (this.#byNode.size < GRANTS_MAX) return [];
    this.#first ??= this.#findFirst();
    const first = this.#first;
    if (first === undefined || compareOver(placeOf(grant), placeOf(first)) <= 0) return undefined;
    if (!isPassed(overS(first.claims), wallMs)) return undefined;
    const { node } = first.claims;
    const gone = this.of(node);
    this.#byNode.delete(node);
    this.#gaveWay = placeOf(first);
    return gone;
  }

  #findFirst(): Grant | undefined {
    let first: Grant | undefined;
    for (const node of this.#byNode.keys()) {
      const newest = this.newestOf(node);
      if (newest === undefined) continue;
      if (first === undefined || compareOver(placeOf(newest), placeOf(first)) < 0) first = newest;
    }
    return first;
  }
}

export function hasEnded({ claims }: Grant, wallMs: number): boolean {
  return isPassed(claims.expS, wallMs);
}

/**
 * When this grant of a node has ended, and every one that was issued before it, in Unix seconds: a grant begins when it is issued, and lasts
 * {@link GRANT_LIFE_S_MAX} at most.
 */
function overS({ expS, issuedS }: Pick<GrantClaims, "expS" | "issuedS">): number {
  return Math.max(expS, issuedS + GRANT_LIFE_S_MAX);
}

/** Where a grant stands among those that give way. */
function placeOf({ id, claims }: Grant): GaveWay {
  return { id, overS: overS(claims) };
}

/** Negative where `a` gives way before `b`. */
function compareOver(a: GaveWay, b: GaveWay): number {
  return a.overS - b.overS || compareText(a.id, b.id);
}

/** An order of statements by which the grants of whoever is over last come first, so that those find room; all else goes before them. */
export function latestFirst(
  counting: readonly Statement[],
): (a: Statement, b: Statement) => number {
  const newest = new Map<NodeId, Grant>();
  for (const grant of counting.filter(isGrant)) {
    const other = newest.get(grant.claims.node);
    if (other === undefined || compareAge(other, grant) < 0) newest.set(grant.claims.node, grant);
  }
  const places = new Map([...newest].map(([node, grant]) => [node, placeOf(grant)]));
  const placeFor = (each: Statement): GaveWay | undefined =>
    isGrant(each) ? places.get(each.claims.node) : undefined;
  return (a, b) => {
    const [placeA, placeB] = [placeFor(a), placeFor(b)];
    if (placeA === undefined || placeB === undefined)
      return Number(placeB === undefined) - Number(placeA === undefined);
    return compareOver(placeB, placeA);
  };
}

function isGrant(statement: Statement): statement is Grant {
  return statement.claims.kind === "grant";
}

function isPassed(atS: number, wallMs: number): boolean {
  return wallMs - CLOCK_LEEWAY_MS >= atS * 1_000;
}

/** Negative when `a` was issued before `b`; of two of one second the larger id is the newer one, everywhere. */
function compareAge(a: Grant, b: Grant): number {
  return a.claims.issuedS - b.claims.issuedS || compareText(a.id, b.id);
}
