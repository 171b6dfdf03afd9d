/**
 * Format 1 → 2. In format 1 a row `left/<node>` was the bare number of a boot, with no room to say that a node did not leave but was
 * retired; now it is `[version, boot, retired]`. A release of format 1 would also quarantine the chains of document `roster`, which it does not
 * know, so it must not open such a store.
 */
import { EPOCH_MAX } from "../chain/limits.ts";
import type { StoreOp, StoreRow } from "../driver/store.ts";
import { dagCborCodec } from "../wire/dag-cbor.ts";
import { isIntegerIn } from "../wire/fields.ts";
import type { Migration } from "./migration.ts";

export const LEFT_ROWS: Migration = {
  from: 1,
  range: { gte: "left/", lt: "left0" },
  migrate: ({ key, value }: StoreRow): readonly StoreOp[] => {
    const boot = bootOf(value);
    return boot === undefined
      ? []
      : [{ type: "put", key, value: dagCborCodec.encode([1, boot, false]) }];
  },
};

function bootOf(value: Uint8Array): number | undefined {
  try {
    const boot = dagCborCodec.decode(value);
    return isIntegerIn(boot, 0, EPOCH_MAX) ? boot : undefined;
  } catch {
    return undefined;
  }
}
