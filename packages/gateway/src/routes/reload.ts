/** `POST /-/reload`: reads the config file again, as SIGHUP does (rules CFG8, CFG9). The gateway only asks; whoever runs the node reloads. */
import { z } from "zod";
import type { GatewayContext } from "../context.ts";
import { JSON_MEDIA_TYPE } from "../media-types.ts";
import { HttpProblem } from "../problem.ts";
import type { Route } from "../route.ts";

/** What a reload did. */
export interface ReloadJson {
  /** Taken over, such as `log.level` or `robot scanner`. */
  readonly applied: readonly string[];
  /** Changed in the file, and in effect after a restart only. */
  readonly needs_restart: readonly string[];
  /** Robots that the file no longer names; they stay until they are retired. */
  readonly no_longer_named: readonly string[];
  /** Hex SHA-256 of the file. */
  readonly config_hash: string;
}

export const reloadSchema: z.ZodType<ReloadJson> = z.object({
  applied: z.array(z.string()).readonly(),
  needs_restart: z.array(z.string()).readonly(),
  no_longer_named: z.array(z.string()).readonly(),
  config_hash: z.string(),
});

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
