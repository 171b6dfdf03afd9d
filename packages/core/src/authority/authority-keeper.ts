/**
 * The fleet's authority at this node: takes statements from operators, gossip, sync and hello, keeps them durably before anybody is told, and says who is
 * let in (rules ME1–ME3).
 *
 * Surface for the composition: `restore(row)` for each row, then `restored(now)`; `hello`, `onGossip`, `submit`; `look(now)` at the end of every input, which
 * tells what has begun or ended by the clock. Sync reads and fills the set through {@link StatementSource}.
 */
import type { AuditLog } from "../audit/audit-log.ts";
import type { CommandResult } from "../command.ts";
import type { AdmissionRefusal, Validation } from "../driver/transport.ts";
import type { StoreOp, StoreRow } from "../driver/store.ts";
import type { Env } from "../env.ts";
import { compareText, type HashHex, type NodeId } from "../ids.ts";
import type { Now } from "../now.ts";
import { PeerRates } from "../peer-rates.ts";
import { Authority, type Standing, type TakeResult } from "./authority.ts";
import { CLOCK_LEEWAY_MS, type Grant } from "./grant-set.ts";
import type { StatementId } from "./claims.ts";
import { STATEMENT_LENGTH_MAX } from "./limits.ts";
import { Introducing } from "./introducing.ts";
import { MARKS_ROW, MarksRow } from "./marks.ts";
import { Notices } from "./notices.ts";
import { AUTHORITY_PREFIX, statementRow } from "./rows.ts";
import { isRoot, type RootStatement } from "./root-chain.ts";
import { RootRows } from "./root-rows.ts";
import { HARMLESS, REFUSED, validationOf } from "./statement-refusal.ts";
import { statementFacts } from "./statement-facts.ts";
import { statementId } from "./statement-hash.ts";
import { StatementsInVain } from "./statements-in-vain.ts";
import { openStatement, type Statement } from "./statement.ts";

/**
 * Statements that one peer hands over by gossip and that are looked at, in one second. Counted by peer: a member that floods the topic must not be able to
 * keep its own revocation from being heard of.
 */
export const STATEMENTS_PER_SECOND_MAX: number = 50;

/**
 * Members of whom a node that starts hears that they hold the same before it takes that for all there is; one where it knows of no other. A single one may
 * be the one that would gain by an issuer's old disk.
 */
const EQUALS_MIN = 2;

/** What sync needs of the set. */
export interface StatementSource {
  readonly digest: HashHex;
  readonly size: number;
  ids(): readonly StatementId[];
  has(id: StatementId): boolean;
  tokens(ids: readonly StatementId[]): readonly string[];
  /** A peer says that it holds the same. */
  compared(peer: NodeId): void;
  /** Whether a look at it would change nothing, as one did not long ago. */
  isVain(id: StatementId, now: Now): boolean;
  /** How many more that change nothing may be looked at for that peer in this second. */
  vainLeft(from: NodeId, now: Now): number;
  /** Takes what came by sync in one answer; false when some of it is wrong for everybody. Root statements wait for {@link rowEnds}, or for something else. */
  take(tokens: readonly string[], from: NodeId, now: Now): boolean;
  /** That peer has handed over all that it was asked for: its root statements are judged as one set (rule ME2). */
  rowEnds(from: NodeId, now: Now): void;
}

/** What a peer hands on: read, or why it is not looked at. */
type Opened =
  | { readonly id: StatementId; readonly statement: Statement; readonly result?: undefined }
  | { readonly id: StatementId; readonly statement?: undefined; readonly result: TakeResult };

interface StoredToken {
  readonly key: string;
  readonly token: string;
}

export class AuthorityKeeper implements StatementSource {
  readonly authority: Authority;
  readonly introducing: Introducing;
  readonly #env: Env;
  readonly #audit: AuditLog;
  /** The set, or who counts by it, has changed. */
  readonly #changed: (now: Now) => void;
  /** It said goodbye, or was retired, and has not come back. */
  readonly #hasLeft: (node: NodeId) => boolean;
  readonly #connected = new Set<NodeId>();
  readonly #rates = new PeerRates();
  readonly #notices: Notices;
  readonly #vain = new StatementsInVain();
  readonly #rootRows = new RootRows();
  /** The peer may hold what is not held here. */
  readonly #lack: (peer: NodeId, now: Now) => void;
  /** Who counts, as of the last look, and whether in the roster. */
  readonly #members = new Map<NodeId, boolean>();
  #rows: StoredToken[] = [];
  /** As they are on disk. */
  readonly #marks: MarksRow;
  #badRows = 0;
  #wallMs = 0;
  #nextChangeWallMs = Number.NEGATIVE_INFINITY;
  #lookedVersion = -1;
  #isCompared = false;
  /** Members that said that they hold the same, until there are enough. */
  readonly #equals = new Set<NodeId>();

  constructor(
    env: Env,
    deps: {
      readonly audit: AuditLog;
      readonly changed: (now: Now) => void;
      readonly hasLeft: (node: NodeId) => boolean;
      readonly lack: (peer: NodeId, now: Now) => void;
    },
  ) {
    this.#env = env;
    this.#lack = deps.lack;
    this.authority = new Authority(env);
    this.introducing = new Introducing(env, {
      authority: this.authority,
      isMember: (node) => this.isMember(node),
      hasLeft: deps.hasLeft,
    });
    this.#audit = deps.audit;
    this.#marks = new MarksRow(env.ports.codec);
    this.#notices = new Notices(env, this.authority, deps.audit);
    this.#changed = deps.changed;
    this.#hasLeft = deps.hasLeft;
  }

  /** A stored row; false when it is none of these, or unreadable. */
  restore({ key, value }: StoreRow): boolean {
    if (key === MARKS_ROW) {
      return this.#marks.restore(value) || this.#isBad(key, "malformed");
    }
    if (!key.startsWith(AUTHORITY_PREFIX)) return false;
    let token: unknown;
    try {
      token = this.#env.ports.codec.decode(value);
    } catch {
      return this.#isBad(key, "malformed");
    }
    if (typeof token !== "string") return this.#isBad(key, "malformed");
    this.#rows.push({ key, token });
    return true;
  }

  /** The row stays where it is: sync brings a statement that counts again, under the same key. */
  #isBad(key: string, reason: string): false {
    this.#badRows++;
    this.#env.out.emit({ type: "quarantined", what: key, reason });
    return false;
  }

  /** All rows were given; `given` are what this node was enrolled with. */
  restored(given: readonly string[], now: Now): void {
    this.#restoreRows(this.#rows);
    this.#rows = [];
    const marks = this.#marks.kept;
    this.authority.restoreMarks(marks);
    for (const result of this.authority.takeAll(given, now.wallMs))
      this.#keep(result, undefined, now);
    this.introducing.begin(given, marks.astrayNewsS);
    this.look(now);
  }

  /** Whether the node counts as a member now; everybody does while the fleet is open. */
  isMember(node: NodeId): boolean {
    return this.#isRosteredMember(node) !== undefined;
  }

  /** Whether the node counts in roster and electorate (rules ME3, VE1): a member that only observes does not, whatever it was before. */
  isRostered(node: NodeId): boolean {
    return this.#isRosteredMember(node) === true;
  }

  /** Whether `from`, which has said hello with this grant, is let in. */
  hello(from: NodeId, grant: string | undefined, now: Now): AdmissionRefusal | undefined {
    const { authority } = this;
    if (!authority.isClosed) return undefined;
    if (authority.authorship(from) === "revoked") return "revoked";
    const isKnown = authority.grantOf(from) !== undefined;
    const refusal = grant === undefined ? undefined : this.#takeGrant(from, grant, now);
    const standing = authority.standing(from, now.wallMs);
    // An ended grant is honoured of members, which this one is no more.
    if (standing.kind === "expired" && this.#hasLeft(from)) return "grant-expired";
    if (isLetIn(standing)) {
      if (isKnown) this.introducing.seen();
      return undefined;
    }
    if (standing.kind === "expired") return "grant-expired";
    if (standing.kind === "early") return "grant-early";
    return refusal ?? "grant-none";
  }

  /** The row of root statements of a peer that was asked for it (rule ME2). */
  onRootRow(from: NodeId, bytes: Uint8Array, now: Now): void {
    const take = (roots: readonly RootStatement[]): void => this.#takeRow(roots, from, now);
    const result = this.introducing.onRow({ from, bytes, wallMs: now.wallMs }, take);
    this.#env.out.persist(this.#newMarks(now));
    if (result === "malformed") this.#refuse("statement-malformed", from, now);
    this.#env.out.emit({ type: "root-row", from, result });
  }

  #takeRow(roots: readonly RootStatement[], from: NodeId, now: Now): void {
    for (const result of this.authority.takeOpened(roots, now.wallMs))
      this.#spread(result, from, now);
  }

  /** Who was let in, and is a member no more by now, is hung up on. */
  onPeerUp(node: NodeId): void {
    this.#connected.add(node);
    if (this.isMember(node)) this.introducing.met();
    else this.#env.out.expel([node]);
  }

  onPeerDown(node: NodeId): void {
    this.#connected.delete(node);
    this.#rootRows.take(node);
  }

  /** Topic `authority`: one token. */
  onGossip(from: NodeId, bytes: Uint8Array, now: Now): Validation {
    if (bytes.length > STATEMENT_LENGTH_MAX + 8)
      return this.#refuse("statement-oversized", from, now);
    let token: unknown;
    try {
      token = this.#env.ports.codec.decode(bytes);
    } catch {
      return this.#refuse("statement-malformed", from, now);
    }
    if (typeof token !== "string") return this.#refuse("statement-malformed", from, now);
    const isOver = !this.#rates.admit(from, now.monoMs, STATEMENTS_PER_SECOND_MAX);
    if (isOver || this.#vain.left(from, now) === 0) return this.#refuse("rate", from, now);
    const opened = this.#open(token, now);
    // It may stand by what else that peer has, also where nobody has named its key yet: the whole row is asked for, and it is not remembered as vain.
    const isUnnamed = opened.result === UNKNOWN;
    if (isUnnamed) this.#vain.count(from, now);
    const result = isUnnamed ? UNKNOWN : this.#judge(opened, from, now);
    const isLacked = isUnnamed || isRoot(opened.statement);
    if (result.status === "refused" && isLacked) this.#lack(from, now);
    if (result.status === "refused") return this.#refuse(result.code, from, now);
    this.#keep(result, from, now);
    return result.status === "new" ? "accept" : "ignore";
  }

  /**
   * An operator of this node hands over a statement; it is answered once it is durable.
   * @param isProof it is a stranger who shows it, as the reason why this node is let in no more
   */
  submit(token: string, now: Now, isProof: boolean = false): CommandResult {
    if (isProof && !this.#isOwnRevocation(token))
      return { ok: false, code: "signer-unknown", detail: "it does not revoke this node" };
    const result = this.authority.take(token, now.wallMs);
    if (result.status === "refused")
      return { ok: false, code: result.code, detail: REFUSED[result.code] };
    this.#keepAndTell(result, this.#env.identity.self, now);
    // A charter alone is no word of an operator: an issuer's own node signs it, and has it taken here as well.
    this.introducing.handedOver([result], (id) => this.authority.isStanding(id));
    return { ok: true };
  }

  /** The same of several that are judged together, as a root's row has to be (rule ME2): what counts is taken, and the answer says whether all does. */
  submitAll(tokens: readonly string[], now: Now): CommandResult {
    const { authority } = this;
    const idOf = (token: string): StatementId => statementId(this.#env.ports, token);
    const opened = tokens
      .filter((token) => !authority.has(idOf(token)))
      .map((token) => openStatement(this.#env, token));
    const bad = opened.find((result) => !result.ok);
    if (bad?.ok === false) return { ok: false, code: bad.code, detail: REFUSED[bad.code] };
    const statements = opened.flatMap((result) => (result.ok ? [result.statement] : []));
    const results = authority.takeOpened(statements, now.wallMs);
    for (const result of results) this.#keepAndTell(result, this.#env.identity.self, now);
    // As an operator has it from another member: there it came with the root statements, be it the charter alone that is new here.
    this.introducing.handedOver(results, (id) => authority.isWord(id));
    const refusedCount = results.filter(({ status }) => status === "refused").length;
    const lostCount =
      refusedCount + tokens.filter((token) => authority.isRival(idOf(token))).length;
    if (lostCount === 0) return { ok: true };
    const detail = `${lostCount} of ${tokens.length} statements do not count here: others stand in their place, or who signed them has no authority`;
    return { ok: false, code: "signer-unknown", detail };
  }

  /** What has begun or ended by the clock, or by what was taken since the last time. */
  look(now: Now): void {
    this.#wallMs = now.wallMs;
    const { authority } = this;
    const isDue = now.wallMs >= this.#nextChangeWallMs || authority.version !== this.#lookedVersion;
    if (!isDue) return;
    this.#lookedVersion = authority.version;
    this.#members.clear();
    this.#nextChangeWallMs = authority.nextChangeWallMs(now.wallMs);
    this.introducing.looked(now.wallMs);
    this.#env.out.persist(this.#newMarks(now));
    this.#notices.look(now);
    const gone = [...this.#connected].filter((node) => !this.isMember(node));
    if (gone.length > 0) this.#env.out.expel(gone.toSorted(compareText));
    this.#changed(now);
  }

  /** Whether {@link EQUALS_MIN} members held the same, at any time since the start: before, what is here may be an old copy. */
  get isCompared(): boolean {
    return this.#isCompared;
  }

  /** Rows that could not be read at the start, or count no more. */
  get badRows(): number {
    return this.#badRows;
  }

  compared(peer: NodeId): void {
    if (this.#isCompared || !this.isMember(peer)) return;
    this.#equals.add(peer);
    const { self } = this.#env.identity;
    const others = this.authority.grantedNodes().filter((node) => node !== self);
    const count = others.filter((node) => this.isMember(node) && !this.#hasLeft(node)).length;
    this.#isCompared = this.#equals.size >= Math.min(EQUALS_MIN, count);
  }

  get size(): number {
    return this.authority.size;
  }

  get digest(): HashHex {
    return this.authority.digest;
  }

  ids(): readonly StatementId[] {
    return this.authority.ids();
  }

  has(id: StatementId): boolean {
    return this.authority.has(id);
  }

  tokens(ids: readonly StatementId[]): readonly string[] {
    return this.authority.tokens(ids);
  }

  isVain(id: StatementId, now: Now): boolean {
    return this.#vain.has(id, now);
  }

  vainLeft(from: NodeId, now: Now): number {
    return this.#vain.left(from, now);
  }

  take(tokens: readonly string[], from: NodeId, now: Now): boolean {
    for (const token of tokens) {
      let opened = this.#open(token, now);
      // A peer tells its root statements first: all else counts by what they say.
      if (!isRoot(opened.statement) && this.#rootRows.has(from)) {
        this.rowEnds(from, now);
        opened = this.#open(token, now);
      }
      if (isRoot(opened.statement)) {
        this.#rootRows.add(from, opened.statement);
        this.#vain.count(from, now);
      } else if (!this.#spread(this.#judge(opened, from, now), from, now)) return false;
    }
    return true;
  }

  rowEnds(from: NodeId, now: Now): void {
    this.#takeRow(this.#rootRows.take(from), from, now);
  }

  /** Keeps what is new and tells it; false where it is wrong for everybody. */
  #spread(result: TakeResult, from: NodeId, now: Now): boolean {
    if (result.status === "refused") {
      this.#refuse(result.code, from, now);
      return HARMLESS.has(result.code);
    }
    // Whoever was cut off brings home what was decided on the other side: others hear of it before their next round.
    this.#keepAndTell(result, from, now);
    return true;
  }

  #keepAndTell(result: TakeResult, from: NodeId, now: Now): void {
    const commit = this.#keep(result, from, now);
    if (commit !== undefined && result.status === "new") this.#publish(result.statement, commit);
  }

  /** Reads what a peer hands on. That a key has no authority is said before its signature is looked at: anybody has keys. */
  #open(token: string, now: Now): Opened {
    const { authority } = this;
    const id = statementId(this.#env.ports, token);
    if (!authority.mayCount(token)) return { id, result: UNKNOWN };
    if (this.#vain.has(id, now)) return { id, result: { status: "known" } };
    if (authority.has(id)) return { id, result: authority.take(token, now.wallMs) };
    const opened = openStatement(this.#env, token);
    if (!opened.ok) return { id, result: { status: "refused", code: opened.code } };
    return { id, statement: opened.statement };
  }

  /** Root statements that count for nothing are not remembered: with others of the same peer they may. */
  #judge(opened: Opened, from: NodeId, now: Now): TakeResult {
    const { id, statement } = opened;
    const [result = UNKNOWN] =
      statement === undefined
        ? [opened.result]
        : this.authority.takeOpened([statement], now.wallMs);
    const isVain =
      result.status === "known" || (result.status === "refused" && HARMLESS.has(result.code));
    if (!isVain || this.authority.has(id)) return result;
    if (isRoot(statement)) this.#vain.count(from, now);
    else this.#vain.add(id, from, now);
    return result;
  }

  /** Undefined of who is no member. Asked of whoever sends anything: strangers are not remembered. */
  #isRosteredMember(node: NodeId): boolean | undefined {
    const isCurrent = this.authority.version === this.#lookedVersion;
    const known = isCurrent ? this.#members.get(node) : undefined;
    if (known !== undefined || !isLetIn(this.authority.standing(node, this.#wallMs))) return known;
    const isRostered = this.authority.authorship(node) !== "observer";
    if (isCurrent) this.#members.set(node, isRostered);
    return isRostered;
  }

  #takeGrant(from: NodeId, grant: string, now: Now): AdmissionRefusal | undefined {
    const { authority } = this;
    // While nobody can say who was revoked since, nobody new is let in; who is known goes on (rule ME3).
    const isNew = authority.isStale(now.wallMs) && authority.grantOf(from) === undefined;
    // To who lost his store everybody is new, and from whom else should he hear it?
    if (isNew && !this.introducing.isLost(now.wallMs)) return "authority-stale";
    // Its own would have let it in, or be over: this one was overheard.
    if (authority.has(statementId(this.#env.ports, grant)))
      return authority.take(grant).status === "refused" ? "grant-unknown" : "grant-foreign";
    if (!authority.mayCount(grant)) return "grant-unknown";
    const opened = openStatement(this.#env, grant);
    if (!opened.ok) return "grant-malformed";
    // Of a stranger nothing else is learned, be it as well signed as it may: neither the grants of others nor what makes issuers.
    if (!isGrantOf(opened.statement, from)) return "grant-foreign";
    const hasEnded = now.wallMs - CLOCK_LEEWAY_MS >= opened.statement.claims.expS * 1_000;
    if (isNew && hasEnded) return "grant-expired";
    const [result] = authority.takeOpened([opened.statement], now.wallMs);
    // It would have let the node in, or be over: a newer one of its issuer is here.
    if (result === undefined || result.status === "known") return "grant-foreign";
    if (result.status === "refused")
      return HARMLESS.has(result.code) ? "grant-unknown" : "grant-malformed";
    this.#keepAndTell(result, from, now);
    return undefined;
  }

  #isOwnRevocation(token: string): boolean {
    const opened = openStatement(this.#env, token);
    if (!opened.ok) return false;
    const { claims } = opened.statement;
    return claims.kind === "revocation" && claims.node === this.#env.identity.self;
  }

  /** Stores what is new and writes it to the audit log; the commit that holds it. */
  #keep(result: TakeResult, from: NodeId | undefined, now: Now): number | undefined {
    if (result.status !== "new") return undefined;
    const { statement, dropped } = result;
    if (isRoot(statement) && !this.authority.isRival(statement.id)) {
      this.#vain.forget();
      this.introducing.judged();
    }
    const value = this.#env.ports.codec.encode(statement.token);
    const commit = this.#env.out.persist([
      { type: "put", key: statementRow(statement.id), value },
      ...dropped.map((id) => ({ type: "del", key: statementRow(id) }) as const),
      ...this.#newMarks(now),
    ]);
    this.#audit.append("statement", { ...statementFacts(statement), from: from ?? null }, now);
    const { kind } = statement.claims;
    const disputed = this.authority.disputedCharter;
    if (kind === "charter" && disputed !== undefined) {
      this.#audit.append("charter-disputed", { number: disputed, id: statement.id }, now);
      this.#env.out.emit({ type: "charter-disputed", number: disputed, atWallMs: now.wallMs });
    }
    this.#env.out.emit({ type: "statement", id: statement.id, kind, atWallMs: now.wallMs }, commit);
    return commit;
  }

  /** The row of what is known beyond the statements, where that has changed. */
  #newMarks({ wallMs }: Now): readonly StoreOp[] {
    const { astrayNewsS } = this.introducing;
    return this.#marks.changed({ ...this.authority.marks(wallMs), astrayNewsS });
  }

  #publish({ token }: Statement, commit: number): void {
    this.#env.out.publish("authority", this.#env.ports.codec.encode(token), commit);
  }

  #refuse(
    code: Extract<TakeResult, { status: "refused" }>["code"] | "rate",
    from: NodeId,
    now: Now,
  ): Validation {
    this.#env.out.emit({ type: "rejected", reason: code, from });
    this.#audit.appendReject(code, { from, what: "statement" }, now);
    return validationOf(code);
  }

  #restoreRows(rows: readonly StoredToken[]): void {
    const keys = new Map(rows.map(({ key, token }) => [token, key]));
    for (const { token, code } of this.authority.restore([...keys.keys()]))
      this.#isBad(keys.get(token) ?? "", code);
  }
}

const UNKNOWN: TakeResult = { status: "refused", code: "signer-unknown" };

function isGrantOf(statement: Statement, node: NodeId): statement is Grant {
  return statement.claims.kind === "grant" && statement.claims.node === node;
}

/** Observers are let in as well; what they may not do is decided where they would do it. */
function isLetIn(standing: Standing): boolean {
  if (standing.kind === "open" || standing.kind === "granted") return true;
  return standing.kind === "expired" && standing.isHonoured;
}
