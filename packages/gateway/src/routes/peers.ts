/** `GET /api/v1/peers`: the mesh as this node sees it. */
import type { GatewayContext } from "../context.ts";
import { peersJson } from "../json/peers.ts";
import { JSON_MEDIA_TYPE } from "../media-types.ts";
import type { Route } from "../route.ts";

export function peerRoutes({ node }: GatewayContext): readonly Route[] {
  return [
    {
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
    },
  ];
}
