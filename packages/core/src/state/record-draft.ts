/**
 * Changes to one own record before they are written (rule CH4): sets and removals under two neighbouring stamps, the removals below the
 * sets, so that one write may clear what stood at a path and put something new there. What the new stamps dominate is dropped, so
 * that a record does not grow with its history.
 */
import type { Json } from "../json.ts";
import { leavesOf } from "./pointer.ts";
import type { Field, RobotRecord } from "./record.ts";

export class RecordDraft {
  readonly #fields: Map<string, Field>;
  readonly #tombstones: Map<string, number>;
  #retiredHlc: number;
  readonly #removeHlc: number;
  readonly #setHlc: number;

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
    if (!container) {
      this.#dropBelow(pointer);
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
    this.#dropBelow(pointer);
    this.#fields.delete(pointer);
    this.#tombstones.set(pointer, this.#removeHlc);
  }

  /** Hides everything written so far, for good. */
  retire(): void {
    this.#fields.clear();
    this.#tombstones.clear();
    this.#retiredHlc = this.#setHlc;
  }

  record(): RobotRecord {
    return { fields: this.#fields, tombstones: this.#tombstones, retiredHlc: this.#retiredHlc };
  }

  #dropBelow(pointer: string): void {
    const prefix = `${pointer}/`;
    for (const key of this.#fields.keys()) if (key.startsWith(prefix)) this.#fields.delete(key);
    for (const key of this.#tombstones.keys())
      if (key.startsWith(prefix)) this.#tombstones.delete(key);
  }
}
