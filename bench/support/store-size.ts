/** What lies in a node's store, by the kind of row. The node must be stopped: the store is locked while it runs. */
import { createLevelStore } from "@pulsemesh/store-level";

export interface RowsSize {
  readonly rows: number;
  readonly bytes: number;
}

/** Rows and bytes of keys and values by the text before the first slash of their keys. */
export async function storeSize(dir: string): Promise<Readonly<Record<string, RowsSize>>> {
  const store = createLevelStore({ dir });
  await store.open();
  const sizes: Record<string, { rows: number; bytes: number }> = {};
  for await (const { key, value } of store.scan({ gte: "", lt: "~" })) {
    const size = (sizes[key.split("/", 1)[0] ?? ""] ??= { rows: 0, bytes: 0 });
    size.rows += 1;
    size.bytes += key.length + value.length;
  }
  await store.close();
  return sizes;
}

/** The snapshot parts in the store. */
export async function storedParts(dir: string): Promise<readonly Uint8Array[]> {
  const store = createLevelStore({ dir });
  await store.open();
  const parts: Uint8Array[] = [];
  for await (const { value } of store.scan({ gte: "part/", lt: "part0" })) parts.push(value);
  await store.close();
  return parts;
}
