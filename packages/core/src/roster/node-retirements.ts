/**
 * Nodes that are gone and shall not count any more (rule VE1, ADR 0014): a signed statement in document `roster`, and when a reader heeds it.
 *
 * Intuition: until there are grants any member may say that another one is gone, so the word alone proves nothing, and each reader asks its
 * own ears. A statement names the boot that it retires; it counts while that is the newest boot known, and only for a reader that has not
 * heard the node for {@link RETIRED_AFTER_INTERVALS}, or {@link UNCERTAIN_AFTER_INTERVALS}: a death is a verdict first. Who is heard again counts again, and a node that finds
 * itself retired takes the statement back in its own name, by the newest stamp. Rejected: to take a member out for good, which would be
 * the one thing a liar could do that no honest node can undo.
 */
import type { AuditLog } from "../audit/audit-log.ts";
import type { CommandErrorCode, CommandResult, RetireNodeCommand } from "../command.ts";
import type { Env } from "../env.ts";
import type { Boot, NodeId } from "../ids.ts";
import type { Json } from "../json.ts";
import type { Now } from "../now.ts";
import type { Status } from "../view/status.ts";
import { isIntegerIn } from "../wire/fields.ts";
import { EPOCH_MAX } from "../chain/limits.ts";
import type { ChainMembership } from "./chain-membership.ts";

/** How long a reader must not have heard a node before a statement that retires it counts, in intervals of that node: one that is `down` … */
export const RETIRED_AFTER_INTERVALS: number = 12;
/** … and any other, which may live on the other side of a cut: short ones are over by then. */
export const UNCERTAIN_AFTER_INTERVALS: number = 60;
/** A node takes a statement about itself back at most this often. */
const REFUTE_EVERY_MS = 10_000;

/** What document `roster` says; implemented over the chains. */
export interface RosterDocument {
  /** Nodes of which it says anything. */
  nodes(): readonly NodeId[];
  /** `[boot, wall ms]` of a retirement, null of one that was taken back, as anybody may have written it. */
  read(node: NodeId): { readonly value: Json | undefined; readonly author: NodeId | undefined };
  /** Within the commit of the input under way; returns why nothing was written, if so. */
  write(node: NodeId, value: Json, now: Now): CommandErrorCode | undefined;
}

/** How a node is heard here. */
export interface HeardNode {
  readonly status: Status;
  /** A verdict stands by which it is dead, be it shown `late` as it comes and goes (rule PU7). */
  readonly isHeldDead: boolean;
  readonly intervalMs: number;
  /** Since when it is silent, by this node's monotonic clock. */
  readonly silentSinceMonoMs: number;
  /** The date of its newest dated pulse; undefined when there is none in this boot. */
  readonly heardMonoMs: number | undefined;
}

export interface NodeRetirementsDeps {
  readonly env: Env;
  readonly membership: ChainMembership;
  readonly document: RosterDocument;
  readonly audit: AuditLog;
  readonly heard: (node: NodeId) => HeardNode | undefined;
  /** This node's boot under which it writes; 0 before there is one. */
  readonly ownBoot: () => Boot;
}

interface Statement {
  readonly boot: Boot;
  readonly atWallMs: number;
}

export class NodeRetirements {
  readonly #deps: NodeRetirementsDeps;
  #lookMonoMs = Number.NEGATIVE_INFINITY;
  #refutedMonoMs = Number.NEGATIVE_INFINITY;

  constructor(deps: NodeRetirementsDeps) {
    this.#deps = deps;
  }

  /** An operator says that a node is gone. */
  retire(reply: number, { node, isCertain }: RetireNodeCommand, now: Now): void {
    this.#deps.env.out.answer(reply, this.#retire(node, isCertain === true, now));
    this.#lookMonoMs = now.monoMs;
  }

  /** With every input: looks, once in an interval, whose silence or voice makes a difference. */
  look(now: Now): void {
    if (now.monoMs < this.#lookMonoMs) return;
    this.#lookMonoMs = now.monoMs + this.#deps.env.config.pulseEveryMs;
    const { document, membership } = this.#deps;
    for (const node of document.nodes()) this.#lookAt(node, now);
    for (const node of membership.retiredNodes())
      if (this.#isHeard(node, now)) this.#restore(node, "heard", now);
  }

  #retire(node: NodeId, isCertain: boolean, now: Now): CommandResult {
    const { env, membership, document, audit, heard } = this.#deps;
    if (node === env.identity.self)
      return refusal("peer-alive", "this is the node that answers, which is alive");
    const boot = membership.bootOf(node);
    if (boot === undefined) return refusal("peer-unknown", `no node ${node} is known`);
    const held = this.#statement(node);
    if (held?.boot === boot) {
      const by = document.read(node).author ?? env.identity.self;
      return { ok: true, retired: { by, atWallMs: held.atWallMs, isOld: true } };
    }
    if (membership.member(node) === undefined)
      return refusal("peer-unknown", `node ${node} has left already`);
    const ears = heard(node);
    const status = ears?.status;
    const isHeldDead = ears?.isHeldDead === true;
    if (!isHeldDead && (status === "up" || status === "late" || status === "paused"))
      return refusal("peer-alive", `node ${node} is ${status}`);
    if (!isHeldDead && !isCertain) {
      const why = "it may live where this node does not see it";
      return refusal("peer-uncertain", `node ${node} is ${status ?? "unknown"}: ${why}`);
    }
    const atWallMs = Math.floor(now.wallMs);
    const code = document.write(node, [boot, atWallMs], now);
    if (code !== undefined) return refusal(code, `the retirement of ${node} cannot be written`);
    const by = env.identity.self;
    audit.append("node-retirement", { node, by, boot }, now);
    return { ok: true, retired: { by, atWallMs, isOld: false } };
  }

  #lookAt(node: NodeId, now: Now): void {
    const { env, membership, document, audit } = this.#deps;
    // Whoever fills the document with nodes that there are not costs a look-up each.
    const boot = membership.bootOf(node);
    if (boot === undefined) return;
    const statement = this.#statement(node);
    if (node === env.identity.self) return this.#refute(statement, now);
    if (statement === undefined) {
      if (membership.hasRetired(node)) this.#restore(node, "taken back", now);
      return;
    }
    if (membership.member(node) === undefined || statement.boot !== boot) return;
    if (!this.#isLongSilent(node, now)) return;
    membership.retire(node, statement.boot);
    const by = document.read(node).author ?? null;
    audit.append("node-retired", { node, by, boot: statement.boot }, now);
  }

  /** Whoever reads this runs. */
  #refute(statement: Statement | undefined, now: Now): void {
    const { env, document, audit, ownBoot } = this.#deps;
    if (env.config.observer || statement === undefined || statement.boot !== ownBoot()) return;
    if (now.monoMs - this.#refutedMonoMs < REFUTE_EVERY_MS) return;
    this.#refutedMonoMs = now.monoMs;
    const { self } = env.identity;
    const { author } = document.read(self);
    if (document.write(self, null, now) !== undefined) return;
    env.out.emit({ type: "rejected", reason: "retired-elsewhere", from: author });
    const what = { from: author ?? null, node: self, outcome: "taken back" };
    audit.appendReject("retired-elsewhere", what, now);
  }

  #restore(node: NodeId, why: string, now: Now): void {
    const { membership, audit } = this.#deps;
    membership.restore(node);
    audit.append("node-restored", { node, why }, now);
  }

  #isLongSilent(node: NodeId, now: Now): boolean {
    const heard = this.#deps.heard(node);
    if (heard === undefined || heard.status === "paused") return false;
    const intervals = heard.isHeldDead ? RETIRED_AFTER_INTERVALS : UNCERTAIN_AFTER_INTERVALS;
    return now.monoMs - heard.silentSinceMonoMs > intervals * heard.intervalMs;
  }

  #isHeard(node: NodeId, now: Now): boolean {
    const heard = this.#deps.heard(node);
    if (heard?.heardMonoMs === undefined) return false;
    return now.monoMs - heard.heardMonoMs <= RETIRED_AFTER_INTERVALS * heard.intervalMs;
  }

  /** What stands about a node, if it is well-formed. */
  #statement(node: NodeId): Statement | undefined {
    const { value } = this.#deps.document.read(node);
    if (!Array.isArray(value)) return undefined;
    const [boot, atWallMs] = value as readonly Json[];
    if (!isIntegerIn(boot, 0, EPOCH_MAX)) return undefined;
    if (!isIntegerIn(atWallMs, 0, Number.MAX_SAFE_INTEGER)) return undefined;
    return { boot, atWallMs };
  }
}

function refusal(code: CommandErrorCode, detail: string): CommandResult {
  return { ok: false, code, detail };
}
