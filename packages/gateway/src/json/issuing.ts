/** What an issuer is asked by HTTP, and what it answers (rules ME1, ME7). */
import { ROLES, type Role } from "@pulsemesh/core";
import type { GrantTerms, OpenInvite } from "@pulsemesh/node";
import { z } from "zod";
import { HttpProblem } from "../problem.ts";
import { rfc3339 } from "./rfc3339.ts";
import { timeSchema } from "./words.ts";

const roleSchema = z.enum(ROLES as [Role, ...Role[]]);
const termsShape = {
  roles: z.array(roleSchema).min(1).default(["robot"]),
  robots: z
    .array(z.string())
    .default([])
    .describe("Robot ids, or beginnings and a star, that the node may write about"),
  region: z.string().min(1).max(64).optional().describe("What the node says, where it is left out"),
};

/** One invite that has not ended; its secret is nowhere. */
export interface OpenInviteJson {
  readonly id: string;
  readonly roles: readonly Role[];
  readonly robots: readonly string[];
  readonly region: string | null;
  readonly uses: number;
  readonly used_by: readonly string[];
  readonly expires: string;
}

export interface InviteJson {
  /** To be shown to who is to become a member; a secret. */
  readonly invite: string;
  readonly expires: string;
}

const HOUR_MS = 3_600_000;
const inviteTerms = z.strictObject({
  ...termsShape,
  ttl_ms: z.int().min(1_000).default(HOUR_MS).describe("For how long it is open, 7 days at most"),
  uses: z.int().min(1).default(1),
});
const grantTerms = z.strictObject({
  request: z.string().describe("As the node wrote it"),
  ...termsShape,
  life_ms: z.int().min(60_000).optional().describe("14 days where it is left out, 31 at most"),
});
const revocationTerms = z.strictObject({ reason: z.string().max(128).default("") });

export const inviteTermsSchema: z.ZodType = inviteTerms;
export const grantTermsSchema: z.ZodType = grantTerms;
export const revocationTermsSchema: z.ZodType = revocationTerms;
export const inviteSchema: z.ZodType<InviteJson> = z.strictObject({
  invite: z.string().describe("A secret: whoever shows it at this node becomes a member"),
  expires: timeSchema,
});
export const openInvitesSchema: z.ZodType<{ readonly invites: readonly OpenInviteJson[] }> =
  z.strictObject({
    invites: z.array(
      z.strictObject({
        id: z.string(),
        roles: z.array(roleSchema),
        robots: z.array(z.string()),
        region: z.string().nullable(),
        uses: z.int(),
        used_by: z.array(z.string()),
        expires: timeSchema,
      }),
    ),
  });
export const enrolmentSchema: z.ZodType<{ readonly statements: readonly string[] }> =
  z.strictObject({
    statements: z.array(z.string()).describe("Everything that the node needs to be a member"),
  });

/** @throws HttpProblem `request-invalid` naming the first wrong field */
export function inviteTermsOf(body: unknown): GrantTerms & {
  readonly ttlMs: number;
  readonly uses: number;
} {
  const { ttl_ms: ttlMs, uses, ...terms } = read(inviteTerms, body);
  return { ...terms, ttlMs, uses };
}

/** @throws HttpProblem `request-invalid` naming the first wrong field */
export function grantTermsOf(body: unknown): {
  readonly request: string;
  readonly terms: GrantTerms;
} {
  const { request, life_ms: lifeMs, ...terms } = read(grantTerms, body);
  return { request, terms: { ...terms, lifeMs } };
}

/** @throws HttpProblem `request-invalid` naming the first wrong field */
export function revocationReasonOf(body: unknown): string {
  return read(revocationTerms, body).reason;
}

export function openInviteJson(invite: OpenInvite): OpenInviteJson {
  const { id, roles, robots, region, usesMax, usedBy, endS } = invite;
  const expires = rfc3339(endS * 1_000);
  return { id, roles, robots, region: region ?? null, uses: usesMax, used_by: usedBy, expires };
}

function read<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = issue?.path.join(".") ?? "";
  const what = path === "" ? "The body" : `The field '${path}'`;
  throw new HttpProblem(
    "request-invalid",
    `${what} is wrong: ${issue?.message ?? "unexpected value"}.`,
  );
}
