/**
 * Who can be dialled where. Three sources, in order of trust: what the user named, what a member said of itself in an authenticated
 * hello, and what members say of others (hearsay). Members that were met are passed on, and nodes that one was told of by a member that
 * had met them; no others, so that junk goes two steps and no further. Anybody can make up keys, so of a node that is neither named nor a
 * member of the roster nothing is kept but hearsay, which leads somewhere soon or is forgotten. What was saved in an earlier run counts
 * like a member until this node has met one, as its roster may be empty: the file is then all that leads anywhere. From then on the roster
 * says whom to look for, and who was saved and is no member is hearsay too. In a full book the least trusted gives way, and of these who was
 * heard of least lately.
 */
import type { NodeId } from "@pulsemesh/core";
import { OWN_ADDRESSES_MAX } from "./hello-codec.ts";
import type { NodeAddress } from "./multiaddr-text.ts";
import { readAddress } from "./multiaddr-text.ts";

/** Most nodes whose addresses are kept, those aside that the user named. */
export const BOOK_MEMBERS_MAX: number = 1_024;
/** Most addresses kept of one member. */
export const MEMBER_ADDRESSES_MAX: number = 8;

/** `named` by the user, `saved` in an earlier run, or told by others. */
export type AddressSource = "named" | "saved" | "hearsay";

interface Entry {
  readonly named: Set<string>;
  readonly saved: Set<string>;
  readonly hearsay: Set<string>;
  own: readonly string[];
  met: boolean;
  /** Told by a member that had met it. */
  vouched: boolean;
}

/** Addresses by node; knows nothing of connections or time. */
export class AddressBook {
  readonly #self: NodeId;
  readonly #changed: (node: NodeId) => void;
  /** In the order in which they were last heard of. */
  readonly #entries = new Map<NodeId, Entry>();
  readonly #members = new Set<NodeId>();
  /** Whether a member has said hello in this run. */
  #hasMet = false;
  /** Grows with every change, so that owners know when to save and to tell others. */
  revision = 0;

  /** `changed` is called with each node that had to make room, or that is no longer sure as a member was met. */
  constructor(self: NodeId, changed: (node: NodeId) => void = ignore) {
    this.#self = self;
    this.#changed = changed;
  }

  /** All nodes with an address, sorted. */
  nodes(): readonly NodeId[] {
    return [...this.#entries.keys()].toSorted();
  }

  has(node: NodeId): boolean {
    return this.#entries.has(node);
  }

  /** Whether `node` is a member of the roster, or named by the user. */
  isTrusted(node: NodeId): boolean {
    return this.#members.has(node) || (this.#entries.get(node)?.named.size ?? 0) > 0;
  }

  /** Whether this node was to find `node`: the user named it, or it was a member in an earlier run, or the one that made this one a member. */
  isToBeFound(node: NodeId): boolean {
    return this.isTrusted(node) || (this.#entries.get(node)?.saved.size ?? 0) > 0;
  }

  /** Whether the user named `node` by this very address. */
  isNamed(node: NodeId, text: string): boolean {
    return this.#entries.get(node)?.named.has(text) === true;
  }

  /** Whether `node` is to be dialled for ever: the user named it, it is a member that has said itself where it is, or no member was met and it was saved. */
  isSure(node: NodeId): boolean {
    const entry = this.#entries.get(node);
    return entry !== undefined && this.#trust(node, entry) >= TRUST.member;
  }

  /** Dialled in this order: what the member says of itself, then what the user said, then what it said in an earlier run, then hearsay. */
  addressesOf(node: NodeId): readonly string[] {
    const entry = this.#entries.get(node);
    if (entry === undefined) return [];
    const all = [...entry.own, ...entry.named, ...entry.saved, ...entry.hearsay];
    return [...new Set(all)].slice(0, MEMBER_ADDRESSES_MAX);
  }

  /** Takes an address in; false when it is invalid, one's own, or there is no room. What the user named always has room. */
  learn(text: string, source: AddressSource, vouched = false): boolean {
    const address = readAddress(text);
    if (address === undefined || address.node === this.#self) return false;
    const entry = this.#touch(address.node, source === "named" ? TRUST.named : TRUST.hearsay);
    if (entry === undefined) return false;
    this.#add(entry, address, source);
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
    this.#members.add(node);
    if (this.#entries.has(node)) this.revision += 1;
  }

  /** `node` is no member any more: it is forgotten, unless the user named it. */
  leave(node: NodeId): void {
    if (!this.#members.delete(node)) return;
    const entry = this.#entries.get(node);
    if (entry === undefined) return;
    this.revision += 1;
    if (entry.named.size === 0) this.#entries.delete(node);
  }

  /** Forgets a node that is not to be dialled for ever; false when it is, or is not known. */
  drop(node: NodeId): boolean {
    return !this.isSure(node) && this.#entries.delete(node);
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

  /** What is worth keeping over a restart: all that is not hearsay, sorted. */
  toSave(): readonly string[] {
    const kept = [...this.#entries].flatMap(([node, { own, named, saved }]) =>
      this.isTrusted(node) || !this.#hasMet ? [...own, ...named, ...saved] : [],
    );
    return [...new Set(kept)].toSorted();
  }

  #metMember(): void {
    if (this.#hasMet) return;
    this.#hasMet = true;
    const saved = [...this.#entries].filter(([, entry]) => entry.saved.size > 0);
    for (const [node] of saved) if (!this.isTrusted(node)) this.#changed(node);
  }

  #add(entry: Entry, address: NodeAddress, source: AddressSource): void {
    const into = entry[source];
    if (into.has(address.text) || entry.own.includes(address.text)) return;
    if (source !== "named" && entry.met) return;
    if (into.size === MEMBER_ADDRESSES_MAX) {
      const [oldest] = into;
      if (oldest !== undefined) into.delete(oldest);
    }
    into.add(address.text);
    this.revision += 1;
  }

  #trust(node: NodeId, { named, saved, own }: Entry): Trust {
    if (named.size > 0) return TRUST.named;
    if (!this.#hasMet && saved.size > 0) return TRUST.member;
    return this.#members.has(node) && own.length + saved.size > 0 ? TRUST.member : TRUST.hearsay;
  }

  /** The entry of `node`, from now on the latest; undefined when there is none and no room for one that is trusted as `trust` says. */
  #touch(node: NodeId, trust: Trust): Entry | undefined {
    const known = this.#entries.get(node);
    if (known === undefined && !this.#makeRoom(trust)) return undefined;
    const entry = known ?? {
      named: new Set<string>(),
      saved: new Set<string>(),
      hearsay: new Set<string>(),
      own: [],
      met: false,
      vouched: false,
    };
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
    for (const level of [TRUST.hearsay, TRUST.member]) {
      if (level > trust) break;
      for (const [node, entry] of this.#entries) {
        if (this.#trust(node, entry) !== level) continue;
        this.#entries.delete(node);
        this.#changed(node);
        return true;
      }
    }
    return trust === TRUST.named;
  }
}

const TRUST = { hearsay: 0, member: 1, named: 2 } as const;
type Trust = (typeof TRUST)[keyof typeof TRUST];

function ignore(): void {
  // The owner keeps no list of its own.
}
