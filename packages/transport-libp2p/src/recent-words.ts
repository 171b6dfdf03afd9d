/**
 * The latest messages about authority that this node has said or passed on. One alone may mean nothing to who has not heard what it stands upon, and who is
 * expelled can ask for that no more: so it is told these first. They come twice to who has them, and its router drops them.
 */

/** How long they are told: until then gossip and sync have brought them to every member. */
export const RECENT_WORD_MS: number = 10_000;
/** Most of them, the latest: far fewer than a node takes of one peer in a second, so that there is room for the word itself. */
export const RECENT_WORDS_MAX: number = 16;
/** Most bytes of all of them. */
export const RECENT_WORDS_BYTES_MAX: number = 64 * 1024;

interface Word {
  readonly bytes: Uint8Array;
  readonly endsMs: number;
}

export class RecentWords {
  #words: readonly Word[] = [];

  add(bytes: Uint8Array, nowMs: number): void {
    // A copy: what came by gossip is a part of a frame, all of which it would keep.
    const word = { bytes: bytes.slice(), endsMs: nowMs + RECENT_WORD_MS };
    this.#forget(nowMs);
    const words = [...this.#words, word];
    let roomBytes = RECENT_WORDS_BYTES_MAX;
    const first = words.findLastIndex((word) => (roomBytes -= word.bytes.length) < 0) + 1;
    this.#words = words.slice(Math.max(first, words.length - RECENT_WORDS_MAX));
  }

  /** In the order in which they were said. */
  at(nowMs: number): readonly Uint8Array[] {
    this.#forget(nowMs);
    return this.#words.map(({ bytes }) => bytes);
  }

  #forget(nowMs: number): void {
    this.#words = this.#words.filter(({ endsMs }) => endsMs > nowMs);
  }
}
