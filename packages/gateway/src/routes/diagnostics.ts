/** `GET /api/v1/diagnostics`: what this node finds out about itself and its surroundings, for `pulsemesh doctor`. */
import type { GatewayContext } from "../context.ts";
import { diagnosticsJson } from "../json/diagnostics.ts";
import { JSON_MEDIA_TYPE } from "../media-types.ts";
import type { Route } from "../route.ts";

export function diagnosticRoutes({ node }: GatewayContext): readonly Route[] {
  return [
    {
      methods: ["GET"],
      path: "/api/v1/diagnostics",
      operation: "getDiagnostics",
      summary:
        "Disk, process and settings of this node, and how it and members reach each other, tried out for up to 8 s",
      writes: false,
      shared: true,
      responses: {
        200: { description: "What was found", type: JSON_MEDIA_TYPE, schema: "Diagnostics" },
      },
      errors: [],
      handle: async (_request, reply) => {
        const found = diagnosticsJson(await node.diagnose());
        return reply.type(JSON_MEDIA_TYPE).send(JSON.stringify(found));
      },
    },
  ];
}
