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
import type { StoreRow } from "../driver/store.ts";
import type { Env } from "../env.ts";
import { compareText, type HashHex, type NodeId } from "../ids.ts";
import type { Now } from "../now.ts";
import { RateWindow } from "../rate-window.ts";
import { Authority, type Standing, type TakeResult } from "./authority.ts";
import type { StatementId } from "./claims.ts";
import { STATEMENT_LENGTH_MAX } from "./limits.ts";
import { AUTHORITY_PREFIX, statementRow } from "./rows.ts";
import { statementFacts } from "./statement-facts.ts";
import type { Statement } from "./statement.ts";

/**
 * Statements that one peer hands over by gossip and that are looked at, in one second. Counted by peer: a member that floods the topic must not be able to
 * keep its own revocation from being heard of.
 */
export const STATEMENTS_PER_SECOND_MAX: number = 50;

/** What sync needs of the set. */
export interface StatementSource {
  readonly digest: HashHex;
  readonly size: number;
  ids(): readonly StatementId[];
  has(id: StatementId): boolean;
  tokens(ids: readonly StatementId[]): readonly string[];
  /** Takes one that came by sync; false when it is wrong for everybody. */
  take(token: string, from: NodeId, now: Now): boolean;
}

export class AuthorityKeeper implements StatementSource {
  readonly authority: Authority;
  readonly #env: Env;
  readonly #audit: AuditLog;
  /** The set, or who counts by it, has changed. */
  readonly #changed: (now: Now) => void;
  readonly #connected = new Set<NodeId>();
  /** By the peer that sent them, in the second under way only. */
  readonly #rates = new Map<NodeId, RateWindow>();
  #rateSecond = 0;
  /** Who counts, as of the last look. */
  readonly #members = new Set<NodeId>();
  #rows: string[] = [];
  #wallMs = 0;
  #nextChangeWallMs = Number.NEGATIVE_INFINITY;
  #lookedVersion = -1;
  #presented: string | undefined;
  #wasStale = false;

  constructor(env: Env, deps: { readonly audit: AuditLog; readonly changed: (now: Now) => void }) {
    this.#env = env;
    this.authority = new Authority(env);
    this.#audit = deps.audit;
    this.#changed = deps.changed;
  }

  /** A stored row; false when it is none of these, or unreadable. */
  restore({ key, value }: StoreRow): boolean {
    if (!key.startsWith(AUTHORITY_PREFIX)) return false;
    let token: unknown;
    try {
      token = this.#env.ports.codec.decode(value);
    } catch {
      return false;
    }
    if (typeof token !== "string") return false;
    this.#rows.push(token);
    return true;
  }

  /** All rows were given; `given` are what this node was enrolled with. */
  restored(given: readonly string[], now: Now): void {
    this.#takeAll(this.#rows);
    this.#rows = [];
    for (const token of this.#inOrder(given))
      this.#keep(this.authority.take(token), undefined, now);
    this.look(now);
  }

  /** Whether the node counts as a member now; everybody does while the fleet is open. */
  isMember(node: NodeId): boolean {
    if (this.authority.version !== this.#lookedVersion) return this.#isMember(node);
    if (this.#members.has(node)) return true;
    const isMember = this.#isMember(node);
    // Asked of whoever sends anything: strangers are not remembered.
    if (isMember) this.#members.add(node);
    return isMember;
  }

  /** Whether the node counts in roster and electorate (rules ME3, VE1): a member that only observes does not, whatever it was before. */
  isRostered(node: NodeId): boolean {
    return this.isMember(node) && this.authority.authorship(node) !== "observer";
  }

  /** Whether `from`, which has said hello with this grant, is let in. */
  hello(from: NodeId, grant: string | undefined, now: Now): AdmissionRefusal | undefined {
    const { authority } = this;
    if (!authority.isClosed) return undefined;
    if (authority.authorship(from) === "revoked") return "revoked";
    const refusal = grant === undefined ? undefined : this.#takeGrant(from, grant, now);
    const standing = authority.standing(from, now.wallMs);
    if (isLetIn(standing)) return undefined;
    if (standing.kind === "expired") return "grant-expired";
    if (standing.kind === "early") return "grant-early";
    return refusal ?? "grant-none";
  }

  onPeerUp(node: NodeId): void {
    this.#connected.add(node);
  }

  onPeerDown(node: NodeId): void {
    this.#connected.delete(node);
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
    if (!this.#rateOf(from, now).admit(now.monoMs, STATEMENTS_PER_SECOND_MAX)) return "ignore";
    const result = this.authority.take(token);
    if (result.status === "refused") return this.#refuse(result.code, from, now);
    this.#keep(result, from, now);
    return result.status === "new" ? "accept" : "ignore";
  }

  /** An operator of this node hands over a statement; it is answered once it is durable. */
  submit(token: string, now: Now): CommandResult {
    const result = this.authority.take(token);
    if (result.status === "refused")
      return { ok: false, code: result.code, detail: REFUSED[result.code] };
    const commit = this.#keep(result, this.#env.identity.self, now);
    if (commit !== undefined && result.status === "new") this.#publish(result.statement, commit);
    return { ok: true };
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
    this.#presentGrant();
    const gone = [...this.#connected].filter((node) => !this.isMember(node));
    if (gone.length > 0) this.#env.out.expel(gone.toSorted(compareText));
    this.#tellStale(now);
    this.#changed(now);
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

  take(token: string, from: NodeId, now: Now): boolean {
    const result = this.authority.take(token);
    if (result.status !== "refused") {
      const commit = this.#keep(result, from, now);
      // Whoever was cut off brings home what was decided on the other side: others hear of it before their next round.
      if (commit !== undefined && result.status === "new") this.#publish(result.statement, commit);
      return true;
    }
    this.#refuse(result.code, from, now);
    return result.code === "signer-unknown" || result.code === "authority-full";
  }

  #isMember(node: NodeId): boolean {
    return isLetIn(this.authority.standing(node, this.#wallMs));
  }

  #takeGrant(from: NodeId, grant: string, now: Now): AdmissionRefusal | undefined {
    const { authority } = this;
    // While nobody can say who was revoked since, nobody new is let in; who is known goes on (rule ME3).
    if (authority.isStale(now.wallMs) && authority.grantOf(from) === undefined)
      return "authority-stale";
    const result = authority.take(grant);
    if (result.status === "known") return undefined;
    if (result.status === "refused")
      return result.code === "signer-unknown" ? "grant-unknown" : "grant-malformed";
    const { claims } = result.statement;
    const commit = this.#keep(result, from, now);
    if (commit !== undefined) this.#publish(result.statement, commit);
    return claims.kind === "grant" && claims.node === from ? undefined : "grant-foreign";
  }

  /** Stores what is new and writes it to the audit log; the commit that holds it. */
  #keep(result: TakeResult, from: NodeId | undefined, now: Now): number | undefined {
    if (result.status !== "new") return undefined;
    const { statement, dropped } = result;
    const value = this.#env.ports.codec.encode(statement.token);
    const commit = this.#env.out.persist([
      { type: "put", key: statementRow(statement.id), value },
      ...dropped.map((id) => ({ type: "del", key: statementRow(id) }) as const),
    ]);
    this.#audit.append("statement", { ...statementFacts(statement), from: from ?? null }, now);
    const { kind } = statement.claims;
    this.#env.out.emit({ type: "statement", id: statement.id, kind, atWallMs: now.wallMs }, commit);
    return commit;
  }

  #publish({ token }: Statement, commit: number): void {
    this.#env.out.publish("authority", this.#env.ports.codec.encode(token), commit);
  }

  #rateOf(from: NodeId, now: Now): RateWindow {
    const second = Math.floor(now.monoMs / 1_000);
    if (second !== this.#rateSecond) this.#rates.clear();
    this.#rateSecond = second;
    const rate = this.#rates.get(from) ?? new RateWindow();
    this.#rates.set(from, rate);
    return rate;
  }

  #presentGrant(): void {
    const token = this.authority.grantToken(this.#env.identity.self);
    if (token === this.#presented) return;
    this.#presented = token;
    this.#env.out.present(token);
  }

  #tellStale(now: Now): void {
    const isStale = this.authority.isStale(now.wallMs);
    if (isStale === this.#wasStale) return;
    this.#wasStale = isStale;
    const newsWallMs = this.authority.newsWallMs(now.wallMs);
    this.#audit.append("authority-stale", { isStale, newsWallMs }, now);
    this.#env.out.emit({ type: "authority-stale", isStale, newsWallMs, atWallMs: now.wallMs });
  }

  /** Malformed is wrong for everybody; what lacks a signer's authority may have it where more is known (rule SG4). */
  #refuse(
    code: Extract<TakeResult, { status: "refused" }>["code"],
    from: NodeId,
    now: Now,
  ): Validation {
    this.#env.out.emit({ type: "rejected", reason: code, from });
    this.#audit.appendReject(code, { from, what: "statement" }, now);
    return code === "signer-unknown" || code === "authority-full" ? "ignore" : "reject";
  }

  #takeAll(tokens: readonly string[]): void {
    for (const token of this.#inOrder(tokens)) this.authority.take(token);
  }

  /** Each behind what it needs; what cannot be read is left out, as `take` would. */
  #inOrder(tokens: readonly string[]): readonly string[] {
    const scratch = tokens.map((token) => ({ token, read: this.#env.ports.tokens.read(token) }));
    const rank = (type: string | undefined, claims: unknown): number => {
      if (type !== "pulsemesh-root+jwt") return Number.POSITIVE_INFINITY;
      const { num } = claims as { readonly num?: unknown };
      return typeof num === "number" ? num : 0;
    };
    return scratch
      .toSorted((a, b) => {
        const [one, other] = [a, b].map(({ read }) => rank(read?.type, read?.claims));
        return one === other ? 0 : (one as number) - (other as number);
      })
      .map(({ token }) => token);
  }
}

const REFUSED: Readonly<Record<Extract<TakeResult, { status: "refused" }>["code"], string>> = {
  "statement-malformed": "this is no statement of a fleet's authority, or its signature is wrong",
  "statement-oversized": "the statement is longer than this fleet takes",
  "fleet-foreign": "the statement is of another fleet",
  "signer-unknown": "whoever signed it has no authority here, as far as this node knows",
  "authority-full": "this fleet holds as many statements of this kind as it can",
};

/** Observers are let in as well; what they may not do is decided where they would do it. */
function isLetIn(standing: Standing): boolean {
  if (standing.kind === "open" || standing.kind === "granted") return true;
  return standing.kind === "expired" && standing.isHonoured;
}
