/** The named shapes of `/openapi.json`: the same zod schemas that tests hold answers against, as JSON Schema 2020-12. */
import { z } from "zod";
import { auditListSchema, auditVerifySchema } from "../json/audit.ts";
import { authoritySchema } from "../json/authority.ts";
import { diagnosticsSchema } from "../json/diagnostics.ts";
import { eventSchema } from "../json/event.ts";
import {
  enrolmentSchema,
  grantTermsSchema,
  inviteSchema,
  inviteTermsSchema,
  openInvitesSchema,
  revocationTermsSchema,
} from "../json/issuing.ts";
import { leavingSchema } from "../json/leaving.ts";
import { matrixSchema } from "../json/matrix.ts";
import { peersSchema } from "../json/peers.ts";
import { registrationSchema } from "../json/registration.ts";
import { reloadSchema } from "../json/reload.ts";
import { retirementSchema } from "../json/retirement.ts";
import { robotListSchema, robotSchema } from "../json/robot.ts";
import { verdictBundleSchema } from "../json/verdict-bundle.ts";
import { nodeWitnessesSchema, robotWitnessesSchema } from "../json/witnesses.ts";
import { jsonObjectSchema } from "../json/words.ts";
import { problemSchema } from "../problem.ts";

const NAMED_SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  Robot: robotSchema,
  RobotList: robotListSchema,
  Registration: registrationSchema,
  Retirement: retirementSchema,
  Leaving: leavingSchema,
  State: jsonObjectSchema,
  Peers: peersSchema,
  NodeWitnesses: nodeWitnessesSchema,
  RobotWitnesses: robotWitnessesSchema,
  VerdictBundle: verdictBundleSchema,
  Matrix: matrixSchema,
  Authority: authoritySchema,
  InviteTerms: inviteTermsSchema,
  Invite: inviteSchema,
  Invites: openInvitesSchema,
  GrantTerms: grantTermsSchema,
  Enrolment: enrolmentSchema,
  RevocationTerms: revocationTermsSchema,
  Diagnostics: diagnosticsSchema,
  Event: eventSchema,
  AuditList: auditListSchema,
  AuditVerify: auditVerifySchema,
  Reload: reloadSchema,
  Problem: problemSchema,
};

export type JsonSchema = Readonly<Record<string, unknown>>;

/** Of a value as it leaves the gateway. Readers must tolerate new fields, so none are ruled out. */
export function toJsonSchema(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io: "output",
    unrepresentable: "any",
    override: ({ jsonSchema }) => {
      if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
      if (jsonSchema.format === "date-time") delete jsonSchema.pattern;
    },
  });
  return rest;
}

export function namedSchemas(): Readonly<Record<string, JsonSchema>> {
  return Object.fromEntries(
    Object.entries(NAMED_SCHEMAS).map(([name, schema]) => [name, toJsonSchema(schema)]),
  );
}
