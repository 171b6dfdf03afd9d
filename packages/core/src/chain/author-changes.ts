/**
 * What it means for chains that the fleet's authority has changed (rules ME1, ME3, ADR 0025).
 *
 * Whoever has no grant is kept on disk and hidden: it may have one tomorrow, and be the only one who remembers. Whoever was revoked goes for good, and
 * what its revocation names stands for it; this node's own chain is hidden only, as nobody else would bring it back should the revocation turn out
 * to be void. Either way a node that has held the chain says, shows and asks the same as one that never has (promise P1).
 */
import type { Authority } from "../authority/authority.ts";
import type { Cut } from "../authority/claims.ts";
import { CUSTODY_EPOCH, type Rights } from "../authority/rights.ts";
import type { Env } from "../env.ts";
import { DOCUMENTS, type DocumentName, type HashHex, type NodeId } from "../ids.ts";
import type { CapturedRecord } from "../state/record-table.ts";
import type { Records } from "../state/records.ts";
import type { ChainIndex } from "./chain-index.ts";
import { Custodies } from "./custodies.ts";
import { CutMaker } from "./cut-maker.ts";
import type { PartSource } from "./epoch-builder.ts";
import type { EpochLog } from "./epoch-log.ts";
import type { Loads } from "./loads.ts";
import { RefusedAuthors } from "./refused-authors.ts";
import { Removals } from "./removals.ts";
import { finalRow } from "./rows.ts";
import type { Work } from "./work-queue.ts";

export interface AuthorChangesDeps {
  readonly authority: Authority;
  readonly rights: Rights;
  readonly index: ChainIndex;
  readonly records: (of: { readonly document: DocumentName }) => Records;
  readonly loads: Loads;
  readonly begin: (work: Work) => void;
}

/** Parts that are on disk, at a start. */
type Start = PartSource | undefined;

export class AuthorChanges {
  /** What stands for whom was revoked. */
  readonly custodies: Custodies;
  /** What shall stand for whom is to be revoked. */
  readonly cuts: CutMaker;
  readonly #env: Env;
  readonly #deps: AuthorChangesDeps;
  readonly #removals: Removals;
  readonly #refused = new RefusedAuthors();

  constructor(env: Env, deps: AuthorChangesDeps) {
    this.#env = env;
    this.#deps = deps;
    this.custodies = new Custodies(env, deps);
    const shownBy = this.#shownBy.bind(this);
    this.cuts = new CutMaker(env, { index: deps.index, begin: deps.begin, shownBy });
    this.#removals = new Removals(env, deps.index, deps.begin);
  }

  /** Whether entries of the author, of which `from` speaks, count; if not, `from` is asked for them once they do. */
  countsFrom(author: NodeId, from: NodeId | undefined): boolean {
    if (this.#deps.rights.counts(author)) return true;
    if (from !== undefined) this.#refused.note(author, from);
    return false;
  }

  /** Who spoke of entries that did not count then and do now. */
  takeRefused(): readonly NodeId[] {
    return this.#refused.take((author) => this.#deps.rights.counts(author));
  }

  /** The statements have changed, or all rows were read: `stored` are the parts among them. */
  look(stored?: PartSource): void {
    const { authority, rights, index } = this.#deps;
    const { custodies } = this;
    if (!authority.isClosed) return;
    const standing = custodies.held();
    const authors = new Set([
      ...index.heldAuthors(),
      this.#env.identity.self,
      ...standing.map(({ author }) => author),
      ...this.#removals.authors(),
    ]);
    const changed = rights.changed(authors);
    for (const author of changed) this.#review(author);
    rights.renew(authors);
    index.recount();
    const revoked = new Set(authority.revokedNodes());
    const ended = standing.filter(({ author }) => !revoked.has(author));
    // Before anything else is written: what is no more revoked may come again in this very input.
    for (const author of changed) if (!revoked.has(author)) this.#removals.finish(author);
    for (const ref of ended) custodies.end(ref);
    for (const author of new Set([...custodies.keptAuthors(), ...authority.onceRevokedNodes()]))
      if (!revoked.has(author)) custodies.keep(author, this.#partsNamed(author), stored);
    let isCut = false;
    for (const author of revoked) if (this.#cut(author, stored)) isCut = true;
    if (stored === undefined && (changed.length > 0 || isCut)) this.#forgetFinals();
  }

  /** What is shown of it may be something else from now on; looked at before it is. */
  #review(author: NodeId): void {
    const { index, records } = this.#deps;
    for (const document of DOCUMENTS) {
      const { table } = records({ document });
      for (const log of index.epochs(document, author)) table.review(log);
      table.review({ document, author, epoch: CUSTODY_EPOCH });
    }
  }

  /** True when anything changed by it. */
  #cut(author: NodeId, stored: Start): boolean {
    const { custodies } = this;
    const { authority } = this.#deps;
    const cuts = authority.cutsOf(author);
    custodies.keep(author, this.#partsNamed(author), stored);
    let isNew = false;
    for (const document of DOCUMENTS) {
      const cut = cuts?.get(document);
      const isStanding = cut !== undefined && custodies.isStanding(author, cut);
      const captured = cut === undefined || isStanding ? undefined : this.#captured(author, cut);
      const isSelf = author === this.#env.identity.self;
      const gone = isSelf ? undefined : this.#forget(document, author);
      if (cut === undefined) custodies.end({ document, author });
      else if (!isStanding) {
        isNew = true;
        const parts = stored ?? ((hash) => this.cuts.part(hash));
        custodies.stand(author, cut, { captured, parts }, stored !== undefined);
      }
      // Behind the parts that are written from it: until those are on disk, a crash must leave what they can be written from.
      if (gone !== undefined) {
        isNew = true;
        this.#removals.add(document, author, gone);
      }
    }
    return isNew;
  }

  /** Also by revocations that do not count now: the root's next word may have them count again, and nobody could write the parts once more. */
  #partsNamed(author: NodeId): ReadonlySet<HashHex> {
    const named = this.#deps.authority.revocationsOf(author).flatMap(({ cuts }) => cuts);
    return new Set(named.flatMap(({ parts }) => parts));
  }

  /** The author's records where its chain ends at that very place; what of them is held tells by the hashes of what is written from it. */
  #captured(author: NodeId, cut: Cut): readonly CapturedRecord[] | undefined {
    const head = this.#deps.index.epochs(cut.document, author).at(-1)?.head;
    if (head?.epoch !== cut.epoch || head.seq !== cut.seq || head.hash !== cut.hash)
      return undefined;
    return this.#shownBy(cut.document, author);
  }

  /** Everything that an author says and its newest grant covers, merged over its epochs. */
  #shownBy(document: DocumentName, author: NodeId): readonly CapturedRecord[] {
    const { index, records, rights } = this.#deps;
    const captured = records({ document }).table.capture(index.epochs(document, author));
    return captured.filter(({ robot }) => rights.covers(document, author, robot));
  }

  #forget(document: DocumentName, author: NodeId): readonly EpochLog[] | undefined {
    const { index, records } = this.#deps;
    if (index.chain(document, author) === undefined) return undefined;
    const logs = index.epochs(document, author);
    index.removeChain(document, author);
    const { table } = records({ document });
    for (const log of logs) {
      this.#env.ports.documents.drop(log);
      table.drop(log);
    }
    return logs;
  }

  /**
   * What an author that left has written was dropped because others had outdone it (rule CH7). Where their word counts no more it may show again,
   * so whoever still has it is asked.
   */
  #forgetFinals(): void {
    for (const { document, author } of this.#deps.index.clearFinals())
      this.#env.out.persist([{ type: "del", key: finalRow(document, author) }]);
  }
}
