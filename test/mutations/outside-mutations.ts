/** Broken rules of membership at the node itself: what it takes from its grant, whether it issues, and what it knows of being let in by nobody. */
import type { Killer, Mutation } from "./mutation.ts";

const AUTHORITY = "packages/node/src/authority/";

const unit = (file: string, title: string): Killer => ({ project: "unit", file, title });
const integration = (file: string, title: string): Killer => ({
  project: "integration",
  file: `test/integration/${file}.test.ts`,
  title,
});

export const outsideMutations: readonly Mutation[] = [
  {
    id: "region-of-grant-lost",
    rules: ["ME7"],
    breaks: "the region that an invite gives a node is not where it runs",
    file: "packages/node/src/create-node.ts",
    search: "region === REGION_DEFAULT ? granted : region",
    replacement: "region === granted ? granted : region",
    killer: integration("closed-fleet", "region of its grant"),
  },
  {
    id: "revoked-twice",
    rules: ["ME1"],
    breaks: "whoever says it again makes another revocation of the same node",
    file: `${AUTHORITY}issuing.ts`,
    search: "said.node === node && said.by === key",
    replacement: "said.id === node && said.by === key",
    killer: unit(`${AUTHORITY}issuing.test.ts`, "is revoked once"),
  },
  {
    id: "own-time-renewed",
    rules: ["ME7"],
    breaks: "a grant that was made for a time of its own is renewed for ever",
    file: `${AUTHORITY}issuing.ts`,
    search: "if (isOpenGrant(claims) ? !isOpen : !isUsualLife(claims)) return false;",
    replacement:
      "if (isOpenGrant(claims) ? !isOpen : isUsualLife(claims) === undefined) return false;",
    killer: unit(`${AUTHORITY}issuing.test.ts`, "for another time than the usual one"),
  },
  {
    id: "office-looked-up-once",
    rules: ["ME7", "ME2"],
    breaks: "whether the root names the key that is here is looked up at the start alone",
    file: `${AUTHORITY}office.ts`,
    search: '(event.type === "statement" && event.kind === "root")',
    replacement: '(event.type === "statement" && event.kind === "grant")',
    killer: unit(`${AUTHORITY}office.test.ts`, "also after the start"),
  },
  {
    id: "replaced-issuer-stays",
    rules: ["ME2", "ME7"],
    breaks: "an issuer whose key was replaced goes on beside the new one",
    file: `${AUTHORITY}office.ts`,
    search: "    last?.end();\n    await last?.idle();",
    replacement: "    await last?.idle();",
    killer: unit(`${AUTHORITY}office.test.ts`, "taken up without a restart"),
  },
  {
    id: "revoked-not-told",
    rules: ["AD11", "ME1"],
    breaks: "a revoked node is not shown why it is refused, and goes on acknowledging",
    file: "packages/transport-libp2p/src/greeter.ts",
    search: 'refusal === "revoked" ? this.#listener.proof(node) : undefined;',
    replacement: 'refusal === "grant-none" ? this.#listener.proof(node) : undefined;',
    killer: integration("closed-fleet", "stays one after a restart"),
  },
  {
    id: "refusals-unbounded",
    rules: ["AD11", "P6"],
    breaks: "whoever says that this node is not let in is remembered, however many do",
    file: "packages/node/src/driver/refusals.ts",
    search: "if (this.#byNode.size >= REFUSALS_MAX)",
    replacement: "if (this.#byNode.size >= REFUSALS_MAX * 2)",
    killer: unit("packages/node/src/driver/refusals.test.ts", "REFUSALS_MAX nodes"),
  },
  {
    id: "ready-though-let-in-by-nobody",
    rules: ["ME7", "P8"],
    breaks: "a new member is ready though no member has let it in",
    file: `${AUTHORITY}membership.ts`,
    search: "return grants.every(({ node }) => node === self);",
    replacement: "return grants.every(({ node }) => node !== self);",
    killer: integration("closed-fleet", "finds the issuer by itself"),
  },
];
