/**
 * Changes to one own record before they are written (rule CH4): sets and removals under two neighbouring stamps, the removals below the
 * sets, so that one write may clear what stood at a path and put something new there. What the new stamps dominate is dropped, so
 * that a record does not grow with its history: once, when all is in, because a walk over the record for each field that is set would make a
 * patch of n fields cost n².
 */
import type { Json } from "../json.ts";
import { ancestors, leavesOf } from "./pointer.ts";
import { CLAIM, type Field, type RobotRecord } from "./record.ts";

export class RecordDraft {
  readonly #fields: Map<string, Field>;
  readonly #tombstones: Map<string, number>;
  #retiredHlc: number;
  readonly #removeHlc: number;
  readonly #setHlc: number;
  #step = 0;
  /** Pointers below which everything is dropped that was there at that step; what was there from the start has step 0. */
  readonly #clearedAt = new Map<string, number>();
  readonly #setAt = new Map<string, number>();
  readonly #removedAt = new Map<string, number>();

  /** `hlc` is above every stamp seen for the record; `hlc + 1` is used too. */
  constructor(base: RobotRecord, hlc: number) {
    this.#fields = new Map(base.fields);
    this.#tombstones = new Map(base.tombstones);
    this.#retiredHlc = base.retiredHlc;
    this.#removeHlc = hlc;
    this.#setHlc = hlc + 1;
  }

  /** Sets one leaf. */
  setLeaf(pointer: string, value: Json): void {
    const container = typeof value === "object" && value !== null && !Array.isArray(value);
    this.#setAt.set(pointer, ++this.#step);
    if (!container) {
      this.#clearedAt.set(pointer, this.#step);
      this.#tombstones.delete(pointer);
    }
    this.#fields.set(pointer, { hlc: this.#setHlc, value });
  }

  /** Replaces whatever is at and below `pointer` by `value`. */
  replace(pointer: string, value: Json): void {
    this.remove(pointer);
    for (const leaf of leavesOf(pointer, value)) this.setLeaf(leaf.pointer, leaf.value);
  }

  /** Removes everything at and below `pointer`. */
  remove(pointer: string): void {
    this.#removedAt.set(pointer, ++this.#step);
    this.#clearedAt.set(pointer, this.#step);
    this.#fields.delete(pointer);
    this.#tombstones.set(pointer, this.#removeHlc);
  }

  /** Hides everything written so far, or up to `hlc`, for good. What is left is small, whatever was there. */
  retire(hlc: number = this.#setHlc): void {
    this.#fields.clear();
    this.#tombstones.clear();
    // A claim, the reason why the marker counts; with the lowest stamp, so that it outdoes nobody's.
    this.#fields.set(CLAIM, { hlc: 1, value: null });
    this.#retiredHlc = hlc;
  }

  /** The record with all changes. */
  record(): RobotRecord {
    this.#drop(this.#fields, this.#setAt);
    this.#drop(this.#tombstones, this.#removedAt);
    return { fields: this.#fields, tombstones: this.#tombstones, retiredHlc: this.#retiredHlc };
  }

  #drop(facts: Map<string, unknown>, writtenAt: ReadonlyMap<string, number>): void {
    const isCleared = (pointer: string): boolean => {
      const step = writtenAt.get(pointer) ?? 0;
      return ancestors(pointer).some((above) => (this.#clearedAt.get(above) ?? 0) > step);
    };
    for (const pointer of facts.keys()) if (isCleared(pointer)) facts.delete(pointer);
  }
}
