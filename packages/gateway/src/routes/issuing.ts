/** Invites, grants and revocations, at a node with an issuer's key (rules ME1, ME7, HT36); others say that they have none. */
import { type ErrorCode, PulsemeshError } from "@pulsemesh/core";
import type { NodeIssuer } from "@pulsemesh/node";
import type { GatewayContext } from "../context.ts";
import {
  grantTermsOf,
  inviteTermsOf,
  openInviteJson,
  revocationReasonOf,
} from "../json/issuing.ts";
import { rfc3339 } from "../json/rfc3339.ts";
import { JSON_MEDIA_TYPE } from "../media-types.ts";
import { HttpProblem } from "../problem.ts";
import { BODY_MEDIA_TYPE, jsonBodyOf } from "../request/json-body.ts";
import type { Route } from "../route.ts";

const INVITES = "/api/v1/authority/invites";

const ISSUING_ERRORS: readonly ErrorCode[] = [
  "json-invalid",
  "request-invalid",
  "issuer-none",
  "twin",
  "grant-beyond",
  "data-dir-unusable",
  "store-failed",
  "store-full",
];

export function issuingRoutes(context: GatewayContext): readonly Route[] {
  return [
    listRoute(context),
    inviteRoute(context),
    withdrawRoute(context),
    grantRoute(context),
    revokeRoute(context),
  ];
}

function listRoute(context: GatewayContext): Route {
  return {
    methods: ["GET", "HEAD"],
    path: INVITES,
    operation: "listInvites",
    summary: "Invites of this node that have not ended, without their secrets",
    writes: false,
    operates: true,
    responses: { 200: { description: "They", type: JSON_MEDIA_TYPE, schema: "Invites" } },
    errors: ["issuer-none", "data-dir-unusable"],
    handle: async (_request, reply) => {
      const invites = await issued(context, async (issuer) => issuer.invites.map(openInviteJson));
      return reply.type(JSON_MEDIA_TYPE).send(JSON.stringify({ invites }));
    },
  };
}

function inviteRoute(context: GatewayContext): Route {
  return {
    methods: ["POST"],
    path: INVITES,
    operation: "invite",
    summary: "Make an invite: whoever shows it at this node becomes a member",
    writes: true,
    operates: true,
    body: {
      description: "What the member may do; what is not said has its default",
      required: true,
      types: [BODY_MEDIA_TYPE],
      schema: "InviteTerms",
    },
    responses: { 201: { description: "It is open", type: JSON_MEDIA_TYPE, schema: "Invite" } },
    errors: [...ISSUING_ERRORS, "option-invalid", "invite-malformed", "invites-max"],
    handle: async (request, reply) => {
      const terms = inviteTermsOf(jsonBodyOf(request));
      const invite = await issued(context, (issuer) => issuer.invite(terms));
      const expires = rfc3339(Date.now() + terms.ttlMs);
      return reply.code(201).type(JSON_MEDIA_TYPE).send(JSON.stringify({ invite, expires }));
    },
  };
}

function withdrawRoute(context: GatewayContext): Route {
  return {
    methods: ["DELETE"],
    path: `${INVITES}/{invite}`,
    operation: "withdrawInvite",
    summary: "Close an invite before its end; who has used it stays a member",
    writes: true,
    operates: true,
    responses: { 204: { description: "Closed, and durable" } },
    errors: ["invite-unknown", "issuer-none", "data-dir-unusable"],
    handle: async (request, reply) => {
      const { invite } = request.params as { readonly invite: string };
      await issued(context, (issuer) => issuer.withdraw(invite));
      return reply.code(204).send();
    },
  };
}

function grantRoute(context: GatewayContext): Route {
  return {
    methods: ["POST"],
    path: "/api/v1/authority/grants",
    operation: "grant",
    summary: "Make the node that wrote a request a member, without meeting it",
    writes: true,
    operates: true,
    body: {
      description: "The request, and what the member may do",
      required: true,
      types: [BODY_MEDIA_TYPE],
      schema: "GrantTerms",
    },
    responses: {
      201: {
        description: "Granted, and told to all; to be carried to the node",
        type: JSON_MEDIA_TYPE,
        schema: "Enrolment",
      },
    },
    errors: [
      ...ISSUING_ERRORS,
      "request-malformed",
      "fleet-foreign",
      "key-revoked",
      "statement-malformed",
      "statement-oversized",
      "signer-unknown",
      "authority-full",
    ],
    handle: async (request, reply) => {
      const { request: word, terms } = grantTermsOf(jsonBodyOf(request));
      const statements = await issued(context, (issuer) => issuer.grant(word, terms));
      return reply.code(201).type(JSON_MEDIA_TYPE).send(JSON.stringify({ statements }));
    },
  };
}

function revokeRoute(context: GatewayContext): Route {
  return {
    methods: ["POST"],
    path: "/api/v1/peers/{peer}/revocation",
    operation: "revokePeer",
    summary: "End a membership for good: the node's key never counts again; what it wrote stays",
    writes: true,
    operates: true,
    body: {
      description: "`{reason}`, for people",
      required: true,
      types: [BODY_MEDIA_TYPE],
      schema: "RevocationTerms",
    },
    responses: { 204: { description: "Said, durable, and told to all" } },
    errors: [
      ...ISSUING_ERRORS,
      "peer-unknown",
      "issuer-last",
      "option-invalid",
      "statement-malformed",
      "statement-oversized",
      "signer-unknown",
      "authority-full",
    ],
    handle: async (request, reply) => {
      const { peer } = request.params as { readonly peer: string };
      const reason = revocationReasonOf(jsonBodyOf(request));
      await issued(context, (issuer) => issuer.revoke(peer, reason));
      return reply.code(204).send();
    },
  };
}

/** @throws HttpProblem `issuer-none`, and what the issuer refuses */
async function issued<T>(
  { node }: GatewayContext,
  act: (issuer: NodeIssuer) => Promise<T>,
): Promise<T> {
  const { issuer } = node;
  if (issuer === undefined)
    throw new HttpProblem("issuer-none", "This node has no issuer's key, so it can grant nothing.");
  try {
    return await act(issuer);
  } catch (error) {
    if (error instanceof PulsemeshError) throw new HttpProblem(error.code, error.message);
    throw error;
  }
}
