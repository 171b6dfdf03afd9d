/**
 * Rows that core is rebuilt from, in key order: everything but the entries of the audit log, which may be many and of which core needs
 * the last only, and the diagnostics of robots, which core writes for people and never reads.
 */
import type { Store, StoreRange, StoreRow } from "@pulsemesh/core";

/** Keys of audit entries; the contract with core's audit log. */
export const AUDIT_ENTRIES: StoreRange = { gte: "audit/", lt: "audit0" };

const BEFORE_AUDIT: StoreRange = { gte: "", lt: AUDIT_ENTRIES.gte };
/** Keys of robots' diagnostics; the contract with core's robots. */
const ROBOT_MESSAGES: StoreRange = { gte: "robot-message/", lt: "robot-message0" };
const BETWEEN: StoreRange = { gte: AUDIT_ENTRIES.lt, lt: ROBOT_MESSAGES.gte };
const AFTER_MESSAGES: StoreRange = { gte: ROBOT_MESSAGES.lt, lt: "\u{10FFFF}" };

export async function* restoreRows(store: Store): AsyncIterable<StoreRow> {
  yield* store.scan(BEFORE_AUDIT);
  yield* store.scan({ ...AUDIT_ENTRIES, reverse: true, limit: 1 });
  yield* store.scan(BETWEEN);
  yield* store.scan(AFTER_MESSAGES);
}
