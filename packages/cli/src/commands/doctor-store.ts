/** The checks of `doctor` that ask the node what it has kept: damage that its store met, and its audit log. */
import type { PulsemeshClient } from "@pulsemesh/client";
import { errorCodeOf } from "../failure.ts";
import type { Finding } from "./doctor-finding.ts";

/** A long log takes longer to recompute; `audit verify` has the patience. */
const verifyMsMost = 8_000;
const corruptRows = /^pulsemesh_store_corrupt_rows (\d+)$/m;
const discardedRows = /^pulsemesh_store_discarded_rows ([1-9]\d*)$/m;
const next =
  "keep a copy of the data folder, check the disk; what other nodes have comes back by itself, the audit log does not";

/** Whether the store has come upon damage since the node started. */
export async function checkStore(client: PulsemeshClient): Promise<Finding[]> {
  try {
    const metrics = await client.metrics();
    const rows = Number(corruptRows.exec(metrics)?.[1] ?? Number.NaN);
    if (Number.isNaN(rows)) return [];
    if (rows === 0) return [{ check: "store", result: "ok", detail: "no damage met" }];
    const discarded = discardedRows.exec(metrics)?.[1];
    const more =
      discarded === undefined ? "" : `, ${discarded} of them deleted as there was no room`;
    const detail = `${rows} damaged rows or files met since the start, moved aside or repaired${more}`;
    return [{ check: "store", result: "fail", detail, next }];
  } catch {
    return [];
  }
}

/** Whether the audit log is whole. */
export async function checkAudit(client: PulsemeshClient): Promise<Finding[]> {
  const check = "audit";
  try {
    const result = await client.auditVerify({ signal: AbortSignal.timeout(verifyMsMost) });
    if (result.ok) return [{ check, result: "ok", detail: `${result.size} entries, all good` }];
    const { bad_index: bad, size, reason, faults } = result;
    const detail = `entry ${bad} of ${size} is bad (${reason}), ${faults.length} ranges in all: pulsemesh audit verify`;
    return [{ check, result: "fail", detail, next }];
  } catch (error) {
    if (errorCodeOf(error) === "node-unreachable") return [];
    const detail = `not recomputed within ${verifyMsMost / 1_000}s`;
    return [{ check, result: "warn", detail, next: "pulsemesh audit verify" }];
  }
}
