/**
 * Brings two neighbours' statements of the fleet's authority to the same set (rules CH6, ME1), beside the chains: digests when they meet and in every
 * round, names where these differ, then each asks for what it lacks, some at a time. What a peer hands over that it was not asked for by name is
 * refused before its signature is looked at.
 */
import { statementId } from "../authority/statement-hash.ts";
import type { StatementSource } from "../authority/authority-keeper.ts";
import type { StatementId } from "../authority/claims.ts";
import type { Env } from "../env.ts";
import type { HashHex, NodeId } from "../ids.ts";
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

/**
 * Statements that one peer is told in one second, those asked for that are not held counted as well, and their bytes. A full fleet's 20,000 take five
 * seconds; who asks faster waits.
 */
export const STATEMENTS_TOLD_PER_SECOND_MAX: number = 4_000;
export const STATEMENT_BYTES_PER_SECOND_MAX: number = 4 * 1024 * 1024;

interface PeerStatements {
  missing: StatementId[];
  asked: ReadonlySet<StatementId> | undefined;
  /** It has handed over what is wrong for everybody: not asked any more on this connection. */
  isBad: boolean;
  /** The digest that it said last, and the one that it was told last. */
  theirs: HashHex | undefined;
  said: HashHex | undefined;
  toldMonoMs: number;
  comparedMonoMs: number;
  /** The second in which it was told so much. */
  second: number;
  toldCount: number;
  toldBytes: number;
  /** When to go on asking it, where enough of what it has handed over in this second counted nowhere. */
  resumeMonoMs: number;
  /** What it asked for beyond that, answered in the next second. */
  owed: readonly StatementId[] | undefined;
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
      theirs: undefined,
      said: undefined,
      toldMonoMs: Number.NEGATIVE_INFINITY,
      comparedMonoMs: Number.NEGATIVE_INFINITY,
      second: Number.NEGATIVE_INFINITY,
      toldCount: 0,
      toldBytes: 0,
      resumeMonoMs: Number.POSITIVE_INFINITY,
      owed: undefined,
    });
  }

  onPeerDown(peer: NodeId): void {
    this.#peers.delete(peer);
  }

  /** When somebody is owed an answer, or is asked on; infinite where nobody is. */
  get dueMonoMs(): number {
    let due = Number.POSITIVE_INFINITY;
    for (const { owed, second, resumeMonoMs } of this.#peers.values()) {
      if (owed !== undefined) due = Math.min(due, (second + 1) * 1_000);
      due = Math.min(due, resumeMonoMs);
    }
    return due;
  }

  onTimer(now: Now): void {
    for (const [peer, state] of this.#peers) {
      if (now.monoMs >= state.resumeMonoMs) this.#ask(peer, state, now);
      const { owed } = state;
      if (owed === undefined || now.monoMs < (state.second + 1) * 1_000) continue;
      state.owed = undefined;
      this.#onWant(peer, state, owed, now);
    }
  }

  /** Opens a comparison; a node that holds nothing has nothing to compare and is told by whoever does. */
  sendDigest(peer: NodeId): void {
    if (this.#source.size === 0) return;
    const { digest } = this.#source;
    const state = this.#peers.get(peer);
    if (state !== undefined) state.said = digest;
    this.#send(peer, { type: "statements", digest });
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
        state.theirs = message.digest;
        if (!this.#isEqual(from, state)) this.#tell(from, state, true, now);
        return true;
      case "statement-ids":
        return this.#onIds(from, state, message, now);
      case "statement-want":
        return this.#onWant(from, state, message.ids, now);
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
    const lacking = message.ids.filter((id) => this.#isLacking(id, now));
    state.missing.push(...lacking.slice(0, STATEMENTS_MISSING_MAX - state.missing.length));
    if (!message.last) return true;
    if (message.first) this.#tell(from, state, false, now);
    this.#ask(from, state, now);
    return true;
  }

  /** False when the peer asks before it was answered. */
  #onWant(
    from: NodeId,
    state: PeerStatements,
    ids: readonly StatementId[],
    { monoMs }: Now,
  ): boolean {
    if (state.owed !== undefined) return false;
    const second = Math.floor(monoMs / 1_000);
    if (second !== state.second) Object.assign(state, { second, toldCount: 0, toldBytes: 0 });
    const isOver = state.toldCount + ids.length > STATEMENTS_TOLD_PER_SECOND_MAX;
    if (isOver || state.toldBytes >= STATEMENT_BYTES_PER_SECOND_MAX) {
      state.owed = ids;
      return true;
    }
    state.toldCount += ids.length;
    state.toldBytes += this.#answer(from, ids);
    return true;
  }

  /** @returns the length of what was told */
  #answer(from: NodeId, ids: readonly StatementId[]): number {
    const tokens: string[] = [];
    let length = 0;
    for (const token of this.#source.tokens(ids)) {
      length += token.length;
      if (tokens.length > 0 && length > STATEMENT_HAVE_BYTES_MAX) break;
      tokens.push(token);
    }
    this.#send(from, { type: "statement-have", tokens });
    return length;
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
    const got = new Set(message.tokens.map((token) => statementId(this.#env.ports, token)));
    const isAsked = got.size === message.tokens.length && [...got].every((id) => asked.has(id));
    if (!isAsked) return false;
    if (!this.#source.take(message.tokens, from, now)) {
      state.isBad = true;
      state.missing = [];
      this.#source.rowEnds(from, now);
      return true;
    }
    // What did not fit is asked for once more; what the peer does not hold any more is not.
    if (got.size > 0) state.missing.unshift(...[...asked].filter((id) => !got.has(id)));
    this.#ask(from, state, now);
    return true;
  }

  /** Whether it is worth to be asked for. */
  #isLacking(id: StatementId, now: Now): boolean {
    return !this.#source.has(id) && !this.#source.isVain(id, now);
  }

  #ask(peer: NodeId, state: PeerStatements, now: Now): void {
    if (state.asked !== undefined) return;
    state.resumeMonoMs = Number.POSITIVE_INFINITY;
    const countMax = Math.min(STATEMENT_WANT_MAX, this.#source.vainLeft(peer, now));
    if (countMax === 0 && state.missing.length > 0) {
      state.resumeMonoMs = (Math.floor(now.monoMs / 1_000) + 1) * 1_000;
      return;
    }
    const ids: StatementId[] = [];
    while (ids.length < countMax) {
      const id = state.missing.shift();
      if (id === undefined) break;
      if (this.#isLacking(id, now) && !ids.includes(id)) ids.push(id);
    }
    if (ids.length === 0) {
      this.#source.rowEnds(peer, now);
      return this.#hasAll(peer, state);
    }
    state.asked = new Set(ids);
    this.#send(peer, { type: "statement-want", ids });
  }

  /** Nothing is left to ask it for: where it held more, or both did, that may have made the two equal. */
  #hasAll(peer: NodeId, state: PeerStatements): void {
    this.#isEqual(peer, state);
    if (state.said !== this.#source.digest) this.sendDigest(peer);
  }

  /** Whether it holds the same by its own word. Names that it lists say nothing of what it leaves out. */
  #isEqual(peer: NodeId, { theirs }: PeerStatements): boolean {
    const isEqual = theirs === this.#source.digest;
    if (isEqual) this.#source.compared(peer);
    return isEqual;
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
