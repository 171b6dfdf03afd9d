/** Broken rules about what membership may cost, and about what a node holds of it when it starts again or the fleet is full. */
import type { Killer, Mutation } from "./mutation.ts";

const CORE = "packages/core/src/authority/";

const revocations = (title: string): Killer => ({
  project: "unit",
  file: `${CORE}revocation-set.test.ts`,
  title,
});

export const membershipMutations: readonly Mutation[] = [
  {
    id: "revocations-by-count-alone",
    rules: ["P6", "ME1"],
    breaks: "whoever has an issuer's key fills the memory of every node with long revocations",
    file: `${CORE}revocation-set.ts`,
    search: "bytes > REVOCATIONS_BYTES_MAX)",
    replacement: "bytes > REVOCATIONS_BYTES_MAX * 1_000)",
    killer: revocations("count, however few they are"),
  },
  {
    id: "backdated-changes-nothing",
    rules: ["ME3"],
    breaks: "a charter is backed though a revocation stands among those that it counts",
    file: `${CORE}revocation-set.ts`,
    search: "if (this.#isWithin(revocation)) this.#backing = undefined;",
    replacement: "if (this.#isWithin(revocation) && bytes < 0) this.#backing = undefined;",
    killer: revocations("what is revoked after the charter"),
  },
];
