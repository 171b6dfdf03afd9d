/** One step from a format of the store to the next (rule UP3): what becomes of single rows. Who holds the store carries it out. */
import type { StoreOp, StoreRange, StoreRow } from "../driver/store.ts";

export interface Migration {
  /** The format that it starts from. */
  readonly from: number;
  /** The rows that it looks at. */
  readonly range: StoreRange;
  /**
   * What becomes of one row; nothing where it stays as it is, or has been changed before. Never throws: a damaged row is left to those who
   * read it.
   */
  readonly migrate: (row: StoreRow) => readonly StoreOp[];
}
