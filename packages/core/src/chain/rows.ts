/**
 * Where chains live on disk: every row key that chain/, sync/ and roster/chain-membership.ts own, and nothing else writes.
 *
 * | key | value |
 * |---|---|
 * | `chain/<document>/<author>/<epoch>/<seq>` | the entry's envelope, as signed |
 * | `final/<document>/<author>` | dag-cbor list of places: where the epochs of an author that left ended, after they were dropped (rule CH7) |
 * | `fork/<document>/<author>/<epoch>/<seq>/<hash>` | the other branch's envelope at a forked place (rule CH5) |
 * | `left/<node>` | dag-cbor `[1, boot, retired]`: the boot in which the member said goodbye, or was retired |
 * | `member/<node>` | dag-cbor {name, region, agent, mayBeOfflineMs?} of the newest stored header |
 * | `part/<hash>` | one part of a snapshot, or of what stands for a revoked author; deleted with the last manifest or revocation that names it |
 * | `quarantine/<document>/<author>/<epoch>/<seq>` | text as dag-cbor: why the gate refused the entry's payload (rule CH3) |
 * | `quarantine/row/<key>` | a row that was unreadable at start, as found |
 *
 * Epoch and seq are padded, so that key order is chain order. A chain holds its header, its newest snapshot and the deltas after it.
 */
import type { DocumentName, HashHex, NodeId } from "../ids.ts";
import type { StoreRange } from "../driver/store.ts";
import { EPOCH_DIGITS, SEQ_DIGITS } from "./limits.ts";

function padEpoch(epoch: number): string {
  return String(epoch).padStart(EPOCH_DIGITS, "0");
}

function padSeq(seq: number): string {
  return String(seq).padStart(SEQ_DIGITS, "0");
}

/** Names one epoch everywhere in memory; also the tail of its row keys. */
export function epochKey(document: DocumentName, author: NodeId, epoch: number): string {
  return `${document}/${author}/${padEpoch(epoch)}`;
}

export function chainRow(
  document: DocumentName,
  author: NodeId,
  epoch: number,
  seq: number,
): string {
  return `chain/${epochKey(document, author, epoch)}/${padSeq(seq)}`;
}

export function finalRow(document: DocumentName, author: NodeId): string {
  return `final/${document}/${author}`;
}

export function forkRow(
  document: DocumentName,
  author: NodeId,
  epoch: number,
  seq: number,
  hash: HashHex,
): string {
  return `fork/${epochKey(document, author, epoch)}/${padSeq(seq)}/${hash}`;
}

export function quarantineRow(
  document: DocumentName,
  author: NodeId,
  epoch: number,
  seq: number,
): string {
  return `quarantine/${epochKey(document, author, epoch)}/${padSeq(seq)}`;
}

export function badRow(key: string): string {
  return `quarantine/row/${key}`;
}

export function partRow(hash: HashHex): string {
  return `part/${hash}`;
}

export function memberRow(node: NodeId): string {
  return `member/${node}`;
}

export function leftRow(node: NodeId): string {
  return `left/${node}`;
}

/** Entries of one epoch from `fromSeq` on. */
export function entriesRange(
  document: DocumentName,
  author: NodeId,
  epoch: number,
  fromSeq: number,
  limit?: number,
): StoreRange {
  const prefix = `chain/${epochKey(document, author, epoch)}/`;
  return { gte: prefix + padSeq(fromSeq), lt: `${prefix}~`, limit };
}

/** The other branches of one epoch. */
export function forksRange(document: DocumentName, author: NodeId, epoch: number): StoreRange {
  const prefix = `fork/${epochKey(document, author, epoch)}/`;
  return { gte: prefix, lt: `${prefix}~` };
}

export function partRange(hash: HashHex): StoreRange {
  return { gte: partRow(hash), lt: `${partRow(hash)}~`, limit: 1 };
}
