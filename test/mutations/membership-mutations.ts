/** Broken rules about what membership may cost, and about what a node holds of it when it starts again or the fleet is full. */
import type { Killer, Mutation } from "./mutation.ts";

const CORE = "packages/core/src/authority/";

const revocations = (title: string): Killer => ({
  project: "unit",
  file: `${CORE}revocation-set.test.ts`,
  title,
});

const grants = (title: string): Killer => ({
  project: "unit",
  file: `${CORE}grant-set.test.ts`,
  title,
});
const charters = (title: string): Killer => ({
  project: "unit",
  file: `${CORE}charters.test.ts`,
  title,
});

const keeper = (title: string): Killer => ({
  project: "unit",
  file: `${CORE}authority-keeper.test.ts`,
  title,
});
const SYNC = "packages/core/src/sync/";
const exchange = (title: string): Killer => ({
  project: "unit",
  file: `${SYNC}statement-exchange.test.ts`,
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
  {
    id: "gives-way-at-its-end",
    rules: ["ME1"],
    breaks: "who was made an observer gives way while the grant that it had before is valid",
    file: `${CORE}grant-set.ts`,
    search: "return Math.max(expS, issuedS + GRANT_LIFE_S_MAX);",
    replacement: "return Math.max(expS, issuedS + GRANT_LIFE_S_MAX - GRANT_LIFE_S_MAX);",
    killer: grants("gives way once nothing before it"),
  },
  {
    id: "narrowed-comes-back",
    rules: ["P1", "ME1"],
    breaks: "what a grant took the place of comes back once that one has given way",
    file: `${CORE}grant-set.ts`,
    search: "return compareOver(placeOf(grant), this.#gaveWay) <= 0;",
    replacement: "return compareOver(placeOf(grant), this.#gaveWay) <= Number.NEGATIVE_INFINITY;",
    killer: grants("gives way once nothing before it"),
  },
  {
    id: "room-by-order-on-disk",
    rules: ["P1"],
    breaks: "which grants find room at a start depends on the order in which they are on disk",
    file: `${CORE}authority.ts`,
    search: "rank(a) - rank(b) || compare(a, b)",
    replacement: "rank(a) - rank(b) || compare(a, b) * 0",
    killer: grants("where a start finds more"),
  },
  {
    id: "gave-way-forgotten",
    rules: ["P5", "ME1"],
    breaks: "a start forgets who gave way",
    file: `${CORE}authority.ts`,
    search: "this.#grants.restore(gaveWay);",
    replacement: "this.#grants.restore(gaveWay && undefined);",
    killer: grants("is so after a restart"),
  },
  {
    id: "news-forgotten",
    rules: ["P5", "ME3"],
    breaks:
      "after a start nobody is let in until the charter is signed anew, as one was revoked with a date before it",
    file: `${CORE}authority.ts`,
    search: "this.#newsS = Math.max(this.#newsS, newsS);",
    replacement: "this.#newsS = Math.max(this.#newsS, newsS * 0);",
    killer: charters("a charter that was news"),
  },
  {
    id: "news-without-revocations",
    rules: ["ME3"],
    breaks: "a node whose disk has lost a revocation is sure of who was revoked",
    file: `${CORE}authority.ts`,
    search: "if (held >= revocations)",
    replacement: "if (held >= revocations * 0)",
    killer: charters("a charter that was news"),
  },
  {
    id: "empty-list-is-equal",
    rules: ["ME2"],
    breaks: "an issuer on an old disk is up to date once a peer names nothing that it lacks",
    file: `${SYNC}statement-exchange.ts`,
    search: "const isEqual = theirs === this.#source.digest;",
    replacement: "const isEqual = (theirs ?? this.#source.digest) === this.#source.digest;",
    killer: exchange("no single one of several members"),
  },
  {
    id: "one-member-is-all",
    rules: ["ME2"],
    breaks: "an issuer on an old disk is up to date by the word of whoever would gain by it",
    file: `${CORE}authority-keeper.ts`,
    search: "Math.min(EQUALS_MIN, count)",
    replacement: "Math.min(EQUALS_MIN, 1, count)",
    killer: exchange("no single one of several members"),
  },
  {
    id: "equal-in-silence",
    rules: ["ME2"],
    breaks: "who has caught up says so in the next round alone, and an issuer waits for it",
    file: `${SYNC}statement-exchange.ts`,
    search: "if (state.said !== this.#source.digest) this.sendDigest(peer);",
    replacement: "if (state.said === peer) this.sendDigest(peer);",
    killer: exchange("of two members each knows"),
  },
  {
    id: "revoked-before-connected",
    rules: ["ME3"],
    breaks: "who is revoked between its hello and its connection stays connected",
    file: `${CORE}authority-keeper.ts`,
    search: "else this.#env.out.expel([node]);",
    replacement: 'else if (node === "") this.#env.out.expel([node]);',
    killer: keeper("is a member no more once it is connected"),
  },
  {
    id: "later-statement-punished",
    rules: ["SG2", "SG4"],
    breaks: "who hands on a statement of a later version is punished",
    file: `${CORE}claims.ts`,
    search: "kind !== undefined || TYPE_FORM.test(token.type)",
    replacement: "kind !== undefined || TYPE_FORM.test(claims as string)",
    killer: keeper("SG2, SG4 a well signed statement"),
  },
  {
    id: "hello-signature-of-anybody",
    rules: ["P6", "ME1"],
    breaks: "the signature of whatever key is looked at in a hello",
    file: `${CORE}authority-keeper.ts`,
    search: 'if (!authority.mayCount(grant)) return "grant-unknown";',
    replacement: "",
    killer: keeper("P6, ME1 of a grant in a hello"),
  },
  {
    id: "roots-beyond-answer",
    rules: ["ME7", "P6"],
    breaks: "in a fleet with many root statements no invite makes a member",
    file: "packages/transport-libp2p/src/enrolment-desk.ts",
    search: "ENROLMENT_ANSWER_BYTES_MAX: number = 4 * 1024 * 1024",
    replacement: "ENROLMENT_ANSWER_BYTES_MAX: number = 512 * 1024",
    killer: {
      project: "integration",
      file: "test/integration/transport-enrolment.test.ts",
      title: "fit into an answer",
    },
  },
  {
    id: "issuer-bounds-of-the-start",
    rules: ["ME2", "ME7"],
    breaks: "an issuer that the root gives another year is over until its node is started again",
    file: "packages/node/src/authority/open-issuer.ts",
    search: "last = named() ?? last;",
    replacement: "last = last ?? named();",
    killer: {
      project: "unit",
      file: "packages/node/src/authority/open-issuer.test.ts",
    },
  },
];
