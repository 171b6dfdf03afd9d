/** What becomes of accusations that were made across a cut, once a region is heard again (rule VE4). */
import type { Witness } from "./accuse.ts";
import type { Subject } from "./subject.ts";

/** What each side said of the other while a region was not heard counts no more. Who is silent still is accused anew. */
export function forgive(witness: Witness, subjects: Iterable<Subject>, region: string): void {
  const { regions } = witness.electorate;
  for (const { node, latch, accusations } of subjects) {
    if (latch !== undefined) continue;
    const isThere = regions.regionOf(node) === region;
    for (const accuser of accusations.keys()) {
      const isAcross = (regions.regionOf(accuser) === region) !== isThere;
      if (isAcross && accuser !== witness.env.identity.self) accusations.delete(accuser);
    }
  }
}
