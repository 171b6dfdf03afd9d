/**
 * The charter that stands, and one more with its number (rule ME2): two are made by nobody honest, so somebody else has the key. And whether what it
 * commits to is here: a charter alone says that there are revocations, and not which ones.
 */
import { compareText } from "../ids.ts";
import type { CharterClaims, RevocationClaims, StatementId } from "./claims.ts";
import { type Hashing, idsHash } from "./statement-hash.ts";
import type { Statement } from "./statement.ts";

export type Charter = Statement<CharterClaims>;

/** The one that stands, and one more as the proof that somebody else has the key. */
const CHARTERS_KEPT = 2;

export class Charters {
  #held: readonly Charter[] = [];

  get standing(): Charter | undefined {
    return this.#held[0];
  }

  /** Its number, where there is another one with it. */
  get disputed(): number | undefined {
    return this.#held.length > 1 ? this.standing?.claims.number : undefined;
  }

  clear(): void {
    this.#held = [];
  }

  /**
   * Those that are held no more for it; "known" where it says nothing new.
   * @param rootNumberOf by which root statement it was made. That goes before its own number: who has stolen a charter key that was replaced can count
   * as high as he likes
   */
  take(
    charter: Charter,
    rootNumberOf: (root: StatementId) => number,
  ): readonly Charter[] | "known" {
    const compare = (a: Charter, b: Charter): number =>
      rootNumberOf(a.claims.root) - rootNumberOf(b.claims.root) ||
      a.claims.number - b.claims.number;
    const { standing } = this;
    const order = standing === undefined ? 1 : compare(charter, standing);
    if (order < 0) return "known";
    const before = this.#held;
    const rivals = order > 0 ? [charter] : [...before, charter];
    const held = rivals.toSorted((a, b) => compareText(a.id, b.id)).slice(0, CHARTERS_KEPT);
    if (!held.includes(charter)) return "known";
    this.#held = held;
    return before.filter((each) => !held.includes(each));
  }
}

/** Whether the charter commits to the first of these, as many as it says; `inOrder` by date and id. */
export function commitsTo(
  hashing: Hashing,
  { claims }: Charter,
  inOrder: readonly Statement<RevocationClaims>[],
): boolean {
  const ids = inOrder.slice(0, claims.revocations).map(({ id }) => id);
  return idsHash(hashing, ids) === claims.revocationsHash;
}
