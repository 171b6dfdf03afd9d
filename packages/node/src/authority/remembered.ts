/**
 * What an issuer signs for the whole fleet, kept beside its key as well (rule ME2): the number of a charter is to be known though the store is lost, or the
 * next one would have a number that there is already.
 */
import { join } from "node:path";
import { type FleetId, type NodeId, readClaims } from "@pulsemesh/core";
import { writePrivateFile } from "../keys/private-file.ts";
import { tokenPort } from "../ports/tokens.ts";
import { FILE_STATEMENTS_MAX, readStatements, writeStatements } from "./authority-file.ts";
import { AUTHORITY_FILES } from "./authority-files.ts";

/**
 * Rewrites `authority.json`: root statements, the newest charter, the newest grant of this node. Of a fleet with more root statements than the file takes
 * it is left as it is.
 * @param known - what the node holds, each kind in its order
 * @param signed - what is signed now
 */
export function remember(
  dir: string,
  { fleet, self }: { readonly fleet: FleetId; readonly self: NodeId },
  known: readonly string[],
  signed: string,
): void {
  const path = join(dir, AUTHORITY_FILES.statements);
  const held = readStatements(path) ?? [];
  const kept = new Map<string, string>();
  // The later one of a kind stays, in the place of the first.
  for (const token of [...known, ...held.filter((one) => isGrant(one, fleet)), signed]) {
    const kind = kindOf(token, fleet, self);
    if (kind !== undefined) kept.set(kind, token);
  }
  const statements = [...kept.values()];
  if (statements.length <= FILE_STATEMENTS_MAX) writePrivateFile(path, writeStatements(statements));
}

function isGrant(token: string, fleet: FleetId): boolean {
  return kindOf(token, fleet)?.startsWith("grant") === true;
}

/** A name for what there is one of; undefined for what is not to be kept. */
function kindOf(token: string, fleet: FleetId, self?: NodeId): string | undefined {
  const read = tokenPort.read(token);
  const result = read === undefined ? undefined : readClaims(read, fleet);
  if (result?.ok !== true) return undefined;
  const { claims } = result;
  if (claims.kind === "root") return token;
  if (claims.kind === "charter") return "charter";
  const isOwn = claims.kind === "grant" && (self === undefined || claims.node === self);
  return isOwn ? "grant" : undefined;
}
