/** `GET /api/v1/peers`: the mesh as this node sees it; `DELETE /api/v1/peers/{id}`: a node that is gone counts no more. */
import { z } from "zod";
import type { GatewayContext } from "../context.ts";
import { peersJson } from "../json/peers.ts";
import { execute } from "../execute.ts";
import { retirementJson } from "../json/retirement.ts";
import { JSON_MEDIA_TYPE } from "../media-types.ts";
import { HttpProblem } from "../problem.ts";
import { readQuery, single } from "../request/query.ts";
import type { Route } from "../route.ts";

const retireQuery = z.object({
  certain: single(z.enum(["0", "1"]).default("0")).describe(
    "1: it is gone for good, also where the node that is asked cannot tell",
  ),
});

export function peerRoutes(context: GatewayContext): readonly Route[] {
  return [listRoute(context), retireRoute(context)];
}

function listRoute({ node }: GatewayContext): Route {
  return {
    methods: ["GET", "HEAD"],
    path: "/api/v1/peers",
    operation: "listPeers",
    summary: "This node, its peers, and how much of the roster is in sight",
    writes: false,
    responses: { 200: { description: "The mesh", type: JSON_MEDIA_TYPE, schema: "Peers" } },
    errors: [],
    handle: (_request, reply) => {
      const peers = peersJson({
        fleet: node.fleetView(),
        addresses: node.addresses(),
        roundTripMs: (id) => node.roundTripMs(id),
      });
      return reply.type(JSON_MEDIA_TYPE).send(JSON.stringify(peers));
    },
  };
}

function retireRoute({ node }: GatewayContext): Route {
  return {
    methods: ["DELETE"],
    path: "/api/v1/peers/{peer}",
    operation: "retirePeer",
    summary: "Take a node that is gone out of the fleet; it counts again when it is heard again",
    writes: true,
    query: retireQuery,
    responses: {
      200: {
        description: "Said, and durable; `already` where it had been before",
        type: JSON_MEDIA_TYPE,
        schema: "Retirement",
      },
    },
    errors: [
      "peer-unknown",
      "peer-alive",
      "peer-uncertain",
      "robots-max",
      "state-too-large",
      "observer",
      "store-failed",
      "store-full",
    ],
    handle: async (request, reply) => {
      const { peer } = request.params as { readonly peer: string };
      const { certain } = readQuery(retireQuery, request.query);
      const command = { type: "retire-node", node: peer, isCertain: certain === "1" } as const;
      const { retired } = await execute(node, command);
      if (retired === undefined)
        throw new HttpProblem("internal", "The node said nothing of the retirement.");
      const json = retirementJson(peer, retired, node.fleetView());
      return reply.type(JSON_MEDIA_TYPE).send(JSON.stringify(json));
    },
  };
}
