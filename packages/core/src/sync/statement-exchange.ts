/**
 * Brings two neighbours' statements of the fleet's authority to the same set (rules CH6, ME1), beside the chains: digests when they meet and in every
 * round, names where these differ, then each asks for what it lacks, some at a time. What a peer hands over that it was not asked for by name is
 * refused before its signature is looked at.
 */
import { statementId } from "../authority/statement-hash.ts";
import type { StatementSource } from "../authority/authority-keeper.ts";
import type { StatementId } from "../authority/claims.ts";
import type { Env } from "../env.ts";
import type { NodeId } from "../ids.ts";
import type { Now } from "../now.ts";
import {
  encodeSync,
  STATEMENT_IDS_PAGE_MAX,
  STATEMENT_WANT_MAX,
  type StatementMessage,
} from "./messages.ts";

/** Bytes of statements in one answer. */
export const STATEMENT_HAVE_BYTES_MAX: number = 192 * 1024;
/** Names are told one peer at most so often, in ms; whoever lacks something has a round in which to get it. */
const STATEMENT_IDS_EVERY_MS: number = 2_000;
/** Names of what a peer has that wait to be asked for: as many as any node holds. */
export const STATEMENTS_MISSING_MAX: number = 32_768;

interface PeerStatements {
  missing: StatementId[];
  asked: ReadonlySet<StatementId> | undefined;
  /** It has handed over what is wrong for everybody: not asked any more on this connection. */
  isBad: boolean;
  toldMonoMs: number;
  comparedMonoMs: number;
}

export class StatementExchange {
  readonly #env: Env;
  readonly #source: StatementSource;
  readonly #peers = new Map<NodeId, PeerStatements>();

  constructor(env: Env, source: StatementSource) {
    this.#env = env;
    this.#source = source;
  }

  onPeerUp(peer: NodeId): void {
    this.#peers.set(peer, {
      missing: [],
      asked: undefined,
      isBad: false,
      toldMonoMs: Number.NEGATIVE_INFINITY,
      comparedMonoMs: Number.NEGATIVE_INFINITY,
    });
  }

  onPeerDown(peer: NodeId): void {
    this.#peers.delete(peer);
  }

  /** Opens a comparison; a node that holds nothing has nothing to compare and is told by whoever does. */
  sendDigest(peer: NodeId): void {
    if (this.#source.size === 0) return;
    this.#send(peer, { type: "statements", digest: this.#source.digest });
  }

  /** A peer is known to hold what is not held here; it is asked at most every {@link STATEMENT_IDS_EVERY_MS}. */
  lack(peer: NodeId, now: Now): void {
    const state = this.#peers.get(peer);
    if (state === undefined || now.monoMs - state.comparedMonoMs < STATEMENT_IDS_EVERY_MS) return;
    state.comparedMonoMs = now.monoMs;
    this.sendDigest(peer);
  }

  /** False when the message is out of turn. */
  onMessage(from: NodeId, message: StatementMessage, now: Now): boolean {
    const state = this.#peers.get(from);
    if (state === undefined) return true;
    switch (message.type) {
      case "statements":
        if (message.digest !== this.#source.digest) this.#tell(from, state, true, now);
        return true;
      case "statement-ids":
        return this.#onIds(from, state, message, now);
      case "statement-want":
        this.#onWant(from, message.ids);
        return true;
      case "statement-have":
        return this.#onHave(from, state, message, now);
    }
  }

  #onIds(
    from: NodeId,
    state: PeerStatements,
    message: StatementMessage & { readonly type: "statement-ids" },
    now: Now,
  ): boolean {
    if (state.isBad) return true;
    const lacking = message.ids.filter((id) => !this.#source.has(id));
    state.missing.push(...lacking.slice(0, STATEMENTS_MISSING_MAX - state.missing.length));
    if (!message.last) return true;
    if (message.first) this.#tell(from, state, false, now);
    this.#ask(from, state);
    return true;
  }

  #onWant(from: NodeId, ids: readonly StatementId[]): void {
    const tokens: string[] = [];
    let length = 0;
    for (const token of this.#source.tokens(ids)) {
      length += token.length;
      if (tokens.length > 0 && length > STATEMENT_HAVE_BYTES_MAX) break;
      tokens.push(token);
    }
    this.#send(from, { type: "statement-have", tokens });
  }

  #onHave(
    from: NodeId,
    state: PeerStatements,
    message: StatementMessage & { readonly type: "statement-have" },
    now: Now,
  ): boolean {
    const { asked } = state;
    if (asked === undefined) return false;
    state.asked = undefined;
    const got = new Set<StatementId>();
    for (const token of message.tokens) {
      const id = statementId(this.#env.ports, token);
      if (!asked.has(id) || got.has(id)) return false;
      got.add(id);
      if (this.#source.take(token, from, now)) continue;
      state.isBad = true;
      state.missing = [];
      return true;
    }
    // What did not fit is asked for once more; what the peer does not hold any more is not.
    if (got.size > 0) state.missing.unshift(...[...asked].filter((id) => !got.has(id)));
    this.#ask(from, state);
    return true;
  }

  #ask(peer: NodeId, state: PeerStatements): void {
    if (state.asked !== undefined) return;
    const ids: StatementId[] = [];
    while (ids.length < STATEMENT_WANT_MAX) {
      const id = state.missing.shift();
      if (id === undefined) break;
      if (!this.#source.has(id) && !ids.includes(id)) ids.push(id);
    }
    if (ids.length === 0) return;
    state.asked = new Set(ids);
    this.#send(peer, { type: "statement-want", ids });
  }

  /** Says the names of everything held; `first` asks the peer to do the same. */
  #tell(peer: NodeId, state: PeerStatements, first: boolean, now: Now): void {
    if (now.monoMs - state.toldMonoMs < STATEMENT_IDS_EVERY_MS) return;
    state.toldMonoMs = now.monoMs;
    const ids = this.#source.ids();
    for (let at = 0; at === 0 || at < ids.length; at += STATEMENT_IDS_PAGE_MAX) {
      const page = ids.slice(at, at + STATEMENT_IDS_PAGE_MAX);
      const last = at + STATEMENT_IDS_PAGE_MAX >= ids.length;
      this.#send(peer, { type: "statement-ids", ids: page, first, last });
    }
  }

  #send(peer: NodeId, message: StatementMessage): void {
    this.#env.out.send(peer, "sync", encodeSync(this.#env, message));
  }
}
