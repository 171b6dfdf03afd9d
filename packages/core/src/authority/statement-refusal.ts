/** Why a statement is not taken: whose fault that is, and what people are told. */
import type { Validation } from "../driver/transport.ts";
import type { TakeResult } from "./authority.ts";

/** Wrong for nobody but this node, or now. */
export const HARMLESS: ReadonlySet<string> = new Set([
  "signer-unknown",
  "statement-unknown",
  "authority-full",
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

/**
 * Malformed is wrong for everybody; what lacks a signer's authority may have it where more is known (rule SG4). What was not looked at, as its peer has said
 * too much, may be a friend's word as well, who has said less.
 */
export function validationOf(
  code: Extract<TakeResult, { status: "refused" }>["code"] | "rate",
): Validation {
  if (code === "rate") return "unheard";
  return HARMLESS.has(code) ? "ignore" : "reject";
}
