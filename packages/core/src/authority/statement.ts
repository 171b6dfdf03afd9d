/** A statement of the fleet's authority as it is held: its token, the token's hash as its name, and what it says. */
import type { ReadingEnv } from "../env.ts";
import { statementId } from "./statement-hash.ts";
import { readClaims, type Claims, type StatementId } from "./claims.ts";
import { GRANT_LENGTH_MAX, STATEMENT_LENGTH_MAX } from "./limits.ts";

export interface Statement<C extends Claims = Claims> {
  readonly id: StatementId;
  readonly token: string;
  readonly claims: C;
}

export type StatementResult =
  | { readonly ok: true; readonly statement: Statement }
  | {
      readonly ok: false;
      readonly code:
        | "statement-malformed"
        | "statement-oversized"
        /** Of a kind that a later version has (rule SG2). */
        | "statement-unknown"
        | "fleet-foreign";
    };

/** Checks the signature of a token and reads it; says nothing of whether its signer has any authority. Never throws. */
export function openStatement(env: ReadingEnv, token: string): StatementResult {
  if (token.length > STATEMENT_LENGTH_MAX) return { ok: false, code: "statement-oversized" };
  const read = env.ports.tokens.read(token);
  if (read === undefined) return { ok: false, code: "statement-malformed" };
  const result = readClaims(read, env.identity.fleet);
  if (!result.ok) return result;
  const { claims } = result;
  if (claims.kind === "grant" && token.length > GRANT_LENGTH_MAX)
    return { ok: false, code: "statement-oversized" };
  return { ok: true, statement: { id: statementId(env.ports, token), token, claims } };
}
