/**
 * Whom to dial and when (rule CH6), as a state machine without a clock or a socket.
 *
 * A small fleet is fully meshed: everybody dials everybody it is not connected to, for ever, with a back-off that doubles up to
 * 4 s. A closed connection or a failed dial says nothing about the member (rule VE0), so nobody is ever given up. Of two nodes that
 * learn of each other at one time the one with the smaller id dials and the other waits a moment, which avoids double connections.
 *
 * Beyond 16 members a node chooses: the eight that stand highest in a ranking of its own (a hash over both ids, so that the
 * choices of all nodes spread evenly and survive restarts) are always wanted. While fewer than eight connections stand in
 * all, further ones are dialled down the ranking. Choosing only among whoever answers was rejected: after a long partition
 * each side would be content with itself and never meet again. Own dials never exceed 16; a wanted member pushes out one that is not.
 */
import { compareText } from "@pulsemesh/core";
import type { NodeId } from "@pulsemesh/core";

/** Most connections that a node opens of its own choice. */
export const OWN_DIALS_MAX: number = 16;
/** In fleets above that: how many members are always wanted, and how many connections are enough. */
export const WANTED_MEMBERS: number = 8;
/** Most dials under way at once. */
export const PARALLEL_DIALS_MAX: number = 8;
/** Longest wait between two dials of one member (rule CH6). */
export const BACKOFF_MS_MAX: number = 4_000;
/** First wait after a failure; doubles with each further one. */
export const BACKOFF_MS_MIN: number = 250;
/** Wait before a member of another fleet, or without a common version, is asked again. */
export const REFUSED_WAIT_MS: number = 300_000;
/** The head start that the smaller id gets when two nodes want each other. */
export const YIELD_MS: number = 400;
/** Failed dials in a row after which a member known by hearsay alone is forgotten. */
export const HEARSAY_FAILURES_MAX: number = 20;
/** Least time between two connections closed to make room for wanted members. */
const MAKE_ROOM_EVERY_MS = 5_000;

export type Direction = "inbound" | "outbound";

interface Member {
  readonly rank: string;
  dialing: boolean;
  /** Outbound as soon as one of its connections is; undefined while there is none. */
  connected: Direction | undefined;
  failures: number;
  dialAtMs: number;
}

/** What to do now, and when to ask again (undefined: not before something happens). */
export interface DialPlan {
  readonly dial: readonly NodeId[];
  readonly close: readonly NodeId[];
  readonly nextAtMs: number | undefined;
}

export interface DialerDeps {
  /** A uniform hash of (self, other), as text; the smaller, the more wanted. */
  readonly rankOf: (node: NodeId) => string;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

export class Dialer {
  readonly #self: NodeId;
  readonly #deps: DialerDeps;
  readonly #members = new Map<NodeId, Member>();
  #roomMadeAtMs = -Infinity;

  constructor(deps: DialerDeps, self: NodeId) {
    this.#deps = deps;
    this.#self = self;
  }

  /** A member with an address. `eager`: the user asked for it, so it is dialled at once. */
  learn(node: NodeId, eager: boolean, nowMs: number): void {
    if (node === this.#self) return;
    const member = this.#members.get(node);
    if (member === undefined) this.#add(node, eager ? nowMs : nowMs + this.#yieldMs(node));
    else if (eager) member.dialAtMs = Math.min(member.dialAtMs, nowMs);
  }

  /** A connection to `node` stands, whoever opened it. A dial under way goes on counting until it has ended. */
  connected(node: NodeId, direction: Direction, nowMs: number): void {
    const member = this.#members.get(node) ?? this.#add(node, nowMs);
    if (direction === "outbound") member.dialing = false;
    if (direction === "outbound" || member.connected === undefined) member.connected = direction;
  }

  /** It said hello, so the next failure counts as the first. */
  greeted(node: NodeId): void {
    const member = this.#members.get(node);
    if (member !== undefined) member.failures = 0;
  }

  /** The last connection is gone. */
  disconnected(node: NodeId, nowMs: number): void {
    const member = this.#members.get(node);
    if (member === undefined || member.connected === undefined) return;
    member.connected = undefined;
    this.#postpone(node, member, nowMs);
  }

  /** A dial is over because there is a connection; dialled again soon if that one is gone by now. */
  ended(node: NodeId, nowMs: number): void {
    const member = this.#members.get(node);
    if (member === undefined) return;
    member.dialing = false;
    if (member.connected === undefined && member.dialAtMs <= nowMs)
      this.#postpone(node, member, nowMs);
  }

  /** A dial failed. Answers how many have in a row. */
  failed(node: NodeId, nowMs: number): number {
    const member = this.#members.get(node);
    if (member === undefined) return 0;
    member.dialing = false;
    if (member.connected === undefined) this.#postpone(node, member, nowMs);
    return member.failures;
  }

  /** Of another fleet, or without a common version: asked again only after {@link REFUSED_WAIT_MS}. */
  refused(node: NodeId, nowMs: number): void {
    const member = this.#members.get(node) ?? this.#add(node, nowMs);
    member.dialing = false;
    member.connected = undefined;
    member.dialAtMs = nowMs + REFUSED_WAIT_MS;
  }

  forget(node: NodeId): void {
    this.#members.delete(node);
  }

  /** Decides; the dials it names count as begun. */
  plan(nowMs: number): DialPlan {
    const ranked = [...this.#members].toSorted(
      ([a, x], [b, y]) => compareText(x.rank, y.rank) || compareText(a, b),
    );
    const everybody = ranked.length <= OWN_DIALS_MAX;
    const wanted = everybody ? ranked : ranked.slice(0, WANTED_MEMBERS);
    const further = everybody ? [] : ranked.slice(WANTED_MEMBERS);
    const dial: NodeId[] = [];
    const close: NodeId[] = [];
    let nextAtMs = this.#begin(wanted, dial, nowMs, () => this.#slots(dial));
    const starved = wanted.some(([, member]) => isIdle(member) && member.dialAtMs <= nowMs);
    if (starved && this.#ownDials() >= OWN_DIALS_MAX) this.#makeRoom(further, close, nowMs);
    nextAtMs = earliest(nextAtMs, starved && close.length > 0 ? nowMs : undefined);
    nextAtMs = earliest(
      nextAtMs,
      this.#begin(further, dial, nowMs, () => Math.min(this.#slots(dial), this.#lacking())),
    );
    return { dial, close, nextAtMs };
  }

  /** Starts dials in the order given while `slots` lasts; answers when the next of them is due. */
  #begin(
    members: readonly (readonly [NodeId, Member])[],
    dial: NodeId[],
    nowMs: number,
    slots: () => number,
  ): number | undefined {
    let nextAtMs: number | undefined;
    for (const [node, member] of members) {
      if (slots() <= 0) break;
      if (!isIdle(member)) continue;
      if (member.dialAtMs > nowMs) {
        nextAtMs = earliest(nextAtMs, member.dialAtMs);
        continue;
      }
      member.dialing = true;
      dial.push(node);
    }
    return nextAtMs;
  }

  #slots(begun: readonly NodeId[]): number {
    const dialing = [...this.#members.values()].filter((member) => member.dialing).length;
    const room = Math.min(OWN_DIALS_MAX - this.#ownDials(), PARALLEL_DIALS_MAX - dialing);
    return begun.length < PARALLEL_DIALS_MAX ? room : 0;
  }

  #ownDials(): number {
    return [...this.#members.values()].filter(
      (member) => member.dialing || member.connected === "outbound",
    ).length;
  }

  #lacking(): number {
    const held = [...this.#members.values()].filter(
      (member) => member.dialing || member.connected !== undefined,
    );
    return WANTED_MEMBERS - held.length;
  }

  /** Closes the least wanted of the connections opened by this node, rarely, so that the mesh does not flutter. */
  #makeRoom(further: readonly (readonly [NodeId, Member])[], close: NodeId[], nowMs: number): void {
    const victim = further.findLast(([, member]) => member.connected === "outbound");
    if (victim === undefined || nowMs - this.#roomMadeAtMs < MAKE_ROOM_EVERY_MS) return;
    this.#roomMadeAtMs = nowMs;
    close.push(victim[0]);
  }

  #add(node: NodeId, dialAtMs: number): Member {
    const rank = this.#deps.rankOf(node);
    const member: Member = { rank, dialing: false, connected: undefined, failures: 0, dialAtMs };
    this.#members.set(node, member);
    return member;
  }

  #postpone(node: NodeId, member: Member, nowMs: number): void {
    const waitMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.min(member.failures, 10));
    member.failures += 1;
    // Jitter downwards only, so that the cap is a cap; the head start matters only for the first, simultaneous attempt.
    const headStartMs = member.failures === 1 ? this.#yieldMs(node) : 0;
    member.dialAtMs =
      nowMs + Math.min(BACKOFF_MS_MAX, headStartMs + waitMs * (0.5 + 0.5 * this.#deps.random()));
  }

  #yieldMs(node: NodeId): number {
    return compareText(this.#self, node) < 0 ? 0 : YIELD_MS;
  }
}

function isIdle(member: Member): boolean {
  return !member.dialing && member.connected === undefined;
}

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : Math.min(a, b);
}
