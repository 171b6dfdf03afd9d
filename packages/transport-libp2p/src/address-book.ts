/**
 * Who can be dialled where. Three sources, in order of trust: what the user or core named (pinned), what a member said of itself
 * in an authenticated hello, and what members say of others (hearsay). Members that were met are passed on, and members that one was
 * told of by somebody who had met them; no others, so that junk goes two steps and no further. Hearsay that leads nowhere is
 * forgotten, everything else is kept for good.
 */
import type { NodeId } from "@pulsemesh/core";
import { OWN_ADDRESSES_MAX } from "./hello-codec.ts";
import type { NodeAddress } from "./multiaddr-text.ts";
import { readAddress } from "./multiaddr-text.ts";

/** Most members whose addresses are kept; hearsay makes room first. */
export const BOOK_MEMBERS_MAX: number = 1_024;
/** Most addresses kept of one member. */
export const MEMBER_ADDRESSES_MAX: number = 8;

export type AddressSource = "pinned" | "hearsay";

interface Entry {
  readonly pinned: Set<string>;
  own: readonly string[];
  readonly hearsay: Set<string>;
  met: boolean;
  /** Told by somebody who had met it. */
  vouched: boolean;
}

/** Addresses by member; knows nothing of connections or time. */
export class AddressBook {
  readonly #self: NodeId;
  readonly #entries = new Map<NodeId, Entry>();
  /** Grows with every change, so that owners know when to save and to tell others. */
  revision = 0;

  constructor(self: NodeId) {
    this.#self = self;
  }

  /** All members with an address, sorted. */
  members(): readonly NodeId[] {
    return [...this.#entries.keys()].toSorted();
  }

  has(node: NodeId): boolean {
    return this.#entries.has(node);
  }

  /** Dialled in this order: what the member says of itself, then what the user said, then hearsay. */
  addressesOf(node: NodeId): readonly string[] {
    const entry = this.#entries.get(node);
    if (entry === undefined) return [];
    return [...new Set([...entry.own, ...entry.pinned, ...entry.hearsay])].slice(
      0,
      MEMBER_ADDRESSES_MAX,
    );
  }

  /** Takes an address in; false when it is invalid, one's own, or there is no room. */
  learn(text: string, source: AddressSource, vouched = false): boolean {
    const address = readAddress(text);
    if (address === undefined || address.node === this.#self) return false;
    const entry = this.#entries.get(address.node) ?? this.#newEntry(address.node, source);
    if (entry === undefined) return false;
    this.#add(entry, address, source);
    if (vouched && !entry.vouched) {
      entry.vouched = true;
      this.revision += 1;
    }
    return true;
  }

  /** A member that said hello: its own word on where it is replaces its former one. */
  meet(node: NodeId, addresses: readonly string[]): void {
    const own = addresses
      .filter((text) => readAddress(text)?.node === node)
      .slice(0, OWN_ADDRESSES_MAX);
    const entry =
      this.#entries.get(node) ?? (own.length === 0 ? undefined : this.#newEntry(node, "pinned"));
    if (entry === undefined) return;
    const news = !entry.met || own.join() !== entry.own.join();
    entry.met = true;
    entry.own = own;
    entry.hearsay.clear();
    if (news) this.revision += 1;
  }

  /** Forgets a member that is known by hearsay alone; others are never forgotten. */
  dropHearsay(node: NodeId): boolean {
    const entry = this.#entries.get(node);
    if (entry === undefined || entry.met || entry.pinned.size > 0) return false;
    this.revision += 1;
    return this.#entries.delete(node);
  }

  /** One address each of at most `countMax` members worth telling of, drawn with `random` (uniform in [0, 1)). */
  sample(
    countMax: number,
    except: NodeId,
    random: () => number,
  ): { readonly met: readonly string[]; readonly vouched: readonly string[] } {
    const worth = this.members().filter((node) => node !== except && this.#isWorthTelling(node));
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

  /** What is worth keeping over a restart: everything but hearsay, sorted. */
  toSave(): readonly string[] {
    const kept = [...this.#entries.values()].flatMap((entry) => [...entry.own, ...entry.pinned]);
    return [...new Set(kept)].toSorted();
  }

  #add(entry: Entry, address: NodeAddress, source: AddressSource): void {
    const into = entry[source];
    if (into.has(address.text) || entry.own.includes(address.text)) return;
    if (source === "hearsay" && entry.met) return;
    if (into.size === MEMBER_ADDRESSES_MAX) {
      const [oldest] = into;
      if (oldest !== undefined) into.delete(oldest);
    }
    into.add(address.text);
    this.revision += 1;
  }

  #newEntry(node: NodeId, source: AddressSource): Entry | undefined {
    if (this.#entries.size >= BOOK_MEMBERS_MAX && !(source === "pinned" && this.#makeRoom()))
      return undefined;
    const entry: Entry = {
      pinned: new Set(),
      own: [],
      hearsay: new Set(),
      met: false,
      vouched: false,
    };
    this.#entries.set(node, entry);
    return entry;
  }

  #isWorthTelling(node: NodeId): boolean {
    const entry = this.#entries.get(node);
    return entry !== undefined && (entry.met || entry.vouched);
  }

  #makeRoom(): boolean {
    const victim = this.members().find((node) => this.dropHearsay(node));
    return victim !== undefined;
  }
}
