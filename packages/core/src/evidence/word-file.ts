/** Signed words about one subject: one a witness and kind, as many as a reader needs and no more (rule VE10). */
import { comparePulseNames, type NodeId, type PulseName } from "../ids.ts";
import type { Evidence } from "../liveness/observation-codec.ts";
import type { Envelope } from "../wire/envelope.ts";
import { KEPT_WORDS_MAX } from "./limits.ts";

type WordKind = "accuse" | "object" | "up";

/** What one witness said of a subject in one message, with that message as it was signed. */
export interface KeptWord {
  readonly by: NodeId;
  readonly kind: WordKind;
  readonly name: PulseName;
  readonly evidence: Evidence | undefined;
  readonly envelope: Envelope;
  readonly takenMonoMs: number;
}

/** Author, signature and the objects around them. */
const FRAME_BYTES = 256;

export class WordFile {
  readonly #words: Record<WordKind, Map<NodeId, KeptWord>> = {
    accuse: new Map(),
    object: new Map(),
    up: new Map(),
  };
  #bytes = 0;
  /** When the newest of them came. */
  newestMonoMs: number = Number.NEGATIVE_INFINITY;

  get bytes(): number {
    return this.#bytes;
  }

  /** In the order in which they came. */
  of(kind: WordKind): readonly KeptWord[] {
    return [...this.#words[kind].values()];
  }

  /**
   * Keeps a word in the place of an earlier one of its author; of two about the same pulse the shorter message, which was said first where they are equal.
   * Where all places are taken, one that is not good gives way.
   * @returns whether it is kept
   */
  put(word: KeptWord, isGood: (kept: KeptWord) => boolean): boolean {
    this.newestMonoMs = Math.max(this.newestMonoMs, word.takenMonoMs);
    const words = this.#words[word.kind];
    const held = words.get(word.by);
    if (held !== undefined) {
      const isSame = comparePulseNames(held.name, word.name) === 0;
      if (isSame && bytesOf(held) <= bytesOf(word)) return false;
      this.remove(held);
    } else if (words.size >= KEPT_WORDS_MAX) {
      const worst = [...words.values()].find((kept) => !isGood(kept));
      if (worst === undefined) return false;
      this.remove(worst);
    }
    words.set(word.by, word);
    this.#bytes += bytesOf(word);
    return true;
  }

  remove(word: KeptWord): void {
    if (this.#words[word.kind].get(word.by) !== word) return;
    this.#words[word.kind].delete(word.by);
    this.#bytes -= bytesOf(word);
  }

  /** A verdict is made by this pulse: what was said by earlier ones is no part of it. */
  keepAccusationsOf(name: PulseName): void {
    for (const word of this.of("accuse"))
      if (comparePulseNames(word.name, name) !== 0) this.remove(word);
  }
}

function bytesOf({ envelope }: KeptWord): number {
  return envelope.body.length + FRAME_BYTES;
}
