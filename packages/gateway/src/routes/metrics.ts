/** `GET /metrics` for Prometheus. */
import type { GatewayContext } from "../context.ts";
import type { Route } from "../route.ts";

export function metricRoutes(context: GatewayContext): readonly Route[] {
  return [
    {
      methods: ["GET", "HEAD"],
      path: "/metrics",
      operation: "metrics",
      summary: "Metrics in the Prometheus text format",
      writes: false,
      responses: {
        200: { description: "Metrics", type: "text/plain; version=0.0.4; charset=utf-8" },
      },
      errors: [],
      handle: async (_request, reply) => {
        // Loaded when somebody scrapes: with what it brings along it is a twelfth of all modules, and many nodes are never scraped.
        const { exposition } = await import("../metrics/exposition.ts");
        const { contentType, text } = await exposition(context);
        return reply.type(contentType).send(text);
      },
    },
  ];
}
