/** The audit log as readers see it. */
import type { AuditLine, AuditVerification } from "@pulsemesh/node";
import { z } from "zod";
import { rfc3339 } from "./rfc3339.ts";
import { timeSchema } from "./words.ts";

export interface AuditEntryJson {
  readonly index: number;
  readonly time: string;
  readonly kind: string;
  readonly data: unknown;
  /** Hex SHA-256 that chains this entry to all before it. */
  readonly hash: string;
}

export interface AuditListJson {
  /** In the order of the log. */
  readonly entries: readonly AuditEntryJson[];
  /** Give it as `before` for the page before this one; null when this page holds the first entry. */
  readonly before: number | null;
}

export type AuditVerifyJson =
  | { readonly ok: true; readonly size: number; readonly pruned: number; readonly head: string }
  | {
      readonly ok: false;
      readonly size: number;
      readonly pruned: number;
      /** The first of `faults`. */
      readonly bad_index: number;
      readonly reason: string;
      /** Ranges of bad entries, both ends included, 100 at most. */
      readonly faults: readonly {
        readonly from: number;
        readonly to: number;
        readonly reason: string;
      }[];
    };

export const auditListSchema: z.ZodType<AuditListJson> = z.strictObject({
  entries: z.array(
    z.strictObject({
      index: z.int().min(0),
      time: timeSchema,
      kind: z.string(),
      data: z.unknown(),
      hash: z.string().describe("Hex SHA-256 that chains this entry to all before it"),
    }),
  ),
  before: z
    .int()
    .nullable()
    .describe("Give it as `before` for the page before this one; null when this is the first"),
});

export const auditVerifySchema: z.ZodType<AuditVerifyJson> = z.discriminatedUnion("ok", [
  z.strictObject({
    ok: z.literal(true),
    size: z.int().describe("Entries ever written"),
    pruned: z.int().describe("The oldest of them that are kept no more"),
    head: z.string(),
  }),
  z.strictObject({
    ok: z.literal(false),
    size: z.int(),
    pruned: z.int(),
    bad_index: z.int(),
    reason: z.string(),
    faults: z
      .array(z.strictObject({ from: z.int(), to: z.int(), reason: z.string() }))
      .describe("Ranges of bad entries, both ends included, 100 at most; the first is `bad_index`"),
  }),
]);

/** @param limit what was asked for: a shorter page is the first one */
export function auditListJson(lines: readonly AuditLine[], limit: number): AuditListJson {
  const sorted = lines.toSorted((a, b) => a.index - b.index);
  const first = sorted[0]?.index ?? 0;
  return {
    entries: sorted.map((line) => ({
      index: line.index,
      time: rfc3339(line.wallMs),
      kind: line.kind,
      data: line.data,
      hash: line.hash,
    })),
    before: sorted.length >= limit && first > 0 ? first : null,
  };
}

export function auditVerifyJson(result: AuditVerification): AuditVerifyJson {
  return result.ok
    ? { ok: true, size: result.size, pruned: result.pruned, head: result.head }
    : {
        ok: false,
        size: result.size,
        pruned: result.pruned,
        bad_index: result.badIndex,
        reason: result.reason,
        faults: result.faults,
      };
}
