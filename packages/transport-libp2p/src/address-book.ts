/**
 * Who can be dialled where. Three sources, in order of trust: what the user named, what a member said of itself in an authenticated
 * hello, and what members say of others (hearsay). Members that were met are passed on, and nodes that one was told of by a member that
 * had met them; no others, so that junk goes two steps and no further. Anybody can make up keys, so of a node that is neither named, nor a
 * member of the roster, nor was one, nothing is kept but hearsay, which leads somewhere soon or is forgotten. In a full book the least trusted
 * gives way, hearsay of members behind other hearsay, and of these who was heard of least lately.
 *
 * Who was a member, or stands in the file of an earlier run, and is no member now, is kept apart and stays to be found: a thief of the root's key can
 * have everybody leave, and the file is then all that leads back. What is kept of a former member is where it was, or, where nobody could dial it, its
 * name alone. They have a room of their own, so that neither members nor hearsay push them out, nor they those. Until this node has met a member, and again
 * once it has none, they are sought like members; otherwise at leisure.
 *
 * To forget at once who said goodbye, or was revoked, was rejected: a thief's row makes anybody look so.
 */
import type { NodeId } from "@pulsemesh/core";
import {
  addKept,
  addTold,
  type AddressEntry,
  emptyEntry,
  MEMBER_ADDRESSES_MAX,
  type SavedAddresses,
} from "./address-entry.ts";
import type { Standing } from "./dialer.ts";
import { FormerMembers, isBrief } from "./former-members.ts";
import { OWN_ADDRESSES_MAX } from "./hello-codec.ts";
import type { NodeAddress } from "./multiaddr-text.ts";
import { readAddress } from "./multiaddr-text.ts";

/** Most nodes whose addresses are kept, those aside that the user named, and former members. */
export const BOOK_MEMBERS_MAX: number = 1_024;
/** `named` by the user, `saved` in an earlier run, or told by others. */
export type AddressSource = "named" | "saved" | "hearsay";

/** Addresses by node; knows nothing of connections. */
export class AddressBook {
  readonly #self: NodeId;
  readonly #nowMs: () => number;
  readonly #changed: (node: NodeId) => void;
  /** In the order in which they were last heard of; former members stand apart. */
  readonly #entries = new Map<NodeId, AddressEntry>();
  /** Former members, and who stands in the file and is no member yet. */
  readonly #former = new FormerMembers();
  /** Since when each is one, the times added up; for ever who stands in the file and was one for long. */
  readonly #members = new Map<NodeId, number>();
  /** For how long those in the file were members that were it for a moment only. */
  #briefMs: ReadonlyMap<NodeId, number> = new Map();
  /** Whether a member has said hello in this run, and there is one left. */
  #hasMet = false;
  /** Grows with every change, so that owners know when to save and to tell others. */
  revision = 0;

  /**
   * @param nowMs milliseconds of a clock that never goes back
   * @param changed is called with each node that had to make room, or that is sought otherwise as the first member was met, or the last has left
   */
  constructor(self: NodeId, nowMs: () => number, changed: (node: NodeId) => void = ignore) {
    this.#self = self;
    this.#nowMs = nowMs;
    this.#changed = changed;
  }

  /** All nodes with an address, former members aside, sorted. */
  nodes(): readonly NodeId[] {
    return [...this.#entries.keys()].toSorted();
  }

  /** Whether there is an address to dial `node` at. */
  has(node: NodeId): boolean {
    return this.#entries.has(node) || this.addressesOf(node).length > 0;
  }

  /** Whether `node` is a member of the roster, or named by the user. */
  isTrusted(node: NodeId): boolean {
    return this.#members.has(node) || (this.#entries.get(node)?.named.size ?? 0) > 0;
  }

  /** Whether this node was to find `node`: the user named it, or it is or was a member, or the one that made this one a member. */
  isToBeFound(node: NodeId): boolean {
    return this.isTrusted(node) || this.#former.has(node);
  }

  /** Whether the user named `node` by this very address. */
  isNamed(node: NodeId, text: string): boolean {
    return this.#entries.get(node)?.named.has(text) === true;
  }

  /** How eagerly `node` is to be dialled. */
  standingOf(node: NodeId): Standing {
    if (this.#former.has(node)) return this.#hasMet ? "former" : "sought";
    const entry = this.#entries.get(node);
    return entry !== undefined && this.#trust(node, entry) >= TRUST.member ? "sure" : "hearsay";
  }

  /** Dialled in this order: what the member says of itself, then what the user said, then what it said in an earlier run, then hearsay. */
  addressesOf(node: NodeId): readonly string[] {
    const entry = this.#entries.get(node) ?? this.#former.get(node);
    if (entry === undefined) return [];
    const all = [...entry.own, ...entry.named, ...entry.saved, ...entry.hearsay.keys()];
    return [...new Set(all)].slice(0, MEMBER_ADDRESSES_MAX);
  }

  /** Of those that are learned from the file next, who was a member for a moment only by the end of the run before, and for how long; the others for long. */
  wereBrief(briefMs: ReadonlyMap<NodeId, number>): void {
    this.#briefMs = briefMs;
  }

  /**
   * Takes an address in; false when it is invalid, one's own, or there is no room. What the user named always has room.
   * @param vouched whether who told it has met that node
   * @param teller who told it
   */
  learn(text: string, source: AddressSource, vouched = false, teller: NodeId = ""): boolean {
    const address = readAddress(text);
    if (address === undefined || address.node === this.#self) return false;
    const entry = this.#place(address, source);
    if (entry === undefined) return false;
    this.#add(entry, address, source, teller);
    if (vouched && !entry.vouched) {
      entry.vouched = true;
      this.revision += 1;
    }
    return true;
  }

  /** A node that said hello: its own word on where it is replaces its former one, if it is a member or named. */
  meet(node: NodeId, addresses: readonly string[]): void {
    if (!this.isTrusted(node)) return;
    if (this.#members.has(node)) this.#metMember();
    const own = addresses
      .filter((text) => readAddress(text)?.node === node)
      .slice(0, OWN_ADDRESSES_MAX);
    if (own.length === 0 && !this.#entries.has(node)) return;
    const entry = this.#touch(node, TRUST.member);
    if (entry === undefined) return;
    const news = !entry.met || own.join() !== entry.own.join();
    entry.met = true;
    entry.own = own;
    entry.saved.clear();
    entry.hearsay.clear();
    if (news) this.revision += 1;
  }

  /** `node` is a member of the roster from now on. */
  join(node: NodeId): void {
    if (node === this.#self || this.#members.has(node)) return;
    this.#members.set(node, this.#nowMs() - this.#former.memberMsOf(node));
    this.#takeBack(node, TRUST.hearsay);
    if (this.#entries.has(node)) this.revision += 1;
  }

  /** `node` is no member any more, by whosever word: where it was is kept, and it is looked for at leisure, or as a member once there is none. */
  leave(node: NodeId): void {
    const memberMs = this.#memberMs(node);
    if (!this.#members.delete(node)) return;
    this.revision += 1;
    const entry = this.#entries.get(node) ?? emptyEntry();
    if (entry.named.size === 0) {
      this.#entries.delete(node);
      const saved = [...new Set([...entry.own, ...entry.saved])].slice(0, MEMBER_ADDRESSES_MAX);
      this.#keep(node, { ...emptyEntry(), saved: new Set(saved) }, memberMs);
    }
    if (this.#members.size > 0 || !this.#hasMet) return;
    this.#hasMet = false;
    this.#seekOtherwise();
  }

  /** Forgets a node that is known by hearsay alone; false when it is more than that, or not known. */
  drop(node: NodeId): boolean {
    return this.standingOf(node) === "hearsay" && this.#entries.delete(node);
  }

  /** One address each of at most `countMax` nodes worth telling of, drawn with `random` (uniform in [0, 1)). */
  sample(
    countMax: number,
    except: NodeId,
    random: () => number,
  ): { readonly met: readonly string[]; readonly vouched: readonly string[] } {
    const worth = this.nodes().filter((node) => node !== except && this.#isWorthTelling(node));
    for (let index = 0; index < Math.min(countMax, worth.length); index += 1) {
      const other = index + Math.floor(random() * (worth.length - index));
      [worth[index], worth[other]] = [worth[other] ?? "", worth[index] ?? ""];
    }
    const drawn = worth.slice(0, countMax);
    const first = (node: NodeId): readonly string[] => this.addressesOf(node).slice(0, 1);
    return {
      met: drawn.filter((node) => this.#entries.get(node)?.met === true).flatMap(first),
      vouched: drawn.filter((node) => this.#entries.get(node)?.met === false).flatMap(first),
    };
  }

  /**
   * What is worth keeping over a restart, all that is not hearsay. Whoever is to make room first in the next run stands before the others: who was a member
   * for a moment only, former ones, then members; then the others likewise, and with these whom the user named. Members are sorted.
   */
  toSave(): SavedAddresses {
    const former = this.#former
      .all()
      .map(([node, { entry, memberMs }]) => ({ node, memberMs, texts: [...entry.saved] }));
    const members = [...this.#entries]
      .filter(([node]) => this.isTrusted(node))
      .map(([node, { own, named, saved }]) => ({
        node,
        // Whom the user named is kept in any case.
        memberMs: named.size > 0 ? Number.POSITIVE_INFINITY : this.#memberMs(node),
        texts: [...own, ...named, ...saved],
      }));
    const textsOf = (all: readonly Saved[], areBrief: boolean): readonly string[] =>
      all.filter(({ memberMs }) => isBrief(memberMs) === areBrief).flatMap(({ texts }) => texts);
    const texts = [true, false].flatMap((areBrief) => [
      ...textsOf(former, areBrief),
      ...textsOf(members, areBrief).toSorted(),
    ]);
    const brief = [...former, ...members].filter(
      ({ memberMs, texts: own }) => isBrief(memberMs) && own.length > 0,
    );
    return {
      addresses: [...new Set(texts)],
      briefMs: new Map(brief.map(({ node, memberMs }) => [node, Math.floor(memberMs)])),
    };
  }

  #metMember(): void {
    if (this.#hasMet) return;
    this.#hasMet = true;
    this.#seekOtherwise();
  }

  #seekOtherwise(): void {
    for (const node of this.#former.nodes()) this.#changed(node);
  }

  /** The entry in which an address of `node` belongs; undefined when there is no room. */
  #place({ node, text }: NodeAddress, source: AddressSource): AddressEntry | undefined {
    if (source === "named") {
      this.#takeBack(node, TRUST.named);
      return this.#touch(node, TRUST.named);
    }
    const savedMs = this.#briefMs.get(node) ?? Number.POSITIVE_INFINITY;
    if (source === "saved" && this.#members.has(node))
      this.#members.set(node, this.#nowMs() - Math.max(this.#memberMs(node), savedMs));
    if (source === "saved" && !this.isTrusted(node) && !this.#former.has(node)) {
      const entry = this.#entries.get(node) ?? emptyEntry();
      this.#entries.delete(node);
      // Who can be dialled nowhere gives way first.
      entry.saved.add(text);
      this.revision += 1;
      this.#keep(node, entry, savedMs);
    }
    const trust = this.#members.has(node) ? TRUST.heardOf : TRUST.hearsay;
    return this.#former.get(node) ?? this.#touch(node, trust);
  }

  #keep(node: NodeId, entry: AddressEntry, memberMs: number): void {
    const gone = this.#former.keep(node, entry, memberMs);
    if (gone !== undefined) this.#changed(gone);
  }

  /** From among the former members; to be trusted as `least` says, if no more. */
  #takeBack(node: NodeId, least: Trust): void {
    const entry = this.#former.get(node);
    if (entry === undefined) return;
    this.#former.delete(node);
    const isPlaced = entry.saved.size + entry.hearsay.size > 0;
    const trust = Math.max(this.#trust(node, entry), least);
    if (isPlaced && this.#makeRoom(trust)) this.#entries.set(node, entry);
  }

  #add(entry: AddressEntry, { text }: NodeAddress, source: AddressSource, teller: NodeId): void {
    if (entry.own.includes(text) || (source !== "named" && entry.met)) return;
    if (source === "hearsay") {
      if (addTold(entry.hearsay, text, teller)) this.revision += 1;
      return;
    }
    if (entry[source].has(text)) return;
    addKept(entry[source], text);
    this.revision += 1;
  }

  #trust(node: NodeId, { named, saved, own, hearsay }: AddressEntry): Trust {
    if (named.size > 0) return TRUST.named;
    if (!this.#members.has(node)) return TRUST.hearsay;
    if (own.length + saved.size > 0) return TRUST.member;
    return hearsay.size > 0 ? TRUST.heardOf : TRUST.hearsay;
  }

  /** The entry of `node`, from now on the latest; undefined when there is none and no room for one that is trusted as `trust` says. */
  #touch(node: NodeId, trust: Trust): AddressEntry | undefined {
    const known = this.#entries.get(node);
    if (known === undefined && !this.#makeRoom(trust)) return undefined;
    const entry = known ?? emptyEntry();
    this.#entries.delete(node);
    this.#entries.set(node, entry);
    return entry;
  }

  #isWorthTelling(node: NodeId): boolean {
    const entry = this.#entries.get(node);
    return entry !== undefined && (entry.met || entry.vouched);
  }

  #makeRoom(trust: Trust): boolean {
    if (this.#entries.size < BOOK_MEMBERS_MAX) return true;
    for (const level of [TRUST.hearsay, TRUST.heardOf, TRUST.member]) {
      if (level > trust) break;
      const gone = this.#leastKnown(level);
      if (gone === undefined) continue;
      this.#entries.delete(gone);
      this.#changed(gone);
      return true;
    }
    return trust === TRUST.named;
  }

  /** Who was heard of least lately; of the members those that are it for a moment only first, as among the former ones. */
  #leastKnown(level: Trust): NodeId | undefined {
    let least: NodeId | undefined;
    for (const [node, entry] of this.#entries) {
      if (this.#trust(node, entry) !== level) continue;
      if (level !== TRUST.hearsay && this.#isBrief(node)) return node;
      least ??= node;
    }
    return least;
  }

  #isBrief(node: NodeId): boolean {
    return this.#members.has(node) && isBrief(this.#memberMs(node));
  }

  #memberMs(node: NodeId): number {
    return this.#nowMs() - (this.#members.get(node) ?? Number.POSITIVE_INFINITY);
  }
}

/** `heardOf`: a member of the roster that has not said itself where it is. The roster may hold more than the book, so of these some may have to go as well. */
const TRUST = { hearsay: 0, heardOf: 1, member: 2, named: 3 } as const;
type Trust = number;

interface Saved {
  readonly node: NodeId;
  readonly memberMs: number;
  readonly texts: readonly string[];
}

function ignore(): void {
  // The owner keeps no list of its own.
}
