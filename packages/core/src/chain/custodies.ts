/**
 * What stands for revoked authors (rule ME1, ADR 0025): of each document a generation made of exactly the parts that the revocation names, shown once
 * all of them are here and have passed the gate, and nothing before that.
 *
 * Intuition: which parts are named follows from the statements, and which are here from the rows `part/<hash>`; so nothing else has to be kept, and
 * whatever a crash leaves is a state that the next start goes on from. Parts are written from the author's chain where it ends at the very place
 * that is named, else they are fetched from whoever has them. Rejected: a row that says that a custody is complete, which could contradict both.
 */
import type { Cut } from "../authority/claims.ts";
import { CUSTODY_EPOCH } from "../authority/rights.ts";
import type { StoreOp } from "../driver/store.ts";
import type { Env } from "../env.ts";
import type { DocumentName, HashHex, NodeId } from "../ids.ts";
import type { GenerationRef } from "../ports.ts";
import { mergedRecord, type CapturedRecord } from "../state/record-table.ts";
import type { Records } from "../state/records.ts";
import { WANT_ITEMS_MAX } from "../sync/messages.ts";
import type { ChainIndex } from "./chain-index.ts";
import { custodyClientId } from "./client-id.ts";
import type { PartSource } from "./epoch-builder.ts";
import type { Loads } from "./loads.ts";
import { PartsIntake, type IntakeSource } from "./parts-intake.ts";
import { partRange, partRow } from "./rows.ts";
import type { Work } from "./work-queue.ts";

/** With more robots than this not even the first part is written in the input that finds it due. */
const SHORT_ROBOTS = 500;

interface Custody {
  readonly ref: GenerationRef;
  readonly cut: Cut;
}

export interface CustodiesDeps {
  readonly index: ChainIndex;
  readonly loads: Loads;
  readonly records: (of: { readonly document: DocumentName }) => Records;
  readonly begin: (work: Work) => void;
}

export class Custodies {
  readonly #env: Env;
  readonly #deps: CustodiesDeps;
  /** By document and author. */
  readonly #custodies = new Map<string, Custody>();
  /**
   * Parts that any revocation of an author names, standing or not: what was cut higher stands again where a lower cut turns out to be void, and
   * nobody could write it once more.
   */
  readonly #kept = new Map<NodeId, ReadonlySet<HashHex>>();
  /** Those of them whose rows are written. */
  readonly #here = new Set<HashHex>();
  /** Parts that stand and are not here. */
  readonly #wanted = new Map<HashHex, Custody>();
  /** Complete ones whose parts are read from disk, one custody at a time, the first one now. */
  readonly #reading: Custody[] = [];
  #turn = 0;

  constructor(env: Env, deps: CustodiesDeps) {
    this.#env = env;
    this.#deps = deps;
  }

  /** Documents of which something stands for an author, with the author. */
  held(): readonly GenerationRef[] {
    return [...this.#custodies.values()].map(({ ref }) => ref);
  }

  /** Authors of whom parts are kept. */
  keptAuthors(): readonly NodeId[] {
    return [...this.#kept.keys()];
  }

  /** These parts of an author, and no others, are not deleted from now on; `stored` are those on disk, at a start. */
  keep(author: NodeId, hashes: Iterable<HashHex>, stored?: PartSource): void {
    const before = this.#kept.get(author) ?? new Set();
    const kept = new Set(hashes);
    for (const hash of kept) {
      if (!before.has(hash)) this.#deps.index.holdPart(hash);
      if (stored?.(hash) !== undefined) this.#here.add(hash);
    }
    const ops: StoreOp[] = [];
    for (const hash of before) {
      if (kept.has(hash)) continue;
      this.#here.delete(hash);
      if (this.#deps.index.releasePart(hash)) ops.push({ type: "del", key: partRow(hash) });
    }
    if (ops.length > 0) this.#env.out.persist(ops);
    if (kept.size > 0) this.#kept.set(author, kept);
    else this.#kept.delete(author);
  }

  /** Whether this cut is what stands here already. */
  isStanding(author: NodeId, cut: Cut): boolean {
    const held = this.#custodies.get(nameOf(cut.document, author))?.cut;
    return held !== undefined && isSameCustody(held, cut);
  }

  /**
   * From now on `cut` stands for the author, instead of what stood before. `source`: the author's records at that very place, if they are held, and
   * parts at hand; `isStored` where those come from their rows, at a start.
   */
  stand(
    author: NodeId,
    cut: Cut,
    source: {
      readonly captured?: readonly CapturedRecord[] | undefined;
      readonly parts: PartSource;
    },
    isStart: boolean,
  ): void {
    const before = this.#custodies.get(nameOf(cut.document, author));
    const ref = { document: cut.document, author, epoch: CUSTODY_EPOCH };
    const custody: Custody = { ref, cut };
    if (before !== undefined) this.#drop(before);
    this.#custodies.set(nameOf(cut.document, author), custody);
    const parts = new Map<HashHex, Uint8Array>();
    for (const hash of cut.parts) {
      const bytes = source.parts(hash);
      if (bytes === undefined) continue;
      parts.set(hash, bytes);
      this.#store(hash, bytes);
    }
    const given = cut.parts.map((hash) => parts.get(hash)).filter((bytes) => bytes !== undefined);
    const { captured } = source;
    if (given.length === cut.parts.length) this.#take(custody, { parts: given }, isStart);
    else if (captured?.length === cut.robots) this.#showAhead(custody, captured, isStart);
    else this.#lack(custody);
  }

  /**
   * What was at the very place that is named is shown while its parts are written, which takes thousands of robots many inputs: nobody sees them gone
   * and back. Their hashes say whether it stays.
   */
  #showAhead(custody: Custody, captured: readonly CapturedRecord[], isStart: boolean): void {
    const { ref } = custody;
    const merged = captured.map((each) => ({
      robot: each.robot,
      sources: [{ author: ref.author, epoch: ref.epoch, record: mergedRecord(each) }] as const,
    }));
    const records = merged.map(({ robot, sources: [{ record }] }) => {
      return { robot, record, same: undefined };
    });
    this.#deps.records(ref).table.replace(ref, records, []);
    this.#take(custody, { captured: merged }, isStart);
  }

  /** Nothing stands for the author in the document any more. */
  end({ document, author }: Pick<GenerationRef, "document" | "author">): void {
    const custody = this.#custodies.get(nameOf(document, author));
    if (custody === undefined) return;
    this.#custodies.delete(nameOf(document, author));
    this.#drop(custody);
  }

  /** Some of the parts that have to be fetched, others with each call: what nobody has must not be in the way of what somebody has. */
  lacking(): readonly HashHex[] {
    const hashes = [...this.#wanted.keys()];
    if (hashes.length <= WANT_ITEMS_MAX) return hashes;
    const from = this.#turn % hashes.length;
    this.#turn = from + WANT_ITEMS_MAX;
    return [...hashes.slice(from), ...hashes.slice(0, from)].slice(0, WANT_ITEMS_MAX);
  }

  get isLacking(): boolean {
    return this.#wanted.size > 0;
  }

  /** How many of them there are. */
  get missing(): number {
    return this.#wanted.size;
  }

  /** A part came from a peer, `hash` is its own; true when it is one that was lacking. */
  offer(hash: HashHex, bytes: Uint8Array): boolean {
    const custody = this.#wanted.get(hash);
    if (custody === undefined) return false;
    this.#wanted.delete(hash);
    this.#store(hash, bytes);
    if (custody.cut.parts.every((part) => this.#here.has(part))) this.#read(custody);
    return true;
  }

  #store(hash: HashHex, bytes: Uint8Array): void {
    if (this.#here.has(hash)) return;
    this.#here.add(hash);
    this.#env.out.persist([{ type: "put", key: partRow(hash), value: bytes }]);
  }

  #lack(custody: Custody): void {
    const missing = custody.cut.parts.filter((hash) => !this.#here.has(hash));
    for (const hash of missing) this.#wanted.set(hash, custody);
    if (missing.length === 0) this.#read(custody);
  }

  #isLive(custody: Custody): boolean {
    const { document, author } = custody.ref;
    return this.#custodies.get(nameOf(document, author)) === custody;
  }

  /** Reads the parts back, which can be more than memory should hold while others are fetched. */
  #read(custody: Custody): void {
    this.#reading.push(custody);
    if (this.#reading.length === 1) this.#readNext();
  }

  #readNext(): void {
    const [custody] = this.#reading;
    if (custody === undefined) return;
    const parts: Uint8Array[] = [];
    const next = (): void => {
      const hash = custody.cut.parts[parts.length];
      if (!this.#isLive(custody)) this.#readDone();
      else if (hash === undefined) {
        this.#take(custody, { parts }, false);
        this.#readDone();
      } else {
        this.#deps.loads.request(partRange(hash), ([row]) => {
          if (row !== undefined) {
            parts.push(row.value);
            next();
            return;
          }
          // The row is lost: it is fetched once more.
          this.#here.delete(hash);
          if (this.#isLive(custody)) this.#lack(custody);
          this.#readDone();
        });
      }
    };
    next();
  }

  #readDone(): void {
    this.#reading.shift();
    // Those that nothing stands for any more can be many at once.
    while (this.#reading[0] !== undefined && !this.#isLive(this.#reading[0])) this.#reading.shift();
    this.#readNext();
  }

  /** A part an input, but for what is short: that is shown in the input that ends the chain, so that nobody sees it gone. */
  #take(custody: Custody, from: IntakeSource, isStart: boolean): void {
    const { ref, cut } = custody;
    const { table } = this.#deps.records(ref);
    const clientId = custodyClientId(this.#env, ref.document, ref.author);
    const what = { generation: ref, clientId, named: cut, table };
    const intake = new PartsIntake(this.#env, what, from);
    const step = (): boolean => {
      if (!this.#isLive(custody)) return true;
      if (intake.state === "working") {
        intake.step();
        return false;
      }
      this.#taken(custody, intake);
      return true;
    };
    const isShort = cut.robots <= SHORT_ROBOTS && cut.parts.length <= 1;
    if (!isShort && !isStart) this.#deps.begin({ step });
    else while (!step());
  }

  #taken(custody: Custody, intake: PartsIntake): void {
    const { ref, cut } = custody;
    switch (intake.state) {
      case "ready": {
        for (const [i, hash] of cut.parts.entries())
          this.#store(hash, intake.parts[i] as Uint8Array);
        intake.draft.install();
        this.#deps.records(ref).table.replace(ref, intake.records, []);
        return;
      }
      case "bad": {
        const what = `custody/${nameOf(ref.document, ref.author)}`;
        this.#env.out.emit({ type: "quarantined", what, reason: "snapshot-bad" });
        return;
      }
      case "unlike":
      case "working":
        this.#deps.records(ref).table.drop(ref);
        this.#lack(custody);
    }
  }

  #drop({ ref, cut }: Custody): void {
    for (const hash of cut.parts) this.#wanted.delete(hash);
    this.#env.ports.documents.drop(ref);
    this.#deps.records(ref).table.drop(ref);
  }
}

function nameOf(document: DocumentName, author: NodeId): string {
  return `${document}/${author}`;
}

/** Whether two cuts show the same; the place is only where it came from. */
function isSameCustody(a: Cut, b: Cut): boolean {
  return a.robots === b.robots && a.parts.join() === b.parts.join();
}
