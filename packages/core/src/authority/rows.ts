/** Where statements are on disk: row `authority/<id>` = dag-cbor text of the token. Nothing else writes there. */
import type { StatementId } from "./claims.ts";

export const AUTHORITY_PREFIX = "authority/";

export function statementRow(id: StatementId): string {
  return AUTHORITY_PREFIX + id;
}
