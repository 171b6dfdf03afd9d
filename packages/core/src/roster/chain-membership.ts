/**
 * Today's membership (rule VE1): every author of a chain header of document `reported` that was ever stored, minus those that left or
 * were retired. Members have rows of their own, so that compaction of chains loses nobody. Grants replace this class later.
 *
 * Surface for the composition: `leave(node, boot)` on a signed goodbye, `retire` and `restore` by `NodeRetirements`; the chain store calls `learn`, the restore
 * `restoreMember` and `restoreLeft`.
 */
import type { Env } from "../env.ts";
import { compareText, type Boot, type NodeId } from "../ids.ts";
import type { Now } from "../now.ts";
import { isIntegerIn, isMap, isTextUpTo } from "../wire/fields.ts";
import { offlineMsOf } from "../chain/entry.ts";
import { EPOCH_MAX, HEADER_TEXT_LENGTH_MAX } from "../chain/limits.ts";
import { leftRow, memberRow } from "../chain/rows.ts";
import {
  ROSTER_MAX,
  type Member,
  type MembershipWithStarts,
  type MembershipEnding,
} from "./membership.ts";

/** Of `left/` rows since format 2 of the store; before they were a bare number (`migrations/left-rows.ts`). */
const LEFT_ROW_VERSION = 1;

/** What a header says of its author. */
export interface MemberNames {
  readonly name: string;
  readonly region: string;
  readonly agent: string;
  readonly mayBeOfflineMs?: number | undefined;
}

interface Leave {
  readonly boot: Boot;
  readonly isRetired: boolean;
}

export class ChainMembership implements MembershipWithStarts {
  readonly #env: Env;
  readonly #known = new Map<NodeId, Member & { readonly boot: Boot }>();
  /** The boot in which the node said goodbye or was retired; a header of a later boot brings it back. */
  readonly #left = new Map<NodeId, Leave>();
  #sorted: readonly Member[] | undefined;
  /** Who was last said to be a member. */
  readonly #told = new Set<NodeId>();
  /** Whether the fleet's authority lets a node count (rule VE1); asked anew after {@link refresh}. */
  readonly #isGranted: (node: NodeId) => boolean;
  readonly #isRevoked: (node: NodeId) => boolean;
  #version = 0;
  #starts = 0;

  constructor(
    env: Env,
    isGranted: (node: NodeId) => boolean,
    isRevoked: (node: NodeId) => boolean = () => false,
  ) {
    this.#env = env;
    this.#isGranted = isGranted;
    this.#isRevoked = isRevoked;
  }

  /** Grants have begun or ended: who counts is looked at again. */
  refresh(): void {
    for (const node of this.#known.keys()) {
      const wasTold = this.#told.has(node);
      if (wasTold !== (this.member(node) !== undefined)) this.#changed(node);
    }
  }

  get version(): number {
    return this.#version;
  }

  get starts(): number {
    return this.#starts;
  }

  members(): readonly Member[] {
    this.#sorted ??= [...this.#known.values()]
      .filter(({ node }) => !this.#left.has(node) && this.#isGranted(node))
      .toSorted((a, b) => compareText(a.node, b.node));
    return this.#sorted;
  }

  member(node: NodeId): Member | undefined {
    if (this.#left.has(node) || !this.#isGranted(node)) return undefined;
    return this.#known.get(node);
  }

  hasLeft(node: NodeId): boolean {
    return this.#left.has(node);
  }

  hasRetired(node: NodeId): boolean {
    return this.#left.get(node)?.isRetired === true;
  }

  ending(node: NodeId): MembershipEnding | undefined {
    if (!this.#known.has(node) || this.#isGranted(node)) return undefined;
    return this.#isRevoked(node) ? "revoked" : "not-granted";
  }

  /** The name that a node was last known by, member or not, also of one whose chains are gone; undefined where it was never heard of. */
  nameOf(node: NodeId): string | undefined {
    return this.#known.get(node)?.name;
  }

  /** Nodes that were retired, in no particular order. */
  retiredNodes(): readonly NodeId[] {
    const retired: NodeId[] = [];
    for (const [node, { isRetired }] of this.#left) if (isRetired) retired.push(node);
    return retired;
  }

  /** The newest boot that a node is known by, member or not. */
  bootOf(node: NodeId): Boot | undefined {
    const known = this.#known.get(node);
    return known === undefined ? undefined : Math.max(known.boot, this.#left.get(node)?.boot ?? 0);
  }

  /** Nodes that left, sorted. */
  leftNodes(): readonly NodeId[] {
    return [...this.#left.keys()].toSorted(compareText);
  }

  /** A header is being stored; false when the roster is full. */
  learn(
    header: { readonly author: NodeId; readonly epoch: number },
    names: MemberNames,
    now: Now,
  ): boolean {
    const { author, epoch } = header;
    const known = this.#known.get(author);
    if (known === undefined && this.#isFull()) return false;
    const left = this.#left.get(author);
    if (left !== undefined && left.boot < epoch) this.#forgetLeave(author);
    if (known !== undefined && known.boot > epoch) return true;
    if (known !== undefined && known.boot < epoch) this.#starts += 1;
    const { name, region, agent, mayBeOfflineMs } = names;
    const same =
      known?.name === name &&
      known.region === region &&
      known.agent === agent &&
      known.mayBeOfflineMs === mayBeOfflineMs;
    const joinedMonoMs = known?.joinedMonoMs ?? now.monoMs;
    const member = { node: author, name, region, agent, joinedMonoMs, mayBeOfflineMs };
    this.#known.set(author, { ...member, boot: epoch });
    if (same) return true;
    const offline = mayBeOfflineMs === undefined ? {} : { mayBeOfflineMs };
    const value = this.#env.ports.codec.encode({ name, region, agent, ...offline });
    this.#env.out.persist([{ type: "put", key: memberRow(author), value }]);
    this.#changed(author);
    return true;
  }

  /**
   * A goodbye that the node signed in `boot` (rule VE9): no member any more until a header of a later boot. True when that takes a member
   * out. Not when it has left already, nor by a boot that is known to be over: a recording must not take out a node that has come back.
   */
  leave(node: NodeId, boot: Boot): boolean {
    const known = this.#known.get(node);
    if (known === undefined || boot < known.boot) return false;
    const isMember = !this.#left.has(node);
    this.#leave(node, { boot, isRetired: false });
    return isMember;
  }

  /** Takes a member out until a header of a boot after `boot`, or until {@link restore}. */
  retire(node: NodeId, boot: Boot): void {
    if (this.#known.has(node)) this.#leave(node, { boot, isRetired: true });
  }

  /** A retired node counts again. */
  restore(node: NodeId): void {
    if (this.hasRetired(node)) this.#forgetLeave(node);
  }

  /** A `member/` row; false when it is unreadable. */
  restoreMember(node: NodeId, value: Uint8Array): boolean {
    const names = this.#decode(value);
    if (!isMap(names)) return false;
    const { name, region, agent, mayBeOfflineMs } = names;
    const texts = [name, region, agent];
    if (!texts.every((text) => isTextUpTo(text, HEADER_TEXT_LENGTH_MAX))) return false;
    // Who counts is not known yet: as many as may, and as many strangers of the time when the fleet was open.
    if (this.#known.size >= 2 * ROSTER_MAX) return false;
    const held = this.#known.get(node);
    const boot = held?.boot ?? 0;
    this.#known.set(node, {
      node,
      name: name as string,
      region: region as string,
      agent: agent as string,
      joinedMonoMs: 0,
      mayBeOfflineMs: offlineMsOf(mayBeOfflineMs),
      boot,
    });
    this.#changed(node);
    return true;
  }

  /** A stored header, after the rows: members whose row is lost are known again, and the newest boot of each. */
  restoreHeader(
    header: { readonly author: NodeId; readonly epoch: number },
    names: MemberNames,
  ): void {
    const { author, epoch } = header;
    const known = this.#known.get(author);
    if (known !== undefined && known.boot >= epoch) return;
    const { name, region, agent } = known ?? names;
    // The row is of the newest header as well; a release that did not know the key has left it out there.
    const { mayBeOfflineMs } = names;
    const member = { node: author, name, region, agent, joinedMonoMs: 0, mayBeOfflineMs };
    this.#known.set(author, { ...member, boot: epoch });
    this.#changed(author);
  }

  /** A `left/` row; false when it is unreadable. */
  restoreLeft(node: NodeId, value: Uint8Array): boolean {
    const row = this.#decode(value);
    if (!Array.isArray(row) || row[0] !== LEFT_ROW_VERSION) return false;
    const [, boot, isRetired] = row as readonly unknown[];
    if (!isIntegerIn(boot, 0, EPOCH_MAX) || typeof isRetired !== "boolean") return false;
    this.#left.set(node, { boot, isRetired });
    this.#changed(node);
    return true;
  }

  /** Who does not count takes nobody's place. */
  #isFull(): boolean {
    if (this.#known.size < ROSTER_MAX) return false;
    return [...this.#known.keys()].filter((node) => this.#isGranted(node)).length >= ROSTER_MAX;
  }

  #leave(node: NodeId, leave: Leave): void {
    const { boot, isRetired } = leave;
    if ((this.#left.get(node)?.boot ?? -1) >= boot) return;
    this.#left.set(node, leave);
    const value = this.#env.ports.codec.encode([LEFT_ROW_VERSION, boot, isRetired]);
    this.#env.out.persist([{ type: "put", key: leftRow(node), value }]);
    this.#changed(node);
  }

  #forgetLeave(node: NodeId): void {
    this.#left.delete(node);
    this.#env.out.persist([{ type: "del", key: leftRow(node) }]);
    this.#changed(node);
  }

  #decode(value: Uint8Array): unknown {
    try {
      return this.#env.ports.codec.decode(value);
    } catch {
      return undefined;
    }
  }

  #changed(node: NodeId): void {
    this.#sorted = undefined;
    this.#version++;
    const isMember = this.member(node) !== undefined;
    if (isMember) this.#told.add(node);
    else this.#told.delete(node);
    this.#env.out.member(node, isMember);
  }
}
