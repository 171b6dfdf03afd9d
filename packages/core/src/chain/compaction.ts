/** What a snapshot makes superfluous (rule CH2): rows before it, parts of older manifests, epochs that it covers. */
import type { StoreOp } from "../driver/store.ts";
import type { Env } from "../env.ts";
import type { DocumentName, NodeId } from "../ids.ts";
import { isCoveredBy, type ChainIndex } from "./chain-index.ts";
import type { Place, SnapshotPayload } from "./entry.ts";
import type { EpochLog } from "./epoch-log.ts";
import { chainRow, forkRow, partRow, quarantineRow } from "./rows.ts";

/** Deletes everything of the epoch but its header, and the parts that no other manifest names. */
export function superseded(index: ChainIndex, log: EpochLog): StoreOp[] {
  const ops: StoreOp[] = [];
  const from = Math.max(log.openSeq, 1);
  for (let seq = from; seq <= log.head.seq; seq++) deleteEntry(log, seq, ops);
  for (const hash of log.manifest?.parts ?? []) {
    if (index.releasePart(hash)) ops.push({ type: "del", key: partRow(hash) });
  }
  return ops;
}

/** Deletes a covered epoch whole. */
export function dropOps(index: ChainIndex, log: EpochLog): StoreOp[] {
  const ops = superseded(index, log);
  deleteEntry(log, 0, ops);
  ops.push(...forkOps(log));
  return ops;
}

/** Deletes the proof of a fork. */
export function forkOps({ document, author, epoch, fork }: EpochLog): StoreOp[] {
  const hashes = fork === undefined ? [] : [fork.kept, fork.other];
  return hashes.map((hash) => ({
    type: "del",
    key: forkRow(document, author, epoch, fork?.seq ?? 0, hash),
  }));
}

/**
 * Forgets the epochs of an author that are superfluous by what else is held of it. Everything that changes what is held of an epoch is
 * followed by it, so that it never matters what came first (promise P1).
 */
export function dropSuperfluous(
  env: Env,
  index: ChainIndex,
  { document, author }: { readonly document: DocumentName; readonly author: NodeId },
): readonly EpochLog[] {
  const dropped = index.superfluous(document, author);
  for (const log of dropped) {
    index.remove(log);
    env.ports.documents.drop(log);
  }
  return dropped;
}

/**
 * What is held beyond a place that a new snapshot covers stays in the view and is handed back: the author did not know it when it wrote
 * the snapshot (rule CH1). The newest of it is told.
 */
export function reportUncovered(
  env: Env,
  index: ChainIndex,
  log: EpochLog,
  manifest: SnapshotPayload,
): void {
  let newest: Place | undefined;
  for (const place of manifest.covers) {
    const held = index.log(log.document, log.author, place.epoch);
    if (held === undefined || held.epoch >= log.epoch) continue;
    if (isCoveredBy(place, held.head, held.fork?.other)) continue;
    if (newest === undefined || held.epoch > newest.epoch) newest = held.head;
  }
  if (newest === undefined) return;
  const { epoch, seq } = newest;
  env.out.emit({ type: "rollback", author: log.author, epoch, seq });
}

function deleteEntry({ document, author, epoch }: EpochLog, seq: number, ops: StoreOp[]): void {
  ops.push({ type: "del", key: chainRow(document, author, epoch, seq) });
  ops.push({ type: "del", key: quarantineRow(document, author, epoch, seq) });
}
