/** `POST /-/leave`: this node says goodbye to its fleet and ends (rules VE9, HT28). Whoever runs the node decides what ending is. */
import { PulsemeshError } from "@pulsemesh/core";
import type { NodeIssuer } from "@pulsemesh/node";
import { z } from "zod";
import type { GatewayContext } from "../context.ts";
import type { LeavingJson } from "../json/leaving.ts";
import { JSON_MEDIA_TYPE } from "../media-types.ts";
import { HttpProblem } from "../problem.ts";
import { readQuery, single } from "../request/query.ts";
import type { Route } from "../route.ts";

const leaveQuery = z.object({
  without_issuer: single(z.enum(["0", "1"]).default("0")).describe(
    "1: also where the fleet has no other issuer: nobody is let in or revoked from then on, and grants end",
  ),
});

export function leaveRoutes({ node, leave }: GatewayContext): readonly Route[] {
  return [
    {
      methods: ["POST"],
      path: "/-/leave",
      operation: "leave",
      summary: "Say goodbye to the fleet and end; the node counts again when it is started again",
      writes: true,
      operates: true,
      query: leaveQuery,
      responses: {
        202: { description: "It is about to", type: JSON_MEDIA_TYPE, schema: "Leaving" },
      },
      errors: ["issuer-last"],
      handle: (request, reply) => {
        const isMeant = readQuery(leaveQuery, request.query).without_issuer === "1";
        if (!isMeant) checkLeaving(node.issuer);
        const leaving: LeavingJson = { id: node.id, leaving: true };
        reply.raw.once("finish", leave);
        return reply.code(202).type(JSON_MEDIA_TYPE).send(JSON.stringify(leaving));
      },
    },
  ];
}

/** @throws HttpProblem `issuer-last` */
function checkLeaving(issuer: NodeIssuer | undefined): void {
  try {
    issuer?.checkLeaving();
  } catch (error) {
    if (error instanceof PulsemeshError) throw new HttpProblem(error.code, error.message);
    throw error;
  }
}
