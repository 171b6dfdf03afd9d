/**
 * Works out where the chains of an author end here, and what shall stand for it, for a revocation to name (rule ME1). What is shown of the author is
 * taken at one moment; its parts are written one an input, and kept until the revocation comes: the chains may have grown by then, and
 * nobody else may have held them at that place.
 */
import type { Cut } from "../authority/claims.ts";
import { CUSTODY_EPOCH } from "../authority/rights.ts";
import type { Env } from "../env.ts";
import { DOCUMENTS, type DocumentName, type HashHex, type NodeId } from "../ids.ts";
import type { CapturedRecord } from "../state/record-table.ts";
import type { ChainIndex } from "./chain-index.ts";
import { custodyClientId } from "./client-id.ts";
import type { Place } from "./entry.ts";
import { GenerationWriter } from "./generation-writer.ts";
import type { Work } from "./work-queue.ts";

/** Parts that wait for their revocation, in bytes; those of an earlier author go when another one is cut. */
export const MADE_PARTS_BYTES_MAX: number = 64 * 1024 * 1024;
/** With more robots than this not even the first part is written in the input that asks. */
const SHORT_ROBOTS = 500;

export interface CutMakerDeps {
  readonly index: ChainIndex;
  readonly shownBy: (document: DocumentName, author: NodeId) => readonly CapturedRecord[];
  readonly begin: (work: Work) => void;
}

/** Undefined where it is more than one revocation can stand for. */
export type CutsMade = (cuts: readonly Cut[] | undefined) => void;

interface Making {
  readonly document: DocumentName;
  readonly place: Place;
  readonly writer: GenerationWriter;
}

export class CutMaker {
  readonly #env: Env;
  readonly #deps: CutMakerDeps;
  readonly #made = new Map<HashHex, Uint8Array>();
  #bytes = 0;

  constructor(env: Env, deps: CutMakerDeps) {
    this.#env = env;
    this.#deps = deps;
  }

  /** A part that was written here for a cut. */
  part(hash: HashHex): Uint8Array | undefined {
    return this.#made.get(hash);
  }

  /**
   * Cuts the author where its chains end here now; nodes that hold the same make the same. `done` is called in this input where little is shown of it,
   * else in a later one.
   */
  make(author: NodeId, done: CutsMade): void {
    const makings = DOCUMENTS.map((document) => this.#begin(document, author));
    const all = makings.filter((making) => making !== undefined);
    const robots = all.reduce((sum, { writer }) => sum + writer.robots, 0);
    const left = [...all];
    const step = (): boolean => {
      const [making] = left;
      if (making === undefined) {
        done(this.#finish(all));
        return true;
      }
      if (making.writer.isDone) left.shift();
      else if (!making.writer.step()) {
        done(undefined);
        return true;
      }
      return false;
    };
    if (robots > SHORT_ROBOTS) this.#deps.begin({ step });
    else while (!step());
  }

  #begin(document: DocumentName, author: NodeId): Making | undefined {
    const place = this.#deps.index.epochs(document, author).at(-1)?.head;
    if (place === undefined) return undefined;
    const ref = { document, author, epoch: CUSTODY_EPOCH };
    const clientId = custodyClientId(this.#env, document, author);
    const captured = this.#deps.shownBy(document, author);
    return { document, place, writer: new GenerationWriter(this.#env, ref, clientId, captured) };
  }

  #finish(makings: readonly Making[]): readonly Cut[] | undefined {
    const bytes = makings
      .flatMap(({ writer }) => writer.parts)
      .reduce((sum, part) => sum + part.length, 0);
    if (bytes > MADE_PARTS_BYTES_MAX) return undefined;
    if (this.#bytes + bytes > MADE_PARTS_BYTES_MAX) {
      this.#made.clear();
      this.#bytes = 0;
    }
    for (const { writer } of makings) {
      for (const [i, part] of writer.parts.entries()) {
        const hash = writer.hashes[i] as HashHex;
        if (!this.#made.has(hash)) this.#bytes += part.length;
        this.#made.set(hash, part);
      }
    }
    return makings.map(({ document, place, writer }) => ({
      document,
      ...place,
      parts: writer.hashes,
      robots: writer.robots,
    }));
  }
}
