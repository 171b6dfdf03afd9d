/** `POST /-/reload`: reads the config file again, as SIGHUP does (rules CFG8, CFG9). The gateway only asks; whoever runs the node reloads. */
import type { GatewayContext } from "../context.ts";
import { JSON_MEDIA_TYPE } from "../media-types.ts";
import { HttpProblem } from "../problem.ts";
import type { Route } from "../route.ts";

export function reloadRoutes({ reload }: GatewayContext): readonly Route[] {
  return [
    {
      methods: ["POST"],
      path: "/-/reload",
      operation: "reload",
      summary: "Read the config file again: log level, robots, certificate and token",
      writes: true,
      operates: true,
      responses: { 200: { description: "Done", type: JSON_MEDIA_TYPE, schema: "Reload" } },
      errors: ["config-none", "config-invalid", "tls-invalid", "token-file-invalid"],
      handle: async (_request, reply) => {
        if (reload === undefined) {
          throw new HttpProblem("config-none", "This node runs without a config file.");
        }
        return reply.type(JSON_MEDIA_TYPE).send(JSON.stringify(await reload()));
      },
    },
  ];
}
