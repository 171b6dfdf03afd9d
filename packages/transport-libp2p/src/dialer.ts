/**
 * Whom to dial and when (rule CH6), as a state machine without a clock or a socket.
 *
 * A small fleet is fully meshed: everybody dials everybody it is not connected to, for ever, with a back-off that grows by half up to
 * 4 s. A closed connection or a failed dial says nothing about the member (rule VE0), so no member is ever given up. Of two nodes that
 * learn of each other at one time the one with the smaller id dials and the other waits a moment, which avoids double connections.
 *
 * Beyond 16 members a node chooses: the six that stand highest in a ranking of its own (a hash over both ids, so that the
 * choices of all nodes spread evenly and survive restarts) are always wanted. While fewer than six connections stand in
 * all, further ones are dialled down the ranking. Choosing only among whoever answers was rejected: after a long partition
 * each side would be content with itself and never meet again. Own dials never exceed 16; a wanted member pushes out one that is not.
 *
 * Where its owner names members to be linked to (rule PU8), those are wanted instead of the ranking's, as many as they are. What was dialled for
 * that, and is named no more, makes room for others at once and is given back after a while, or each question to a member (rule PU9) would take up a
 * place for good. Not sooner, as who asks once may ask again.
 *
 * While a fleet forms, addresses pour in. Whoever dials them as they come has opened 16 connections before it knows whom to choose,
 * so members known by hearsay wait until no new one has come for a moment. The first few do not: small fleets form at once.
 *
 * Hearsay can be made up to have somebody else's ports knocked at. So nodes known by it alone stand behind all others, their dials have a
 * budget that all of them share, and three that fail are enough. Former members are never given up, as a thief of the root's key can have anybody
 * leave; but most of them have left for good, over the years any number. So they take up no place of those above: one at a time is dialled, whoever waits
 * longest, by a small budget of theirs, after waits that grow to ten minutes.
 */
import { createHash } from "node:crypto";
import { compareText } from "@pulsemesh/core";
import type { NodeId } from "@pulsemesh/core";
import { DialBudget } from "./dial-budget.ts";

/** Most connections that a node opens of its own choice. */
export const OWN_DIALS_MAX: number = 16;
/** In fleets above that: how many members are always wanted, and how many connections are enough. */
export const WANTED_MEMBERS: number = 6;
/** Most dials begun within {@link FRESH_MS}: a storm of joiners then learns whom to choose before it has dialled everybody. */
export const PARALLEL_DIALS_MAX: number = 4;
/** A dial that takes longer hangs (dropped packets, a stopped process) and keeps no other waiting. */
export const FRESH_MS: number = 1_000;
/** Longest wait between two dials of one member (rule CH6). */
export const BACKOFF_MS_MAX: number = 4_000;
/** First wait after a failure; grows by half with each further one. */
export const BACKOFF_MS_MIN: number = 250;
/** A connection that ends sooner after its hello is no reason to begin anew with the waits. */
export const STEADY_MS: number = 10_000;
/** Wait before a member of another fleet, or without a common version, is asked again. */
export const REFUSED_WAIT_MS: number = 300_000;
/** First wait before a node that was not let in is asked again: its grant may be on its way … */
export const TURNED_AWAY_MS_MIN: number = 1_000;
/** … and the longest; it doubles with each time. */
export const TURNED_AWAY_MS_MAX: number = 60_000;
/** The head start that the smaller id gets when two nodes want each other. */
export const YIELD_MS: number = 1_500;
/** Failed dials in a row after which a node known by hearsay alone is forgotten. */
export const HEARSAY_FAILURES_MAX: number = 3;
/** Dials a minute to nodes known by hearsay alone, all together; as many at once. */
export const HEARSAY_DIALS_PER_MINUTE_MAX: number = 64;
/** The fleet counts as forming until no new member was heard of for this long, … */
export const FORMING_QUIET_MS: number = 1_200;
/** … but no longer than this at a stretch, … */
export const FORMING_MS_MAX: number = 6_000;
/** … and meanwhile, once more members than this are known, one connection is enough. */
export const FORMING_MEMBERS: number = 4;
/** A connection that was dialled because the owner wanted it is given back this long after he wants it no more. */
export const LINK_KEPT_MS: number = 30_000;
/** Least time between two connections closed to make room for wanted members. */
const MAKE_ROOM_EVERY_MS = 5_000;
/** Dials a minute to former members, all together; as many at once. */
export const FORMER_DIALS_PER_MINUTE_MAX: number = 6;
/** Longest wait between two dials of one of them, which doubles from {@link TURNED_AWAY_MS_MIN}. */
export const FORMER_WAIT_MS_MAX: number = 600_000;

/**
 * `sure`: a member that has said itself where it is, or named by the user. `sought`: was a member, and there is none that was met; dialled like a member, but
 * behind those. `former`: was one, and others were met. `hearsay`: all others.
 */
export type Standing = "sure" | "sought" | "former" | "hearsay";

const PLACES = { sure: 0, sought: 1, former: 2, hearsay: 3 } as const;

export type Direction = "inbound" | "outbound";

interface Member {
  /** Said hello once, or named by the user: it does not wait while a fleet forms. */
  greeted: boolean;
  standing: Standing;
  readonly rank: string;
  dialing: boolean;
  /** Its dial was begun beside all others, and takes no place whatever it is taken for by now. */
  isAtLeisure: boolean;
  dialBeganAtMs: number;
  /** Outbound as soon as one of its connections is; undefined while there is none. */
  connected: Direction | undefined;
  failures: number;
  /** Times in a row that it was not let in. */
  turnedAway: number;
  /** Since when its connection stands after a hello; undefined before. */
  greetedAtMs: number | undefined;
  dialAtMs: number;
  /** Dialled as the owner had named it. */
  isForLink: boolean;
  /** Since when the owner names one no more that was dialled for that; undefined for all others. */
  spareSinceMs: number | undefined;
  /** When it was closed last to make room, or given back. */
  closedAtMs: number;
}

type Ranked = readonly (readonly [NodeId, Member])[];

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
  /** Members that the owner wants to be connected to. */
  #linked: ReadonlySet<NodeId> = new Set();
  #roomMadeAtMs = -Infinity;
  #formingSinceMs = -Infinity;
  #heardNewAtMs = -Infinity;
  readonly #hearsayDials = new DialBudget(HEARSAY_DIALS_PER_MINUTE_MAX);
  readonly #formerDials = new DialBudget(FORMER_DIALS_PER_MINUTE_MAX);

  constructor(deps: DialerDeps, self: NodeId) {
    this.#deps = deps;
    this.#self = self;
  }

  /** A node with an address. `eager`: it is no news but known of old, so it is dialled at once. */
  learn(node: NodeId, eager: boolean, nowMs: number): void {
    if (node === this.#self) return;
    const member = this.#members.get(node);
    if (member === undefined) {
      this.#add(node, eager ? nowMs : nowMs + this.#yieldMs(node)).greeted = eager;
      this.trust(node, eager ? "sure" : "hearsay", nowMs);
      if (!eager) this.#heardNew(nowMs);
    } else if (eager) {
      member.greeted = true;
      member.standing = "sure";
      member.dialAtMs = Math.min(member.dialAtMs, nowMs);
    }
  }

  /** Members to be connected to before all others, in place of those that were named before; with none the ranking decides. */
  link(nodes: readonly NodeId[], nowMs: number): void {
    this.#linked = new Set(nodes.slice(0, OWN_DIALS_MAX));
    for (const [node, member] of this.#members) {
      if (this.#linked.has(node)) member.spareSinceMs = undefined;
      else if (member.isForLink) member.spareSinceMs ??= nowMs;
    }
  }

  /** What `node` counts as from now on. A former member that is to be found again is dialled at once, however long its wait had become. */
  trust(node: NodeId, standing: Standing, nowMs: number): void {
    const member = this.#members.get(node);
    if (member === undefined) return;
    const isWanted = member.standing === "former" && isEager({ standing });
    member.standing = standing;
    if (!isWanted) return;
    member.failures = 0;
    member.turnedAway = 0;
    member.dialAtMs = Math.min(member.dialAtMs, nowMs);
  }

  /** A connection to `node` stands, whoever opened it. A dial under way goes on counting until it has ended. */
  connected(node: NodeId, direction: Direction, nowMs: number): void {
    const member = this.#members.get(node) ?? this.#add(node, nowMs);
    if (direction === "outbound") member.dialing = false;
    if (direction === "outbound" || member.connected === undefined) member.connected = direction;
  }

  /** It said hello, so the next failure counts as the first, unless it hangs up soon. */
  greeted(node: NodeId, nowMs: number): void {
    const member = this.#members.get(node);
    if (member === undefined) return;
    member.greetedAtMs ??= nowMs;
    member.turnedAway = 0;
    member.greeted = true;
  }

  /** The last connection is gone. */
  disconnected(node: NodeId, nowMs: number): void {
    const member = this.#members.get(node);
    if (member === undefined || member.connected === undefined) return;
    member.connected = undefined;
    member.isForLink = false;
    member.spareSinceMs = undefined;
    member.closedAtMs = -Infinity;
    const stoodMs = member.greetedAtMs === undefined ? 0 : nowMs - member.greetedAtMs;
    member.greetedAtMs = undefined;
    // Two processes with one key take turns at each neighbour; each would come back at once and turn the other out.
    if (stoodMs >= STEADY_MS) member.failures = 0;
    const isTurnedOut = stoodMs > 0 && stoodMs < STEADY_MS;
    this.#postpone(node, member, nowMs, isTurnedOut);
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

  /**
   * Not let in, or not any more: asked again after waits that grow to {@link TURNED_AWAY_MS_MAX}, as it may get a grant at any time. Answers how
   * many times in a row that was.
   */
  turnedAway(node: NodeId, nowMs: number): number {
    const member = this.#members.get(node);
    if (member === undefined) return 0;
    const waitMsMax = member.standing === "former" ? FORMER_WAIT_MS_MAX : TURNED_AWAY_MS_MAX;
    const waitMs = Math.min(waitMsMax, TURNED_AWAY_MS_MIN * 2 ** member.turnedAway);
    // Beyond this the wait grows no more.
    member.turnedAway = Math.min(member.turnedAway + 1, 10);
    member.dialing = false;
    member.connected = undefined;
    member.greetedAtMs = undefined;
    member.dialAtMs = nowMs + waitMs * (0.5 + 0.5 * this.#deps.random());
    return member.turnedAway;
  }

  /** This node has something new to show: whoever did not let it in is asked again at once. Whether there is anybody. */
  retryTurnedAway(nowMs: number): boolean {
    const away = [...this.#members.values()].filter(({ turnedAway }) => turnedAway > 0);
    for (const member of away) {
      member.turnedAway = 0;
      member.dialAtMs = Math.min(member.dialAtMs, nowMs);
    }
    return away.length > 0;
  }

  /** Forgets a node; one that is connected or being dialled goes on counting until the owner forgets it again. */
  forget(node: NodeId): void {
    const member = this.#members.get(node);
    if (member === undefined) return;
    if (isIdle(member)) this.#members.delete(node);
    else member.standing = "hearsay";
  }

  /** Decides; the dials it names count as begun. */
  plan(nowMs: number): DialPlan {
    const isAway = ([node, member]: Ranked[number]): boolean =>
      member.standing === "former" && member.connected === undefined && !this.#linked.has(node);
    const ranked = this.#ranked((each) => !isAway(each));
    const wantedMax = this.#wantedMax(ranked.length);
    const wanted = ranked.slice(0, wantedMax);
    const further = ranked.slice(wantedMax);
    const dial: NodeId[] = [];
    const close: NodeId[] = [];
    let nextAtMs = this.#begin(wanted, dial, nowMs, this.#slots(nowMs));
    const starved = wanted.filter(
      ([, member]) =>
        isIdle(member) &&
        member.dialAtMs <= nowMs &&
        this.#budgetOf(member)?.isSpent(nowMs) !== true,
    ).length;
    if (this.#ownDials() >= OWN_DIALS_MAX) this.#makeRoom(starved, further, close, nowMs);
    nextAtMs = earliest(nextAtMs, starved > 0 && close.length > 0 ? nowMs : undefined);
    nextAtMs = earliest(nextAtMs, this.#giveBack(further, close, nowMs));
    nextAtMs = earliest(
      nextAtMs,
      this.#begin(
        further,
        dial,
        nowMs,
        Math.min(this.#slots(nowMs), WANTED_MEMBERS - this.#held()),
      ),
    );
    nextAtMs = earliest(nextAtMs, this.#beginFormer(isAway, dial, nowMs));
    // With every slot taken, the next one is free at the latest when the oldest fresh dial is none any more.
    const [first] = this.#fresh(nowMs);
    if (first !== undefined)
      nextAtMs = earliest(
        nextAtMs,
        Math.min(...this.#fresh(nowMs).map((member) => member.dialBeganAtMs)) + FRESH_MS,
      );
    return { dial, close, nextAtMs };
  }

  #ranked(isIn: (each: Ranked[number]) => boolean): Ranked {
    return [...this.#members]
      .filter(isIn)
      .toSorted(
        ([a, x], [b, y]) =>
          Number(this.#linked.has(b)) - Number(this.#linked.has(a)) ||
          PLACES[x.standing] - PLACES[y.standing] ||
          compareText(x.rank, y.rank) ||
          compareText(a, b),
      );
  }

  /** One at a time, beside all others, so that it takes nobody's place. */
  #beginFormer(
    isAway: (each: Ranked[number]) => boolean,
    dial: NodeId[],
    nowMs: number,
  ): number | undefined {
    const dialled = [...this.#members.values()].some(
      ({ isAtLeisure, dialing }) => isAtLeisure && dialing,
    );
    if (dialled) return undefined;
    const away = [...this.#members]
      .filter(isAway)
      .toSorted(([, x], [, y]) => x.dialAtMs - y.dialAtMs);
    return this.#begin(away, dial, nowMs, 1);
  }

  /** Starts at most `slots` dials in the order given; answers when the next of them is due. */
  #begin(members: Ranked, dial: NodeId[], nowMs: number, slots: number): number | undefined {
    let nextAtMs: number | undefined;
    const quietAtMs = this.#quietAtMs();
    const crowd = this.#members.size > FORMING_MEMBERS;
    let left = slots;
    let isHeld = this.#held() > 0;
    for (const [node, member] of members) {
      if (left <= 0) break;
      if (!isIdle(member)) continue;
      if (!member.greeted && nowMs < quietAtMs && crowd && isHeld) {
        nextAtMs = earliest(nextAtMs, quietAtMs);
        continue;
      }
      if (member.dialAtMs > nowMs) {
        nextAtMs = earliest(nextAtMs, member.dialAtMs);
        continue;
      }
      const budget = this.#budgetOf(member);
      if (budget?.isSpent(nowMs) === true) {
        nextAtMs = earliest(nextAtMs, nowMs + budget.earnedEveryMs);
        continue;
      }
      budget?.take();
      member.dialing = true;
      member.isAtLeisure = member.standing === "former" && !this.#linked.has(node);
      member.dialBeganAtMs = nowMs;
      member.isForLink = this.#linked.has(node);
      member.spareSinceMs = undefined;
      dial.push(node);
      left -= 1;
      isHeld = true;
    }
    return nextAtMs;
  }

  /** However many nodes are known by hearsay, of the others as many are wanted as without it. */
  #wantedMax(known: number): number {
    const linked = [...this.#linked].filter((node) => this.#members.has(node)).length;
    if (linked > 0) return linked;
    if (known <= OWN_DIALS_MAX) return known;
    const sure = [...this.#members.values()].filter(isEager).length;
    return sure <= OWN_DIALS_MAX ? Math.max(sure, WANTED_MEMBERS) : WANTED_MEMBERS;
  }

  #budgetOf({ standing }: Member): DialBudget | undefined {
    if (standing === "former") return this.#formerDials;
    return standing === "hearsay" ? this.#hearsayDials : undefined;
  }

  #slots(nowMs: number): number {
    const fresh = this.#fresh(nowMs).length;
    return Math.min(OWN_DIALS_MAX - this.#ownDials(), PARALLEL_DIALS_MAX - fresh);
  }

  #fresh(nowMs: number): readonly Member[] {
    return [...this.#members.values()].filter(
      (member) => isDialled(member) && nowMs - member.dialBeganAtMs < FRESH_MS,
    );
  }

  #ownDials(): number {
    return [...this.#members.values()].filter(
      (member) => isDialled(member) || member.connected === "outbound",
    ).length;
  }

  #held(): number {
    return [...this.#members.values()].filter(
      (member) => isDialled(member) || member.connected !== undefined,
    ).length;
  }

  #heardNew(nowMs: number): void {
    if (nowMs >= this.#quietAtMs()) this.#formingSinceMs = nowMs;
    this.#heardNewAtMs = nowMs;
  }

  /** When the fleet counts as formed, as far as can be told now. */
  #quietAtMs(): number {
    return Math.min(this.#heardNewAtMs + FORMING_QUIET_MS, this.#formingSinceMs + FORMING_MS_MAX);
  }

  /**
   * Closes connections opened by this node, for as many wanted members as wait for a place: those that are spare at once, else the least wanted, rarely, so
   * that the mesh does not flutter.
   */
  #makeRoom(starved: number, further: Ranked, close: NodeId[], nowMs: number): void {
    const own = further.filter(([, { connected }]) => connected === "outbound");
    const standing = own.filter(([, { closedAtMs }]) => nowMs - closedAtMs >= MAKE_ROOM_EVERY_MS);
    let lacking = starved - (own.length - standing.length);
    for (const [node, member] of standing.filter(isSpare).toReversed()) {
      if (lacking <= 0) return;
      member.closedAtMs = nowMs;
      close.push(node);
      lacking -= 1;
    }
    const victim = standing.findLast((each) => !isSpare(each));
    if (lacking <= 0 || victim === undefined) return;
    if (nowMs - this.#roomMadeAtMs < MAKE_ROOM_EVERY_MS) return;
    this.#roomMadeAtMs = nowMs;
    close.push(victim[0]);
  }

  /** Closes what has been spare for long enough, unless too few connections would be left; answers when to look again. */
  #giveBack(further: Ranked, close: NodeId[], nowMs: number): number | undefined {
    let nextAtMs: number | undefined;
    let left = this.#held() - close.length - WANTED_MEMBERS;
    for (const [node, member] of further.filter(isSpare).toReversed()) {
      if (nowMs - member.closedAtMs < MAKE_ROOM_EVERY_MS) continue;
      const dueAtMs = (member.spareSinceMs ?? nowMs) + LINK_KEPT_MS;
      if (dueAtMs > nowMs) nextAtMs = earliest(nextAtMs, dueAtMs);
      else if (left > 0) {
        member.closedAtMs = nowMs;
        close.push(node);
        left -= 1;
      }
    }
    return nextAtMs;
  }

  #add(node: NodeId, dialAtMs: number): Member {
    const rank = this.#deps.rankOf(node);
    const member: Member = {
      greeted: false,
      standing: "hearsay",
      rank,
      dialing: false,
      isAtLeisure: false,
      dialBeganAtMs: 0,
      connected: undefined,
      failures: 0,
      turnedAway: 0,
      greetedAtMs: undefined,
      dialAtMs,
      isForLink: false,
      spareSinceMs: undefined,
      closedAtMs: -Infinity,
    };
    this.#members.set(node, member);
    return member;
  }

  /** `isTurnedOut`: the other side has ended it, and is not about to dial. */
  #postpone(node: NodeId, member: Member, nowMs: number, isTurnedOut: boolean = false): void {
    const failures = Math.min(member.failures, 10);
    const isFormer = member.standing === "former";
    const waitMsMax = isFormer ? FORMER_WAIT_MS_MAX : BACKOFF_MS_MAX;
    const waitMs = isFormer ? TURNED_AWAY_MS_MIN * 2 ** failures : BACKOFF_MS_MIN * 1.5 ** failures;
    member.failures += 1;
    // Jitter downwards only, so that the cap is a cap; the head start matters only for the first, simultaneous attempt.
    const headStartMs = member.failures === 1 && !isTurnedOut ? this.#yieldMs(node) : 0;
    member.dialAtMs =
      nowMs +
      Math.min(
        waitMsMax,
        headStartMs + Math.min(waitMsMax, waitMs) * (0.5 + 0.5 * this.#deps.random()),
      );
  }

  #yieldMs(node: NodeId): number {
    return compareText(this.#self, node) < 0 ? 0 : YIELD_MS;
  }
}

function isSpare([, { spareSinceMs, connected }]: Ranked[number]): boolean {
  return spareSinceMs !== undefined && connected === "outbound";
}

function isEager({ standing }: Pick<Member, "standing">): boolean {
  return PLACES[standing] <= PLACES.sought;
}

/** A dial that takes a place; those to former members are beside all others. */
function isDialled({ isAtLeisure, dialing }: Member): boolean {
  return dialing && !isAtLeisure;
}

function isIdle(member: Member): boolean {
  return !member.dialing && member.connected === undefined;
}

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : Math.min(a, b);
}

/** The ranking of a node: a hash over both ids. */
export function rankFor(self: NodeId): DialerDeps["rankOf"] {
  return (node) => createHash("sha256").update(self).update("\0").update(node).digest("hex");
}
