/**
 * Probes for supervisors. None depends on peers (promise P8): a partition must not restart the sidecars on either side.
 * `/livez` answers as long as the event loop does.
 */
import type { GatewayContext } from "../context.ts";
import { TEXT_MEDIA_TYPE } from "../media-types.ts";
import { HttpProblem } from "../problem.ts";
import type { Route } from "../route.ts";

export function probeRoutes({ node }: GatewayContext): readonly Route[] {
  // Ready once means started for good; readiness itself ends when the node stops.
  let started = false;
  return [
    probe("/livez", "livez", "Whether the process answers", () => true),
    probe(
      "/readyz",
      "readyz",
      "Whether the node takes beats and has joined, or is alone on purpose",
      () => {
        started ||= node.ready();
        return node.ready();
      },
    ),
    probe(
      "/startupz",
      "startupz",
      "Whether the node has started",
      () => (started ||= node.ready()),
    ),
  ];
}

function probe(path: string, operation: string, summary: string, holds: () => boolean): Route {
  return {
    methods: ["GET", "HEAD"],
    path,
    operation,
    summary,
    writes: false,
    open: true,
    responses: { 200: { description: "Yes", type: TEXT_MEDIA_TYPE, example: "ok" } },
    errors: [],
    handle: (_request, reply) => {
      if (!holds()) throw new HttpProblem("not-ready", "The node has not joined its fleet yet.");
      return reply.type(TEXT_MEDIA_TYPE).send("ok");
    },
  };
}
