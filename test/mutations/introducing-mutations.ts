/** Broken rules about what nodes ask of each other before either is let in (rule ME2). */
import type { Killer, Mutation } from "./mutation.ts";

const CORE = "packages/core/src/authority/introducing.ts";
const TRANSPORT = "packages/transport-libp2p/src/";

const rows = (title: string): Killer => ({
  project: "unit",
  file: "packages/core/src/authority/introducing.test.ts",
  title,
});
const transport = (title: string): Killer => ({
  project: "integration",
  file: "test/integration/transport-root-rows.test.ts",
  title,
});

export const introducingMutations: readonly Mutation[] = [
  {
    id: "newcomer-locked-out",
    rules: ["ME2", "P9"],
    breaks: "who knows nobody never hears that another issuer has granted everybody",
    file: "packages/node/src/driver/driver.ts",
    search: "this.#view?.introducing.lacksIssuerOf(node, grant) === true",
    replacement: "this.#view?.introducing.lacksIssuerOf(node, undefined) === true",
    killer: {
      project: "integration",
      file: "test/integration/unknown-issuer.test.ts",
      title: "hears of that one from whom its operator names",
    },
  },
  {
    id: "wider-issuer-unheard",
    rules: ["ME2"],
    breaks: "nobody is asked where an issuer that is known may grant more by now",
    file: CORE,
    search: "return opened.ok && !authority.isAuthorised(opened.statement);",
    replacement: "return !opened.ok && !authority.isAuthorised(undefined as never);",
    killer: rows("a row is asked for where a newer root statement may say"),
  },
  {
    id: "rows-in-company",
    rules: ["ME2"],
    breaks: "who is in company believes what the root's key signs, whoever shows it",
    file: CORE,
    search: "const isAlone = this.#knewNobody && !this.#hasMet;",
    replacement: "const isAlone = !this.#knewNobody || !this.#hasMet || true;",
    killer: rows("takes of a row the end of a key's reign and nothing less"),
  },
  {
    id: "met-and-alone",
    rules: ["ME2"],
    breaks: "who has met a member is taken for alone",
    file: CORE,
    search: "const isAlone = this.#knewNobody && !this.#hasMet;",
    replacement: "const isAlone = this.#knewNobody;",
    killer: rows("takes of a row the end of a key's reign and nothing less"),
  },
  {
    id: "astray-for-good",
    rules: ["ME2"],
    breaks: "whom the thief of an old root key has led astray hears of no rotation any more",
    file: CORE,
    search: "return isRotation || (isAlone && !isRevoked) ? roots : [];",
    replacement: "return isAlone && !isRevoked ? roots : [];",
    killer: rows("the rotation wins over him"),
  },
  {
    id: "revoked-extends-root",
    rules: ["ME2"],
    breaks: "who is revoked says who grants membership now",
    file: CORE,
    search: "return isRotation || (isAlone && !isRevoked) ? roots : [];",
    replacement: "return isRotation || isAlone || (isRevoked && false) ? roots : [];",
    killer: rows("whom a node takes for revoked"),
  },
  {
    id: "row-of-any-key",
    rules: ["P6", "ME2"],
    breaks: "of whoever is asked the signature of any key is looked at",
    file: CORE,
    search: "if (!isNamed && !this.#authority.mayCount(token)) break;",
    replacement: 'if (!isNamed && token === "") break;',
    killer: rows("not even a signature is looked at"),
  },
  {
    id: "row-brings-rivals",
    rules: ["ME2", "P6"],
    breaks: "a row that was asked for replaces what stands by whatever has a smaller id",
    file: "packages/core/src/authority/root-set.ts",
    search: "roots: goesOn ? statements.filter(({ id }) => !this.#held.has(id)) : [],",
    replacement: "roots: goesOn || roots.length > 0 ? roots : [],",
    killer: rows("nothing is taken but what goes on from what stands"),
  },
  {
    id: "strangers-asked",
    rules: ["ME2", "AD10"],
    breaks: "any stranger is asked who grants membership",
    file: `${TRANSPORT}libp2p-transport.ts`,
    search: "this.#book.isToBeFound(node) &&",
    replacement: 'node !== "" &&',
    killer: transport("is known by hearsay, is not"),
  },
  {
    id: "saved-not-asked",
    rules: ["ME2"],
    breaks: "who made this node a member is not asked",
    file: `${TRANSPORT}address-book.ts`,
    search: "return this.isTrusted(node) || (this.#entries.get(node)?.saved.size ?? 0) > 0;",
    replacement: "return this.isTrusted(node);",
    killer: transport("kept from an earlier run is asked"),
  },
  {
    id: "saved-forgotten",
    rules: ["CH6", "ME2"],
    breaks: "a newcomer forgets who made it a member as soon as that one is away for a second",
    file: `${TRANSPORT}address-book.ts`,
    search: "if (!this.#hasMet && saved.size > 0) return TRUST.member;",
    replacement: "if (this.#hasMet && saved.size > 999) return TRUST.member;",
    killer: {
      project: "unit",
      file: `${TRANSPORT}address-book.test.ts`,
      title: "who was saved is sought for ever",
    },
  },
  {
    id: "saved-not-kept",
    rules: ["CH6", "ME2"],
    breaks: "who starts with --join to somebody else loses the address of its issuer",
    file: `${TRANSPORT}address-book.ts`,
    search: "this.isTrusted(node) || !this.#hasMet ?",
    replacement: "this.isTrusted(node) ?",
    killer: {
      project: "integration",
      file: "test/integration/transport-addresses.test.ts",
      title: "stays in the file though another is joined",
    },
  },
  {
    id: "row-told-to-strangers",
    rules: ["ME2", "P6"],
    breaks: "whoever asks is told the fleet's root statements, as often as he likes",
    file: `${TRANSPORT}root-rows.ts`,
    search: "if (!this.#budget.take(node, performance.now()))",
    replacement: 'if (node === "")',
    killer: transport("ROOT_ROWS_AT_ONCE_MAX questions nobody is"),
  },
];
