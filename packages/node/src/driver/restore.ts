/**
 * Rows that core is rebuilt from: everything but the entries of the audit log, which may be many and of which core needs the last only, and
 * the diagnostics of robots, which core writes for people and never reads. In key order, but for the chains, which are most of it and come
 * last: so core can build each as soon as it is read, while the next page is on its way from disk.
 */
import type { Store, StoreRange, StoreRow } from "@pulsemesh/core";

/** Keys of audit entries; the contract with core's audit log. */
export const AUDIT_ENTRIES: StoreRange = { gte: "audit/", lt: "audit0" };

const BEFORE_AUDIT: StoreRange = { gte: "", lt: AUDIT_ENTRIES.gte };
/** Keys of chains; the contract with core's chain store. */
const CHAINS: StoreRange = { gte: "chain/", lt: "chain0" };
/** Keys of robots' diagnostics; the contract with core's robots. */
const ROBOT_MESSAGES: StoreRange = { gte: "robot-message/", lt: "robot-message0" };
const BEFORE_CHAINS: StoreRange = { gte: AUDIT_ENTRIES.lt, lt: CHAINS.gte };
const BETWEEN: StoreRange = { gte: CHAINS.lt, lt: ROBOT_MESSAGES.gte };
const AFTER_MESSAGES: StoreRange = { gte: ROBOT_MESSAGES.lt, lt: "\u{10FFFF}" };

export async function* restoreRows(store: Store): AsyncIterable<StoreRow> {
  yield* store.scan(BEFORE_AUDIT);
  yield* store.scan({ ...AUDIT_ENTRIES, reverse: true, limit: 1 });
  for (const range of [BEFORE_CHAINS, BETWEEN, AFTER_MESSAGES, CHAINS]) yield* store.scan(range);
}
