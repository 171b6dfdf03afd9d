/** Reads this node's audit log from the store: its tail for people, all of it for verification. */
import {
  AUDIT_BASE_ROW,
  AUDIT_HEAD_ROW,
  AUDIT_ROW_PREFIX,
  auditKey,
  AuditVerifier,
  type CodecPort,
  type HashPort,
  readAuditRow,
  type Store,
} from "@pulsemesh/core";
import type { AuditLine, AuditVerification } from "./api.ts";
import { AUDIT_ENTRIES } from "./driver/restore.ts";

export interface AuditReaderDeps {
  readonly store: Store;
  readonly codec: CodecPort;
  readonly hash: HashPort;
}

/** Lines of one answer at most. */
export const AUDIT_TAIL_MAX: number = 10_000;

/**
 * The newest `limit` entries with an index below `before`, oldest first. Rows that are no entries are left out.
 * @throws PulsemeshError `store-failed`
 */
export async function readAuditTail(
  { store, codec, hash }: AuditReaderDeps,
  options: { readonly limit: number; readonly before?: number | undefined },
): Promise<readonly AuditLine[]> {
  const limit = Math.min(Math.max(0, options.limit), AUDIT_TAIL_MAX);
  const lt = options.before === undefined ? AUDIT_ENTRIES.lt : auditKey(options.before);
  const lines: AuditLine[] = [];
  for await (const row of store.scan({ gte: AUDIT_ENTRIES.gte, lt, reverse: true, limit })) {
    const read = readAuditRow(codec, hash, row);
    if (read === undefined) continue;
    const { index, wallMs, kind, data } = read.entry;
    lines.push({ index, wallMs, kind, data, hash: read.hash });
  }
  return lines.reverse();
}

/**
 * Checks the whole log as it is at this moment: where it begins, the head row and all entries come from one snapshot, so that a log that grows
 * meanwhile is not taken for a cut one.
 * @throws PulsemeshError `store-failed`
 */
export async function verifyAudit({
  store,
  codec,
  hash,
}: AuditReaderDeps): Promise<AuditVerification> {
  const verifier = new AuditVerifier(codec, hash);
  let head: Uint8Array | undefined;
  for await (const row of store.scan({ gte: AUDIT_BASE_ROW, lt: AUDIT_ENTRIES.lt })) {
    if (row.key === AUDIT_BASE_ROW) verifier.begin(row.value);
    else if (row.key === AUDIT_HEAD_ROW) head = row.value;
    else if (row.key.startsWith(AUDIT_ROW_PREFIX)) verifier.add(row);
  }
  return verifier.finish(head);
}
