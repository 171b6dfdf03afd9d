/** `GET /api/v1/audit` and `/audit/verify`: the node's own log, and whether it is whole. */
import type { AuditVerification } from "@pulsemesh/node";
import { z } from "zod";
import type { GatewayContext } from "../context.ts";
import { auditListJson, auditVerifyJson } from "../json/audit.ts";
import { AUDIT_PAGE_MAX } from "../limits.ts";
import { JSON_MEDIA_TYPE } from "../media-types.ts";
import { readQuery, single, wholeNumber } from "../request/query.ts";
import type { Route } from "../route.ts";

const auditQuery = z.object({
  limit: single(wholeNumber(1, AUDIT_PAGE_MAX).default(100)),
  before: single(wholeNumber(0, Number.MAX_SAFE_INTEGER).optional()).describe(
    "Only entries with a smaller index",
  ),
});

export function auditRoutes(context: GatewayContext): readonly Route[] {
  return [tailRoute(context), verifyRoute(context)];
}

function tailRoute({ node }: GatewayContext): Route {
  return {
    methods: ["GET", "HEAD"],
    path: "/api/v1/audit",
    operation: "auditTail",
    summary: "The newest entries of this node's audit log",
    writes: false,
    query: auditQuery,
    responses: {
      200: { description: "Entries, oldest first", type: JSON_MEDIA_TYPE, schema: "AuditList" },
    },
    errors: ["store-failed", "store-full"],
    handle: async (request, reply) => {
      const { limit, before } = readQuery(auditQuery, request.query);
      const lines = await node.auditTail({ limit, ...(before === undefined ? {} : { before }) });
      return reply.type(JSON_MEDIA_TYPE).send(JSON.stringify(auditListJson(lines, limit)));
    },
  };
}

function verifyRoute({ node }: GatewayContext): Route {
  // Reading a whole log is dear: callers at the same time share one run.
  let running: Promise<AuditVerification> | undefined;
  const verify = (): Promise<AuditVerification> =>
    (running ??= node.auditVerify().finally(() => {
      running = undefined;
    }));
  return {
    methods: ["GET"],
    path: "/api/v1/audit/verify",
    operation: "auditVerify",
    summary: "Check the hash chain of this node's audit log",
    writes: false,
    shared: true,
    responses: {
      200: { description: "Whether it is whole", type: JSON_MEDIA_TYPE, schema: "AuditVerify" },
    },
    errors: ["store-failed", "store-full"],
    handle: async (_request, reply) =>
      reply.type(JSON_MEDIA_TYPE).send(JSON.stringify(auditVerifyJson(await verify()))),
  };
}
