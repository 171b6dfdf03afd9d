/** `POST /-/leave`: this node says goodbye to its fleet and ends (rules VE9, HT28). Whoever runs the node decides what ending is. */
import type { GatewayContext } from "../context.ts";
import type { LeavingJson } from "../json/leaving.ts";
import { JSON_MEDIA_TYPE } from "../media-types.ts";
import type { Route } from "../route.ts";

export function leaveRoutes({ node, leave }: GatewayContext): readonly Route[] {
  return [
    {
      methods: ["POST"],
      path: "/-/leave",
      operation: "leave",
      summary: "Say goodbye to the fleet and end; the node counts again when it is started again",
      writes: true,
      operates: true,
      responses: {
        202: { description: "It is about to", type: JSON_MEDIA_TYPE, schema: "Leaving" },
      },
      errors: [],
      handle: (_request, reply) => {
        const leaving: LeavingJson = { id: node.id, leaving: true };
        reply.raw.once("finish", leave);
        return reply.code(202).type(JSON_MEDIA_TYPE).send(JSON.stringify(leaving));
      },
    },
  ];
}
