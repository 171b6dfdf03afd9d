/**
 * What is held here, as messages: the answer to a digest of 96 bytes that costs 50 ms and 440 KiB with 10,000 authors. So encoded pages are
 * kept until something changes, and how long a peer waits for its next answer depends on the size of the last: a few milliseconds in a
 * fleet of some dozens, seconds in the largest.
 */
import type { Env } from "../env.ts";
import { compareText, type DocumentName } from "../ids.ts";
import type { ChainIndex, VectorItem } from "../chain/chain-index.ts";
import { encodeSync, VECTOR_PAGE_MAX } from "./messages.ts";
import { DocumentShards, SHARDED_ITEMS_MIN, type ShardSet } from "./shards.ts";

/** Vector items that one peer is sent a second, in the long run. */
export const VECTOR_ITEMS_PER_SECOND_MAX: number = 4_000;

export interface Answer {
  readonly frames: readonly Uint8Array[];
  /** From this answer to the next one to the same peer. */
  readonly waitMs: number;
}

interface Cached {
  readonly digest: Uint8Array;
  readonly frames: readonly Uint8Array[];
  readonly items: number;
}

/** Parts of documents (rule CH9). */
export type DocumentParts = ReadonlyMap<DocumentName, ShardSet>;

export class VectorPages {
  readonly #env: Env;
  readonly #index: ChainIndex;
  /** Of each document, as it was when its digest was this one. */
  readonly #shards = new Map<
    DocumentName,
    { readonly digest: Uint8Array; readonly shards: DocumentShards }
  >();
  /** By document, `first` and whether it is the last document: a handful. */
  readonly #cache = new Map<string, Cached>();

  constructor(env: Env, index: ChainIndex) {
    this.#env = env;
    this.#index = index;
  }

  answer(documents: readonly DocumentName[], first: boolean): Answer {
    const all = documents.map((document, index) =>
      this.#pages(document, first, index === documents.length - 1),
    );
    const items = all.reduce((total, cached) => total + cached.items, 0);
    return {
      frames: all.flatMap((cached) => cached.frames),
      waitMs: (items / VECTOR_ITEMS_PER_SECOND_MAX) * 1_000,
    };
  }

  /** Vectors of some parts, as {@link answer} has them of all. */
  answerOf(parts: DocumentParts, first: boolean): Answer {
    const documents = [...parts.keys()].toSorted(compareText);
    const frames: Uint8Array[] = [];
    let items = 0;
    for (const [at, document] of documents.entries()) {
      const shards = parts.get(document) as ShardSet;
      const some = this.shards(document).items(shards);
      items += some.length;
      const isLast = at === documents.length - 1;
      frames.push(...this.#encode(some, { document, first, isLast, shards }));
    }
    // Nothing to tell is no reason to be asked again at once.
    return { frames, waitMs: (Math.max(items, 1) / VECTOR_ITEMS_PER_SECOND_MAX) * 1_000 };
  }

  /** Whether comparing the document by parts is worth a further message. */
  isLarge(document: DocumentName): boolean {
    return this.shards(document).size >= SHARDED_ITEMS_MIN;
  }

  shards(document: DocumentName): DocumentShards {
    const digest = this.#index.digest(document);
    const known = this.#shards.get(document);
    if (known?.digest === digest) return known.shards;
    const shards = new DocumentShards(this.#env.ports, this.#index.vector(document));
    this.#shards.set(document, { digest, shards });
    return shards;
  }

  #pages(document: DocumentName, first: boolean, isLastDocument: boolean): Cached {
    // The index hands out the same bytes until something changes.
    const digest = this.#index.digest(document);
    const key = `${document}/${first}/${isLastDocument}`;
    const known = this.#cache.get(key);
    if (known?.digest === digest) return known;
    const items = this.#index.vector(document);
    const frames = this.#encode(items, { document, first, isLast: isLastDocument });
    const cached = { digest, frames, items: items.length };
    this.#cache.set(key, cached);
    return cached;
  }

  #encode(
    items: readonly VectorItem[],
    of: {
      readonly document: DocumentName;
      readonly first: boolean;
      readonly isLast: boolean;
      readonly shards?: ShardSet | undefined;
    },
  ): readonly Uint8Array[] {
    const { document, first, isLast, shards } = of;
    const count = Math.max(Math.ceil(items.length / VECTOR_PAGE_MAX), 1);
    return Array.from({ length: count }, (_, page) => {
      const some = items.slice(page * VECTOR_PAGE_MAX, (page + 1) * VECTOR_PAGE_MAX);
      const last = isLast && page === count - 1;
      return encodeSync(this.#env, { type: "vector", document, items: some, first, last, shards });
    });
  }
}
