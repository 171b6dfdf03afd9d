/** `GET /api/v1/robots[/{id}]`: everything that this node knows about robots. */
import { compareText, type RobotView } from "@pulsemesh/core";
import type { FastifyReply } from "fastify";
import { z } from "zod";
import type { GatewayContext } from "../context.ts";
import { nodeNames, robotJson, type RobotListJson } from "../json/robot.ts";
import { robotIdSchema, statusSchema } from "../json/words.ts";
import { LABEL_FILTERS_MAX, ROBOTS_PAGE_MAX } from "../limits.ts";
import { JSON_MEDIA_TYPE } from "../media-types.ts";
import { readQuery, several, single, wholeNumber } from "../request/query.ts";
import { knownRobot, robotIdOf } from "../request/robot-id.ts";
import type { Route } from "../route.ts";

const listQuery = z.object({
  status: several(statusSchema, 7).describe("Only robots with this status; repeat for several"),
  region: single(z.string().optional()).describe("Only robots whose home node is in this region"),
  label: several(z.string().regex(/^[^=]+=/, "must be key=value"), LABEL_FILTERS_MAX).describe(
    "Only robots with the label key=value; repeat to demand several",
  ),
  after: single(robotIdSchema.optional()).describe("`next` of the page before"),
  limit: single(wholeNumber(1, ROBOTS_PAGE_MAX).default(ROBOTS_PAGE_MAX)),
});

export function robotRoutes(context: GatewayContext): readonly Route[] {
  return [listRoute(context), robotRoute(context)];
}

function robotRoute({ node }: GatewayContext): Route {
  return {
    methods: ["GET", "HEAD"],
    path: "/api/v1/robots/{robot}",
    operation: "getRobot",
    summary: "One robot",
    writes: false,
    responses: { 200: { description: "The robot", type: JSON_MEDIA_TYPE, schema: "Robot" } },
    errors: ["robot-id-invalid", "robot-unknown"],
    handle: (request, reply) => {
      const robot = knownRobot(node, robotIdOf(request));
      return sendJson(reply, robotJson(robot, nodeNames(node.fleetView())));
    },
  };
}

function listRoute({ node }: GatewayContext): Route {
  return {
    methods: ["GET", "HEAD"],
    path: "/api/v1/robots",
    operation: "listRobots",
    summary: "Robots of the fleet by id, in pages",
    writes: false,
    query: listQuery,
    responses: { 200: { description: "One page", type: JSON_MEDIA_TYPE, schema: "RobotList" } },
    errors: [],
    handle: (request, reply) => {
      const query = readQuery(listQuery, request.query);
      const names = nodeNames(node.fleetView());
      const found = node
        .robots()
        .filter((robot) => matches(robot, query, names.get(robot.node ?? "")?.region))
        .toSorted((a, b) => compareText(a.robot, b.robot));
      const page = found.slice(0, query.limit).map((robot) => robotJson(robot, names));
      const list: RobotListJson = {
        robots: page,
        next: found.length > query.limit ? (page.at(-1)?.robot_id ?? null) : null,
      };
      return sendJson(reply, list);
    },
  };
}

function matches(
  robot: RobotView,
  query: z.output<typeof listQuery>,
  region: string | undefined,
): boolean {
  return (
    (query.after === undefined || compareText(robot.robot, query.after) > 0) &&
    (query.status.length === 0 || query.status.includes(robot.status)) &&
    (query.region === undefined || query.region === region) &&
    query.label.every((label) => {
      const at = label.indexOf("=");
      const key = label.slice(0, at);
      return Object.hasOwn(robot.labels, key) && robot.labels[key] === label.slice(at + 1);
    })
  );
}

function sendJson(reply: FastifyReply, value: object): FastifyReply {
  return reply.type(JSON_MEDIA_TYPE).send(JSON.stringify(value));
}
