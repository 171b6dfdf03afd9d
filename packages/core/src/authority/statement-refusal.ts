/** Why a statement is not taken: whose fault that is, and what people are told. */
import type { TakeResult } from "./authority.ts";

/** Wrong for nobody but this node, or now. */
export const HARMLESS: ReadonlySet<string> = new Set([
  "signer-unknown",
  "statement-unknown",
  "authority-full",
  "rate",
]);

export const REFUSED: Readonly<Record<Extract<TakeResult, { status: "refused" }>["code"], string>> =
  {
    "statement-malformed": "this is no statement of a fleet's authority, or its signature is wrong",
    "statement-oversized": "the statement is longer than this fleet takes",
    "statement-unknown": "this node's version knows no statements of that kind",
    "fleet-foreign": "the statement is of another fleet",
    "signer-unknown": "whoever signed it has no authority here, as far as this node knows",
    "authority-full": "this fleet holds as many statements of this kind as it can",
  };
