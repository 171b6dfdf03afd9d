/** What a snapshot makes superfluous (rule CH2): rows before it, parts of older manifests, epochs that it covers. */
import type { StoreOp } from "../driver/store.ts";
import type { Env } from "../env.ts";
import type { ChainIndex } from "./chain-index.ts";
import type { SnapshotPayload } from "./entry.ts";
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
  const { document, author, epoch, fork } = log;
  if (fork !== undefined) {
    for (const hash of [fork.kept, fork.other]) {
      ops.push({ type: "del", key: forkRow(document, author, epoch, fork.seq, hash) });
    }
  }
  return ops;
}

/**
 * Forgets the epochs that the manifest covers where nothing beyond the covered place is held. What is held beyond it stays in the
 * view and is handed back: the author did not know it when it wrote the snapshot (rule CH1).
 */
export function dropCovered(
  env: Env,
  index: ChainIndex,
  log: EpochLog,
  manifest: SnapshotPayload,
): readonly EpochLog[] {
  const chain = index.chain(log.document, log.author);
  if (chain === undefined) return [];
  const dropped: EpochLog[] = [];
  chain.covered.clear();
  for (const place of manifest.covers) {
    if (place.epoch >= log.epoch) continue;
    chain.covered.set(place.epoch, place);
    const held = chain.epochs.get(place.epoch);
    if (held === undefined) continue;
    const { head } = held;
    if (
      head.seq > place.seq ||
      (head.seq === place.seq && head.hash !== place.hash && held.fork === undefined)
    ) {
      env.out.emit({ type: "rollback", author: log.author, epoch: held.epoch, seq: head.seq });
      continue;
    }
    index.remove(held);
    env.ports.documents.drop(held);
    dropped.push(held);
  }
  return dropped;
}

function deleteEntry({ document, author, epoch }: EpochLog, seq: number, ops: StoreOp[]): void {
  ops.push({ type: "del", key: chainRow(document, author, epoch, seq) });
  ops.push({ type: "del", key: quarantineRow(document, author, epoch, seq) });
}
