/**
 * Who is whose witness (rule PU8), computed from the roster alone, so that every reader of one roster names the same.
 *
 * Rendezvous hashing (Thaler and Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", IEEE/ACM Transactions on Networking 6(1),
 * 1998): for each subject all others are ranked by a hash over both ids, and the first are taken. One that comes or goes changes nothing
 * but its own places. Rejected: rings (a region that fails takes out neighbours on the ring together) and draws that are announced (who
 * draws could choose its judges).
 */
import { compareText, type NodeId } from "../ids.ts";
import type { HashPort } from "../ports.ts";
import type { Member } from "../roster/membership.ts";
import { OWN_REGION_WITNESSES, WITNESSES } from "./rules.ts";

/** Two words of the hash of a node id. */
interface Ranked {
  readonly member: Member;
  readonly high: number;
  readonly low: number;
}

const GOLDEN = 0x9e_37_79_b1;

/** The rankings of one roster; made anew with each version of it, with the hashes of ids kept. */
export class WitnessRanking {
  readonly #ranked: readonly Ranked[];
  readonly #byNode = new Map<NodeId, Ranked>();
  readonly #sizeOfRegion = new Map<string, number>();
  readonly #witnesses = new Map<NodeId, readonly NodeId[]>();

  constructor(members: readonly Member[], hashes: NodeHashes) {
    const ranked: Ranked[] = [];
    for (const member of members) {
      const entry = { member, ...hashes.of(member.node) };
      ranked.push(entry);
      this.#byNode.set(member.node, entry);
      this.#sizeOfRegion.set(member.region, (this.#sizeOfRegion.get(member.region) ?? 0) + 1);
    }
    this.#ranked = ranked;
  }

  /** The witnesses of a member, highest first within its own region and then within the others; of a stranger none. */
  of(subject: NodeId): readonly NodeId[] {
    const known = this.#witnesses.get(subject);
    if (known !== undefined) return known;
    const found = this.#draw(subject);
    this.#witnesses.set(subject, found);
    return found;
  }

  /** Whether `node` is a witness of `subject`; cheaper than to draw all of them. */
  isWitness(node: NodeId, subject: NodeId): boolean {
    const drawn = this.#witnesses.get(subject);
    if (drawn !== undefined) return drawn.includes(node);
    const [witness, judged] = [this.#byNode.get(node), this.#byNode.get(subject)];
    if (witness === undefined || judged === undefined || node === subject) return false;
    const isOwn = witness.member.region === judged.member.region;
    const places = this.#places(judged.member.region);
    const room = isOwn ? places.own : places.others;
    const rank = rankOf(judged, witness);
    let above = 0;
    for (const other of this.#ranked) {
      if (other === judged || other === witness) continue;
      if ((other.member.region === judged.member.region) !== isOwn) continue;
      if (isAbove(rankOf(judged, other), other, rank, witness)) above += 1;
      if (above >= room) return false;
    }
    return room > 0;
  }

  /** All whose witness `node` is, sorted by id. */
  dutiesOf(node: NodeId): readonly NodeId[] {
    if (!this.#byNode.has(node)) return [];
    const duties: NodeId[] = [];
    for (const { member } of this.#ranked)
      if (this.isWitness(node, member.node)) duties.push(member.node);
    return duties;
  }

  #draw(subject: NodeId): readonly NodeId[] {
    const judged = this.#byNode.get(subject);
    if (judged === undefined) return [];
    const { region } = judged.member;
    const places = this.#places(region);
    const own = new Highest(places.own);
    const others = new Highest(places.others);
    for (const other of this.#ranked) {
      if (other === judged) continue;
      (other.member.region === region ? own : others).offer(other, rankOf(judged, other));
    }
    return [...own.nodes(), ...others.nodes()];
  }

  /** How many witnesses of a subject in `region` are of that region, and how many of others. */
  #places(region: string): { readonly own: number; readonly others: number } {
    const inRegion = (this.#sizeOfRegion.get(region) ?? 1) - 1;
    const elsewhere = this.#ranked.length - 1 - inRegion;
    const own = Math.min(inRegion, Math.max(OWN_REGION_WITNESSES, WITNESSES - elsewhere));
    return { own, others: Math.min(elsewhere, WITNESSES - own) };
  }
}

/** Hashes of node ids; kept over versions of the roster, for members only. */
export class NodeHashes {
  readonly #hash: HashPort;
  readonly #known = new Map<NodeId, { readonly high: number; readonly low: number }>();

  constructor(hash: HashPort) {
    this.#hash = hash;
  }

  of(node: NodeId): { readonly high: number; readonly low: number } {
    const known = this.#known.get(node);
    if (known !== undefined) return known;
    const bytes = this.#hash.sha256(Uint8Array.from(node, (letter) => letter.charCodeAt(0)));
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const words = { high: view.getUint32(0), low: view.getUint32(4) };
    this.#known.set(node, words);
    return words;
  }

  /** Forgets whoever is no member. */
  keepOnly(isMember: (node: NodeId) => boolean): void {
    for (const node of this.#known.keys()) if (!isMember(node)) this.#known.delete(node);
  }
}

/** The few highest of many, found in one pass. */
class Highest {
  readonly #room: number;
  readonly #found: { readonly entry: Ranked; readonly rank: number }[] = [];

  constructor(room: number) {
    this.#room = room;
  }

  offer(entry: Ranked, rank: number): void {
    if (this.#room === 0) return;
    const last = this.#found.at(-1);
    if (
      this.#found.length === this.#room &&
      last !== undefined &&
      !isAbove(rank, entry, last.rank, last.entry)
    )
      return;
    const place = this.#found.findIndex((one) => isAbove(rank, entry, one.rank, one.entry));
    this.#found.splice(place < 0 ? this.#found.length : place, 0, { entry, rank });
    if (this.#found.length > this.#room) this.#found.pop();
  }

  nodes(): readonly NodeId[] {
    return this.#found.map(({ entry }) => entry.member.node);
  }
}

function rankOf(subject: Ranked, witness: Ranked): number {
  return mix(mix(Math.imul(GOLDEN, subject.high) ^ witness.high) + (subject.low ^ witness.low));
}

function isAbove(rank: number, entry: Ranked, otherRank: number, other: Ranked): boolean {
  if (rank !== otherRank) return rank > otherRank;
  return compareText(entry.member.node, other.member.node) < 0;
}

/** The finaliser of MurmurHash3 (Appleby, 2011): every bit of the input changes every bit of the result with probability one half. */
function mix(word: number): number {
  let bits = word | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85_eb_ca_6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2_b2_ae_35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
