/**
 * The root statements that a node holds (rules ME1, ME2): those that stand, and of each number one other. They are judged as one set with whatever comes,
 * so that a row of them, such as a peer's or the one on disk, counts as a whole: one by one they would be measured against what stands meanwhile, and the
 * branch that a later statement of the row shows to be the right one would be gone before that one came.
 */
import type { FleetId, HashHex, KeyId } from "../ids.ts";
import type { StatementId } from "./claims.ts";
import { RootChain, type RootStatement } from "./root-chain.ts";

/** What has changed. */
export interface RootNews {
  /** Those that are held from now on, number 1 first. */
  readonly taken: readonly RootStatement[];
  /** Those that are held no more. */
  readonly gone: readonly StatementId[];
  /** Whether others stand than before. */
  readonly hasMoved: boolean;
}

export class RootSet {
  readonly #fleet: FleetId;
  readonly #hashOf: (key: KeyId) => HashHex;
  readonly #held = new Map<StatementId, RootStatement>();
  #chain: RootChain;

  /** @param hashOf SHA-256 of a key's text */
  constructor(fleet: FleetId, hashOf: (key: KeyId) => HashHex) {
    this.#fleet = fleet;
    this.#hashOf = hashOf;
    this.#chain = new RootChain(fleet, [], hashOf);
  }

  get chain(): RootChain {
    return this.#chain;
  }

  has(id: StatementId): boolean {
    return this.#held.has(id);
  }

  /**
   * What of these would stand, where that goes on from what stands now, or ends the reign of the key that does; nothing otherwise. `rotation` is what of it
   * ends reigns, up to the first statement of the last key, which only its holder can make; what that key has signed upon it, also whoever has stolen it
   * since.
   */
  onward(roots: readonly RootStatement[]): {
    readonly roots: readonly RootStatement[];
    readonly rotation: readonly RootStatement[];
  } {
    const { current } = this.#chain;
    const all = new Map([...this.#held, ...roots.map((root) => [root.id, root] as const)]);
    const { statements } = new RootChain(this.#fleet, [...all.values()], this.#hashOf);
    const reigns = reignsIn(statements);
    const isRotation = reigns.length > reignsIn(this.#chain.statements).length;
    const goesOn = isRotation || statements.some(({ id }) => id === current?.id);
    const isNew = ({ id }: RootStatement): boolean => !this.#held.has(id);
    return {
      roots: goesOn ? statements.filter(isNew) : [],
      rotation: isRotation ? statements.slice(0, reigns.at(-1)).filter(isNew) : [],
    };
  }

  /** Takes what is worth holding; undefined where that is nothing. */
  take(roots: readonly RootStatement[]): RootNews | undefined {
    const before = this.#chain;
    const all = new Map([...this.#held, ...roots.map((root) => [root.id, root] as const)]);
    const chain = new RootChain(this.#fleet, [...all.values()], this.#hashOf);
    const kept = [...chain.statements, ...chain.rivals];
    const taken = kept.filter(({ id }) => !this.#held.has(id));
    if (taken.length === 0) return undefined;
    const keptIds = new Set(kept.map(({ id }) => id));
    const gone = [...this.#held.keys()].filter((id) => !keptIds.has(id));
    for (const id of gone) this.#held.delete(id);
    for (const root of taken) this.#held.set(root.id, root);
    this.#chain = chain;
    return {
      taken: taken.toSorted((a, b) => a.claims.number - b.claims.number),
      gone,
      hasMoved: chain.current?.id !== before.current?.id,
    };
  }
}

/** Numbers of the first statements of the keys that have followed each other. */
function reignsIn(statements: readonly RootStatement[]): readonly number[] {
  const isFirst = ({ claims }: RootStatement, at: number): boolean =>
    claims.signer !== statements[at - 1]?.claims.signer;
  return statements.filter(isFirst).map(({ claims }) => claims.number);
}
