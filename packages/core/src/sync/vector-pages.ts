/**
 * What is held here, as messages: the answer to a digest of 96 bytes that costs 50 ms and 440 KiB with 10,000 authors. So encoded pages are
 * kept until something changes, and how long a peer waits for its next answer depends on the size of the last: a few milliseconds in a
 * fleet of some dozens, seconds in the largest.
 */
import type { Env } from "../env.ts";
import type { DocumentName } from "../ids.ts";
import type { ChainIndex } from "../chain/chain-index.ts";
import { encodeSync, VECTOR_PAGE_MAX } from "./messages.ts";

/** Vector items that one peer is sent a second, in the long run. */
export const VECTOR_ITEMS_PER_SECOND_MAX: number = 4_000;

interface Answer {
  readonly frames: readonly Uint8Array[];
  /** From this answer to the next one to the same peer. */
  readonly waitMs: number;
}

interface Cached {
  readonly digest: Uint8Array;
  readonly frames: readonly Uint8Array[];
  readonly items: number;
}

export class VectorPages {
  readonly #env: Env;
  readonly #index: ChainIndex;
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

  #pages(document: DocumentName, first: boolean, isLastDocument: boolean): Cached {
    // The index hands out the same bytes until something changes.
    const digest = this.#index.digest(document);
    const key = `${document}/${first}/${isLastDocument}`;
    const known = this.#cache.get(key);
    if (known?.digest === digest) return known;
    const items = this.#index.vector(document);
    const count = Math.max(Math.ceil(items.length / VECTOR_PAGE_MAX), 1);
    const frames = Array.from({ length: count }, (_, page) => {
      const some = items.slice(page * VECTOR_PAGE_MAX, (page + 1) * VECTOR_PAGE_MAX);
      const last = isLastDocument && page === count - 1;
      return encodeSync(this.#env, { type: "vector", document, items: some, first, last });
    });
    const cached = { digest, frames, items: items.length };
    this.#cache.set(key, cached);
    return cached;
  }
}
