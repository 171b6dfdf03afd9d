/** Where a revoked author's chains end, out of all revocations of it (rule ME1): for each document the lowest place stands. */
import { compareText, type DocumentName } from "../ids.ts";
import type { Cut, RevocationClaims } from "./claims.ts";

/**
 * The cuts that stand, by document; the same whatever the order of `revocations`. A revocation that does not name a document keeps nothing of it, and
 * that is lower than any place: so a document is in the result only where all of them name it.
 */
export function standingCuts(
  revocations: readonly RevocationClaims[],
): ReadonlyMap<DocumentName, Cut> {
  const standing = new Map<DocumentName, Cut>();
  const [first, ...others] = revocations;
  for (const cut of first?.cuts ?? []) {
    const rivals = others.map(({ cuts }) => cuts.find(({ document }) => document === cut.document));
    const named = rivals.filter((rival) => rival !== undefined);
    if (named.length < rivals.length) continue;
    const [lowest] = [cut, ...named].toSorted(compareCuts);
    if (lowest !== undefined) standing.set(cut.document, lowest);
  }
  return standing;
}

/** Negative where `a` stands before `b`. Of two that keep the same place the order means nothing; it must only be the same everywhere. */
function compareCuts(a: Cut, b: Cut): number {
  return (
    a.epoch - b.epoch ||
    a.seq - b.seq ||
    compareText(a.hash, b.hash) ||
    compareText(a.parts.join(), b.parts.join()) ||
    a.robots - b.robots
  );
}
