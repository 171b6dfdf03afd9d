/**
 * The signed goodbyes of members that left (rule VE9), kept for those who were away when they were said, or start later.
 *
 * A goodbye is a pulse, and a pulse is gone once it was said: without this, whoever was cut off meanwhile would count the member for ever,
 * and fall short of a majority by it. So the header is on disk, and whoever comes, or comes back, is told, as evidence that it checks itself.
 */
import type { StoreRow } from "../driver/store.ts";
import type { Env } from "../env.ts";
import { compareText, type NodeId } from "../ids.ts";
import type { Now } from "../now.ts";
import { decodeEvidence } from "../pulse/pulse-codec.ts";
import { encodeEnvelope, verifyEnvelope } from "../wire/envelope.ts";
import { OBSERVATION_ITEMS_MAX, type Evidence } from "./observation-codec.ts";
import { Subject } from "./subject.ts";

/** Rows `goodbye/<node>`: the signed header of the goodbye. */
const GOODBYE_ROW_PREFIX = "goodbye/";
/** Goodbyes that are kept and told, those of the newest boots: one message. */
export const GOODBYES_MAX: number = OBSERVATION_ITEMS_MAX;

export class Goodbyes {
  readonly #env: Env;
  readonly #held = new Map<NodeId, Subject>();

  constructor(env: Env) {
    this.#env = env;
  }

  restore(rows: readonly StoreRow[]): void {
    for (const { key, value } of rows) {
      if (!key.startsWith(GOODBYE_ROW_PREFIX)) continue;
      const evidence = decodeEvidence(this.#env, value);
      if (evidence.ok && verifyEnvelope(this.#env, evidence.value.envelope))
        this.#hold(evidence.value, { monoMs: 0, wallMs: 0 });
      else this.#env.out.emit({ type: "quarantined", what: key, reason: "malformed" });
    }
  }

  /** Members that left, to be spoken of with their goodbye as the newest pulse that is known; sorted. */
  subjects(): readonly Subject[] {
    return [...this.#held.values()].toSorted((a, b) => compareText(a.node, b.node));
  }

  /** A member has left by this goodbye. One of a boot is enough: who says it again and again makes nobody write. */
  said(evidence: Evidence, now: Now): void {
    const { author: node } = evidence.envelope;
    const held = this.#held.get(node)?.newestName.boot ?? -1;
    if (held >= evidence.header.boot) return;
    this.#hold(evidence, now);
    const oldest = this.#held.size > GOODBYES_MAX ? this.#oldest() : undefined;
    if (oldest === node) {
      this.#held.delete(node);
      return;
    }
    const value = encodeEnvelope(this.#env, evidence.envelope);
    this.#env.out.persist([{ type: "put", key: GOODBYE_ROW_PREFIX + node, value }]);
    if (oldest !== undefined) this.#forget(oldest);
  }

  /** Drops those of members that are back. */
  keepOnly(isGone: (node: NodeId) => boolean): void {
    for (const node of this.#held.keys()) if (!isGone(node)) this.#forget(node);
  }

  #oldest(): NodeId | undefined {
    const [oldest] = [...this.#held.values()].toSorted(
      (a, b) => a.newestName.boot - b.newestName.boot || compareText(a.node, b.node),
    );
    return oldest?.node;
  }

  #hold(evidence: Evidence, now: Now): void {
    const { author } = evidence.envelope;
    const subject = new Subject(author, evidence.header.intervalMs, now);
    subject.learn(evidence, now);
    this.#held.set(author, subject);
  }

  #forget(node: NodeId): void {
    this.#held.delete(node);
    this.#env.out.persist([{ type: "del", key: GOODBYE_ROW_PREFIX + node }]);
  }
}
