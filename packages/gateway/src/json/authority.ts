/** What a node holds of the fleet's authority: who is a member, by whose word, and until when (rules ME1–ME3). */
import { type AuthorityView, type GrantStanding, ROLES, type Role } from "@pulsemesh/core";
import { z } from "zod";
import { rfc3339 } from "./rfc3339.ts";
import { timeSchema } from "./words.ts";

interface GrantJson {
  /** The node. */
  readonly id: string;
  /** The id of the grant itself. */
  readonly statement: string;
  /** As it was last known, also where it is no member any more; null where it was never seen. */
  readonly name: string | null;
  readonly standing: GrantStanding;
  readonly roles: readonly Role[];
  readonly robots: readonly string[];
  readonly region: string;
  readonly issuer: string;
  readonly not_before: string;
  readonly expires: string;
}

/** A key that may grant, and up to what. */
interface IssuerJson {
  readonly key: string;
  readonly roles: readonly Role[];
  readonly robots: readonly string[];
  readonly expires: string;
}

export interface AuthorityJson {
  readonly fleet: string;
  /** Whether only who was granted something is a member. */
  readonly closed: boolean;
  /** Nothing was heard of the authority for a day. */
  readonly stale: boolean;
  readonly news_at: string | null;
  readonly root: {
    readonly id: string;
    readonly number: number;
    /** By the clock of who signed it. */
    readonly at: string;
    readonly key: string;
    readonly charter_key: string;
    readonly issuers: readonly IssuerJson[];
    readonly void: readonly string[];
    readonly disputed: readonly number[];
    readonly unanswered: readonly number[];
  } | null;
  readonly charter: {
    readonly id: string;
    readonly number: number;
    readonly at: string;
    readonly disputed: boolean;
  } | null;
  /** Root statements from the first on, then the charter, as they were signed. */
  readonly statements: readonly string[];
  readonly grants: readonly GrantJson[];
  /** Grants that newer ones of their issuer have taken the place of, the newest first: whoever has stolen its key may have made those. */
  readonly superseded: readonly {
    /** The node. */
    readonly id: string;
    /** The id of the grant itself. */
    readonly statement: string;
    readonly roles: readonly Role[];
    readonly issuer: string;
    readonly at: string;
    readonly expires: string;
  }[];
  readonly revoked: readonly {
    readonly id: string;
    readonly statement: string;
    /** As it was last known; null where it was never seen. Left out by earlier releases. */
    readonly name?: string | null | undefined;
    readonly reason: string;
    readonly by: string;
    readonly at: string;
  }[];
}

export const authoritySchema: z.ZodType<AuthorityJson> = z.strictObject({
  fleet: z.string(),
  closed: z.boolean().describe("Whether only who was granted something is a member"),
  stale: z.boolean().describe("Nothing was heard of the authority for a day"),
  news_at: timeSchema.nullable().describe("As of when it is known who was revoked"),
  root: z
    .strictObject({
      id: z.string(),
      number: z.int(),
      at: timeSchema.describe("By the clock of who signed it"),
      key: z.string(),
      charter_key: z.string(),
      issuers: z.array(
        z.strictObject({
          key: z.string(),
          roles: z.array(z.enum(ROLES as [Role, ...Role[]])),
          robots: z.array(z.string()),
          expires: timeSchema,
        }),
      ),
      void: z.array(z.string()).describe("Keys of issuers that are not to be trusted"),
      disputed: z
        .array(z.int())
        .describe(
          "Numbers of which there is another one: somebody else has, or had, the root's key",
        ),
      unanswered: z
        .array(z.int())
        .describe("Those of them by the key that stands: no rotation has taken it from him yet"),
    })
    .nullable(),
  charter: z
    .strictObject({
      id: z.string(),
      number: z.int(),
      at: timeSchema,
      disputed: z
        .boolean()
        .describe(
          "There is another one with its number: somebody else has the key that signs them",
        ),
    })
    .nullable(),
  statements: z
    .array(z.string())
    .describe("Root statements from the first on, then the charter, as they were signed"),
  grants: z.array(
    z.strictObject({
      id: z.string().describe("The node"),
      statement: z.string().describe("The id of the grant itself"),
      name: z.string().nullable().describe("As it was last known"),
      standing: z.enum(["granted", "early", "expired", "honoured", "revoked"]),
      roles: z.array(z.enum(ROLES as [Role, ...Role[]])),
      robots: z.array(z.string()).describe("Robot ids, or beginnings and a star"),
      region: z.string(),
      issuer: z.string(),
      not_before: timeSchema,
      expires: timeSchema,
    }),
  ),
  superseded: z
    .array(
      z.strictObject({
        id: z.string().describe("The node"),
        statement: z.string().describe("The id of the grant itself"),
        roles: z.array(z.enum(ROLES as [Role, ...Role[]])),
        issuer: z.string(),
        at: timeSchema,
        expires: timeSchema,
      }),
    )
    .describe("Grants that newer ones of their issuer have taken the place of"),
  revoked: z.array(
    z.strictObject({
      id: z.string().describe("The node"),
      statement: z.string().describe("The id of the revocation itself"),
      name: z.string().nullable().optional().describe("As it was last known"),
      reason: z.string(),
      by: z.string(),
      at: timeSchema,
    }),
  ),
});

export interface AuthorityFacts {
  readonly fleet: string;
  readonly authority: AuthorityView;
  readonly nameOf: (node: string) => string | undefined;
}

export function authorityJson({ fleet, authority, nameOf }: AuthorityFacts): AuthorityJson {
  const { root, charter, newsWallMs } = authority;
  return {
    fleet,
    closed: authority.isClosed,
    stale: authority.isStale,
    news_at: newsWallMs === undefined ? null : rfc3339(newsWallMs),
    root:
      root === undefined
        ? null
        : {
            id: root.id,
            number: root.number,
            at: rfc3339(root.atWallMs),
            key: root.key,
            charter_key: root.charterKey,
            issuers: root.issuers.map(({ key, expS, roles, robots }) => ({
              key,
              roles,
              robots,
              expires: rfc3339(expS * 1_000),
            })),
            void: root.voids,
            disputed: authority.disputedRoots,
            unanswered: authority.unansweredRoots,
          },
    charter:
      charter === undefined
        ? null
        : {
            id: charter.id,
            number: charter.number,
            at: rfc3339(charter.atWallMs),
            disputed: charter.isDisputed,
          },
    statements: authority.enrolment,
    grants: authority.grants.map((grant) => ({
      id: grant.node,
      statement: grant.id,
      name: nameOf(grant.node) ?? grant.name ?? null,
      standing: grant.standing,
      roles: grant.roles,
      robots: grant.robots,
      region: grant.region,
      issuer: grant.issuer,
      not_before: rfc3339(grant.notBeforeWallMs),
      expires: rfc3339(grant.expWallMs),
    })),
    superseded: authority.superseded.map(supersededJson),
    revoked: authority.revocations.map(({ id, node, name, reason, by, atWallMs }) => ({
      id: node,
      statement: id,
      name: nameOf(node) ?? name ?? null,
      reason,
      by,
      at: rfc3339(atWallMs),
    })),
  };
}

function supersededJson(
  grant: AuthorityView["superseded"][number],
): AuthorityJson["superseded"][number] {
  return {
    id: grant.node,
    statement: grant.id,
    roles: grant.roles,
    issuer: grant.issuer,
    at: rfc3339(grant.issuedWallMs),
    expires: rfc3339(grant.expWallMs),
  };
}
