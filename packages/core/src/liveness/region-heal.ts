/** What becomes of accusations that were made across a cut, once a region is heard again (rule VE4). */
import type { Witness } from "./accuse.ts";
import type { Subject } from "./subject.ts";

/** What each side said of the other while a region was not heard counts no more. Who is silent still is accused anew. */
export function forgive(witness: Witness, subjects: Iterable<Subject>, region: string): void {
  const { regions } = witness.electorate;
  for (const { node, latch, accusations, unknowns } of subjects) {
    if (latch !== undefined) continue;
    const isThere = regions.regionOf(node) === region;
    for (const opinions of [accusations, unknowns]) {
      for (const speaker of opinions.keys()) {
        const isAcross = (regions.regionOf(speaker) === region) !== isThere;
        if (isAcross && speaker !== witness.env.identity.self) opinions.delete(speaker);
      }
    }
  }
}
