/** Broken rules about what stolen keys of the root and of issuers undo, and what their answer brings back. */
import type { Killer, Mutation } from "./mutation.ts";

const CORE = "packages/core/src/authority/";

const aside = (title: string): Killer => ({
  project: "unit",
  file: `${CORE}set-aside.test.ts`,
  title,
});
const rootSets = (title: string): Killer => ({
  project: "unit",
  file: `${CORE}root-set.test.ts`,
  title,
});
const keeper = (title: string): Killer => ({
  project: "unit",
  file: `${CORE}authority-keeper.test.ts`,
  title,
});
const custodies = (title: string): Killer => ({
  project: "unit",
  file: "packages/core/src/chain/custodies.test.ts",
  title,
});

const charters = (title: string): Killer => ({
  project: "unit",
  file: `${CORE}charters.test.ts`,
  title,
});
const grants = (title: string): Killer => ({
  project: "unit",
  file: `${CORE}grant-set.test.ts`,
  title,
});
const NODE = "packages/node/src/authority/";
const answer = (title: string): Killer => ({
  project: "unit",
  file: `${NODE}theft-answer.test.ts`,
  title,
});

export const theftMutations: readonly Mutation[] = [
  {
    id: "root-revokes",
    rules: ["ME1", "ME2"],
    breaks: "a root's key revokes members, also one that was replaced and stolen",
    file: `${CORE}root-chain.ts`,
    search: "return this.#counting(id, claims)?.issuer !== undefined;",
    replacement:
      "return this.statements.some((each) => each.claims.signer === claims.signer) || this.#counting(id, claims)?.issuer !== undefined;",
    killer: {
      project: "unit",
      file: `${CORE}root-chain.test.ts`,
      title: "a root revokes nobody",
    },
  },
  {
    id: "start-judges-row-by-row",
    rules: ["ME2", "P5"],
    breaks: "a start takes root statements one by one, and gives the fleet to who has an old key",
    file: `${CORE}authority.ts`,
    search: "this.#roots.take(held.filter(isRoot));",
    replacement:
      "for (const root of held.filter(isRoot).toSorted((a, b) => numberOf(a) - numberOf(b))) this.#roots.take([root]);",
    killer: rootSets("owns no node that starts again"),
  },
  {
    id: "enrolled-row-by-row",
    rules: ["ME2"],
    breaks: "of what a node was enrolled with root statements are taken one by one",
    file: `${CORE}authority.ts`,
    search: "...this.#takeRoots(roots.toSorted((a, b) => numberOf(a) - numberOf(b))),",
    replacement:
      "...roots.toSorted((a, b) => numberOf(a) - numberOf(b)).flatMap((root) => this.#takeRoots([root])),",
    killer: rootSets("is judged as a whole"),
  },
  {
    id: "hanging-opens",
    rules: ["ME2"],
    breaks: "a first statement that stands upon nothing takes the place of the genuine one",
    file: `${CORE}root-chain.ts`,
    search: "const next = possible.find((root) => takesOver(tree, root, hashOf));",
    replacement: `const { signer: by, nextRootHash } = first.claims;
    const next = possible
      .filter(({ claims: { signer } }) => signer !== by && hashOf(signer) === nextRootHash)
      .slice(0, 1)
      .find((root) => takesOver(tree, root, hashOf));`,
    killer: rootSets("stands upon nothing here"),
  },
  {
    id: "stranger-brings-roots",
    rules: ["ME1", "ME3"],
    breaks: "a stranger's hello brings any statement, such as a root's by an old key",
    file: `${CORE}authority-keeper.ts`,
    search: 'if (!isGrantOf(opened.statement, from)) return "grant-foreign";',
    replacement: 'if (from === "") return "grant-foreign";',
    killer: keeper("brings its own grant and no other statement"),
  },
  {
    id: "proof-of-anything",
    rules: ["ME1"],
    breaks: "whoever refuses a node has it take any statement as the proof",
    file: `${CORE}authority-keeper.ts`,
    search: "if (isProof && !this.#isOwnRevocation(token))",
    replacement: 'if (isProof && token === "")',
    killer: keeper("shows as the proof that this node is revoked"),
  },
  {
    id: "wiped-for-good",
    rules: ["ME2"],
    breaks: "what a thief of the root key has made void is gone, whatever the rotation says",
    file: `${CORE}authority.ts`,
    search:
      'for (const each of typeof gone === "string" ? [statement] : gone) this.#setAside(each);',
    replacement: 'for (const each of typeof gone === "string" ? [] : []) this.#setAside(each);',
    killer: aside("counts again with the rotation"),
  },
  {
    id: "superseded-for-good",
    rules: ["ME2"],
    breaks: "a thief of an issuer's key deletes its genuine grants by newer ones",
    file: `${CORE}authority.ts`,
    search: "const unkept = gone.filter((each) => !this.#setAside(each)).map(({ id }) => id);",
    replacement: "const unkept = gone.map(({ id }) => id);",
    killer: aside("an older grant counts again"),
  },
  {
    id: "aside-lost-at-start",
    rules: ["ME1", "P5"],
    breaks: "a start forgets what is set aside",
    file: `${CORE}authority.ts`,
    search: "this.#judgeAnew(held.filter((statement) => !isRoot(statement)));",
    replacement:
      "this.#judgeAnew(held.filter((each) => !isRoot(each) && this.#chain.isAuthorised(each)));",
    killer: aside("a restart in between"),
  },
  {
    id: "flood-before-genuine",
    rules: ["P6", "ME2"],
    breaks: "what a thief of the root key has signed takes the room of what is genuine",
    file: `${CORE}authority.ts`,
    search: "(this.#chain.isSettled(claims.signer) ? 0 : 2)",
    replacement: "(this.#chain.isSettled(claims.signer) ? 2 : 0)",
    killer: aside("ASIDE_BYTES_MAX"),
  },
  {
    id: "ended-keep-their-room",
    rules: ["P6"],
    breaks: "grants that ended are set aside for ever",
    file: `${CORE}authority.ts`,
    search: "hasEnded(grant, wallMs) && this.#chain.isAuthorised(grant);",
    replacement: "hasEnded(grant, Math.min(wallMs, 0)) && this.#chain.isAuthorised(grant);",
    killer: aside("ASIDE_GRANTS_MAX"),
  },
  {
    id: "theft-forgets-past-issuers",
    rules: ["ME2"],
    breaks:
      "the answer to a theft leaves out issuers that came and went: whom they revoked is back",
    file: `${NODE}theft-answer.ts`,
    search: "[...new Set([...voided, ...named])]",
    replacement: "[...new Set(voided)]",
    killer: answer("end when they ended"),
  },
  {
    id: "theft-prolongs-past-issuers",
    rules: ["ME2"],
    breaks: "an issuer that ended counts again until the theft of the root's key is answered",
    file: `${NODE}theft-answer.ts`,
    search: "const dateS = past[at - 1]?.endS ?? atS;",
    replacement: "const dateS = at < 0 ? 0 : atS;",
    killer: answer("end when they ended"),
  },
  {
    id: "unanswerable-said",
    rules: ["ME2"],
    breaks: "a root says what makes the answer to its key's theft impossible",
    file: `${NODE}root-statements.ts`,
    search: "if (!isStolen) await refuseUnanswerable(roots);",
    replacement: "if (isStolen) await refuseUnanswerable(roots);",
    killer: answer("could not answer"),
  },
  {
    id: "sync-row-by-row",
    rules: ["ME2", "P1"],
    breaks:
      "of what a peer hands over root statements are taken one by one: who heard a rival first keeps it for ever",
    file: `${CORE}authority-keeper.ts`,
    search: "if (isRoot(opened.statement)) {",
    replacement: 'if (isRoot(opened.statement) && from === "") {',
    killer: rootSets("has the rotation from any peer"),
  },
  {
    id: "row-ends-late",
    rules: ["ME2"],
    breaks: "what counts by a row of root statements is looked at before that row is judged",
    file: `${CORE}authority-keeper.ts`,
    search: "if (!isRoot(opened.statement) && this.#rootRows.has(from)) {",
    replacement: 'if (isRoot(opened.statement) && this.#rootRows.has("")) {',
    killer: rootSets("has the rotation from any peer"),
  },
  {
    id: "hanging-root-passed-over",
    rules: ["ME2"],
    breaks: "nobody is asked for what a root statement stands upon",
    file: `${CORE}authority-keeper.ts`,
    search: 'if (result.status === "refused" && isLacked) this.#lack(from, now);',
    replacement: 'if (result.status === "new" && isLacked) this.#lack(from, now);',
    killer: rootSets("has the peer asked for its row"),
  },
  {
    id: "hanging-root-in-vain",
    rules: ["ME2"],
    breaks: "a root statement that was heard too early is not asked for again",
    file: `${CORE}authority-keeper.ts`,
    search: "if (isRoot(statement)) this.#vain.count(from, now);",
    replacement: "if (isRoot(statement)) this.#vain.add(id, from, now);",
    killer: rootSets("has the peer asked for its row"),
  },
  {
    id: "rows-without-end",
    rules: ["P6", "ME2"],
    breaks: "any number of root statements waits for the rest of a row",
    file: `${CORE}root-rows.ts`,
    search: "if (row.size < ROOTS_MAX)",
    replacement: "if (row.size < ROOTS_MAX * 100)",
    killer: rootSets("ROOTS_MAX statements wait"),
  },
  {
    id: "handed-over-one-by-one",
    rules: ["ME2", "HT35"],
    breaks: "what an operator hands over as one row is judged one by one",
    file: `${CORE}authority-keeper.ts`,
    search: "const results = authority.takeOpened(statements, now.wallMs);",
    replacement:
      "const results = statements.flatMap((each) => authority.takeOpened([each], now.wallMs));",
    killer: rootSets("hands over as one row"),
  },
  {
    id: "lost-row-confirmed",
    rules: ["ME2", "HT35"],
    breaks: "an operator is not told that his row does not stand",
    file: `${CORE}authority-keeper.ts`,
    search: "tokens.filter((token) => authority.isRival(idOf(token))).length;",
    replacement: 'tokens.filter((token) => token === "").length;',
    killer: rootSets("hands over as one row"),
  },
  {
    id: "theft-answer-has-a-gap",
    rules: ["ME2"],
    breaks:
      "between two statements of the answer to a theft counts what a thief of an issuer has signed",
    file: `${NODE}theft-answer.ts`,
    search: "return others.filter(isOpenMeanwhile)",
    replacement: "return others.slice(0, 0).filter(isOpenMeanwhile)",
    killer: answer("at no place of the answer"),
  },
  {
    id: "theft-answer-too-long",
    rules: ["ME2", "P6"],
    breaks:
      "the first statement of the answer to a theft holds every list that is kept, and cannot be signed",
    file: `${NODE}theft-answer.ts`,
    search: "if (kept.length > room) return { key, kept: [] };",
    replacement: "if (kept.length < 0) return { key, kept: [] };",
    killer: answer("at no place of the answer"),
  },
  {
    id: "theft-answer-dated-back",
    rules: ["ME2"],
    breaks: "the answer to a theft is dated before what it answers where the clock is behind",
    file: `${NODE}theft-answer.ts`,
    search: "const atS = Math.max(Math.floor(nowS), issuedS);",
    replacement: "const atS = Math.max(Math.floor(nowS), issuedS - issuedS);",
    killer: answer("dated no earlier than the newest"),
  },
  {
    id: "rivals-without-end",
    rules: ["ME2", "P6"],
    breaks: "each rival of a root statement is new to every node, as long as its id is smaller",
    file: `${CORE}root-chain.ts`,
    search: "return at + 1 < statements.length ? (roots.find(isRival) ?? []) : [];",
    replacement:
      "return at + 1 < statements.length ? (roots.filter(isRival).toSorted((a, b) => compareText(a.id, b.id))[0] ?? []) : [];",
    killer: rootSets("of the rivals of a number one is held"),
  },
  {
    id: "rivals-published",
    rules: ["ME2", "P6"],
    breaks: "every rival is held, written and published",
    file: `${CORE}root-chain.ts`,
    search: "return at + 1 < statements.length ? (roots.find(isRival) ?? []) : [];",
    replacement: "return at + 1 < statements.length ? roots.filter(isRival) : [];",
    killer: rootSets("floods a fleet with rivals"),
  },
  {
    id: "rival-in-digest",
    rules: ["ME2", "P1"],
    breaks: "nodes that hold different rivals never agree",
    file: `${CORE}authority.ts`,
    search: "if (!hasMoved) return gone;",
    replacement:
      "if (!hasMoved) {\n      for (const rival of this.#chain.rivals) this.#byId.set(rival.id, rival);\n      return gone;\n    }",
    killer: rootSets("of the rivals of a number one is held"),
  },
  {
    id: "rival-clears-vain",
    rules: ["ME2", "P6"],
    breaks: "after a rival everything that counted nowhere is looked at again",
    file: `${CORE}authority-keeper.ts`,
    search: "if (isRoot(statement) && !this.authority.isRival(statement.id)) {",
    replacement: "if (isRoot(statement)) {",
    killer: rootSets("has nothing looked at again"),
  },
  {
    id: "custody-goes-with-thief",
    rules: ["ME1", "ME2"],
    breaks: "parts of a revoked author are deleted once a thief has made its revocation void",
    file: "packages/core/src/chain/author-changes.ts",
    search: "if (!revoked.has(author)) custodies.keep(author, this.#partsNamed(author), stored);",
    replacement: "if (!revoked.has(author)) custodies.keep(author, [], stored);",
    killer: custodies("a thief of the root's key makes void stands again"),
  },
  {
    id: "charter-alone-is-news",
    rules: ["ME2", "ME3"],
    breaks: "a charter makes a node sure of who was revoked, though the revocations are kept back",
    file: `${CORE}authority.ts`,
    search: "isPast(charterS) && !this.isLacking)",
    replacement: "isPast(charterS))",
    killer: charters("a charter is news once"),
  },
  {
    id: "charter-by-count",
    rules: ["ME2"],
    breaks: "of what a charter commits to only the number is looked at",
    file: `${CORE}charters.ts`,
    search: "return idsHash(hashing, ids) === claims.revocationsHash;",
    replacement: "return idsHash(hashing, ids).length === claims.revocationsHash.length;",
    killer: charters("a charter is news once"),
  },
  {
    id: "charter-lack-not-asked",
    rules: ["ME2"],
    breaks: "who lacks what the charter commits to waits for a round",
    file: "packages/core/src/mesh-listener.ts",
    search: "if (isBehind || this.#deps.authority.isLacking)",
    replacement: "if (isBehind)",
    killer: charters("asks for what it lacks"),
  },
  {
    id: "charter-rival-forgotten",
    rules: ["ME2", "P1"],
    breaks: "nobody hears of two charters with one number",
    file: `${CORE}charters.ts`,
    search: "const CHARTERS_KEPT = 2;",
    replacement: "const CHARTERS_KEPT = 1;",
    killer: charters("one more is kept as the proof"),
  },
  {
    id: "ended-grants-fill-fleet",
    rules: ["P6", "ME1"],
    breaks:
      "grants that ended hold their room for ever, and a fleet that lives long takes nobody in",
    file: `${CORE}grant-set.ts`,
    search: "compareOver(placeOf(grant), placeOf(first)) <= 0) return undefined;",
    replacement: "compareOver(placeOf(grant), placeOf(first)) !== 0) return undefined;",
    killer: grants("that were over first"),
  },
  {
    id: "live-grants-give-way",
    rules: ["P6", "ME1"],
    breaks: "whoever can grant pushes members out whose grants have not ended",
    file: `${CORE}grant-set.ts`,
    search: "if (!isPassed(overS(first.claims), wallMs)) return undefined;",
    replacement: "if (isPassed(overS(first.claims), Number.NEGATIVE_INFINITY)) return undefined;",
    killer: grants("that were over first"),
  },
  {
    id: "issuers-fill-node",
    rules: ["P1", "P6"],
    breaks: "each issuer that a fleet ever had leaves a grant for each node",
    file: `${CORE}grant-set.ts`,
    search: "const isBeyond = others.length >= NODE_ISSUERS_MAX;",
    replacement: "const isBeyond = others.length >= NODE_ISSUERS_MAX * 100;",
    killer: grants("NODE_ISSUERS_MAX"),
  },
  {
    id: "charter-hashed-each-time",
    rules: ["P6"],
    breaks: "all revocations are hashed for each grant that has ended",
    file: `${CORE}revocation-set.ts`,
    search: "if (this.#backing?.charter !== charter) {",
    replacement: "if (this.#backing?.charter !== charter || this.#bytes > 0) {",
    killer: grants("without looking at all the others"),
  },
];
