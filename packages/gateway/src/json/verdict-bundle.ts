/** A bundle of evidence as it is served: signed as a whole, so that nobody but its maker may write it anew (rule VE10). */
import type { Bundle } from "@pulsemesh/core";
import { z } from "zod";

const wordsSchema = z.array(
  z.looseObject({
    by: z.string(),
    name: z.string(),
    said: z.union([z.array(z.int()).length(3), z.string()]),
    sig: z.string(),
  }),
);

/** What a program that reads it may count on; `pulsemesh verify-verdict` checks it. */
export const verdictBundleSchema: z.ZodType<
  Pick<Bundle, "format" | "fleet" | "reason" | "at" | "statements"> & { readonly sig: string }
> = z.looseObject({
  format: z.string(),
  fleet: z.string(),
  subject: z.looseObject({ id: z.string(), name: z.string(), region: z.string() }),
  reason: z.enum(["quorum", "single-witness"]),
  pulse: z.array(z.int()).length(2),
  at: z.int().describe("Wall ms of its maker"),
  members: z.int(),
  quorum: z.int(),
  header: z.string().nullable(),
  accusations: wordsSchema,
  objections: wordsSchema,
  ups: wordsSchema,
  statements: z
    .array(z.string())
    .describe("Of the fleet's authority: who is a member by whose word"),
  by: z.string().describe("The node that made it, and signed all of it"),
  sig: z.string(),
});
