/** The checks of `doctor` that ask the node what it has kept: damage that its store met, and its audit log. */
import { REVOCATIONS_BYTES_MAX } from "@pulsemesh/core";
import type { PulsemeshClient } from "@pulsemesh/client";
import { errorCodeOf } from "../failure.ts";
import { nearlyFull } from "./doctor-authority.ts";
import type { Finding } from "./doctor-finding.ts";

/** A long log takes longer to recompute; `audit verify` has the patience. */
const verifyMsMost = 8_000;
const corruptRows = /^pulsemesh_store_corrupt_rows (\d+)$/m;
const discardedRows = /^pulsemesh_store_discarded_rows ([1-9]\d*)$/m;
const badRows = /^pulsemesh_authority_bad_rows ([1-9]\d*)$/m;
const lackingParts = /^pulsemesh_custody_missing_parts ([1-9]\d*)$/m;
const revocationBytes = /^pulsemesh_revocations_bytes (\d+)$/m;
const next =
  "keep a copy of the data folder, check the disk; what other nodes have comes back by itself, the audit log does not";

/** Whether the store has come upon damage since the node started. */
export async function checkStore(client: PulsemeshClient): Promise<Finding[]> {
  try {
    const metrics = await client.metrics();
    const rows = Number(corruptRows.exec(metrics)?.[1] ?? Number.NaN);
    if (Number.isNaN(rows)) return [];
    const kept = [...badStatements(metrics), ...missingParts(metrics), ...longRevocations(metrics)];
    if (rows === 0) return [{ check: "store", result: "ok", detail: "no damage met" }, ...kept];
    const discarded = discardedRows.exec(metrics)?.[1];
    const more =
      discarded === undefined ? "" : `, ${discarded} of them deleted as there was no room`;
    const detail = `${rows} damaged rows or files met since the start, moved aside or repaired${more}`;
    return [{ check: "store", result: "fail", detail, next }, ...kept];
  } catch {
    return [];
  }
}

function badStatements(metrics: string): Finding[] {
  const rows = badRows.exec(metrics)?.[1];
  if (rows === undefined) return [];
  const detail = `${rows} statements of the fleet's authority on disk could not be read at the start, or counted no more; what other nodes hold comes back by itself`;
  const compare =
    "pulsemesh grant list   here and at another node: see that they agree; check the disk";
  return [{ check: "authority", result: "fail", detail, next: compare }];
}

/** What a revocation keeps of its node is shown when it is here whole. */
function missingParts(metrics: string): Finding[] {
  const parts = lackingParts.exec(metrics)?.[1];
  if (parts === undefined) return [];
  const detail = `${parts} parts of what revoked members wrote have not come yet: until then that is not shown here`;
  const wait =
    "see that nodes are reached which held it when it was revoked, the issuer's first of all: pulsemesh peers";
  return [{ check: "custody", result: "warn", detail, next: wait }];
}

/** Their number is counted with that of grants; the length of each is that of what it keeps of its node. */
function longRevocations(metrics: string): Finding[] {
  const bytes = Number(revocationBytes.exec(metrics)?.[1] ?? 0);
  if (bytes < REVOCATIONS_BYTES_MAX * nearlyFull) return [];
  const detail = `they take ${bytes} of at most ${REVOCATIONS_BYTES_MAX} bytes: the next ones will be refused`;
  const look =
    "pulsemesh grant list: if many are of nodes that nobody knows, the issuer's key is stolen: pulsemesh key void KEY; else begin another fleet before they are full";
  return [{ check: "revocations", result: "warn", detail, next: look }];
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
