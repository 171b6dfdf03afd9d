/** `GET /api/v1/robots[/{id}]`: everything that this node knows about robots. */
import { setImmediate } from "node:timers/promises";
import { compareText, type RobotId, type RobotView } from "@pulsemesh/core";
import type { PulsemeshNode } from "@pulsemesh/node";
import type { FastifyReply } from "fastify";
import { z } from "zod";
import type { GatewayContext } from "../context.ts";
import { execute } from "../execute.ts";
import {
  type AskedHome,
  askedJson,
  nodeNames,
  type RobotJson,
  robotJson,
  type RobotListJson,
} from "../json/robot.ts";
import { robotIdSchema, statusSchema } from "../json/words.ts";
import { LABEL_FILTERS_MAX, ROBOTS_PAGE_MAX, ROBOTS_STEP_MAX } from "../limits.ts";
import { JSON_MEDIA_TYPE } from "../media-types.ts";
import { readQuery, several, single, wholeNumber } from "../request/query.ts";
import { knownRobot, robotIdOf } from "../request/robot-id.ts";
import type { Route } from "../route.ts";
import { versionTag } from "./inventory.ts";

const listQuery = z.object({
  status: several(statusSchema, 7).describe("Only robots with this status; repeat for several"),
  region: single(z.string().optional()).describe("Only robots whose home node is in this region"),
  label: several(z.string().regex(/^[^=]+=/, "must be key=value"), LABEL_FILTERS_MAX).describe(
    "Only robots with the label key=value; repeat to demand several",
  ),
  after: single(robotIdSchema.optional()).describe("`next` of the page before"),
  limit: single(wholeNumber(1, ROBOTS_PAGE_MAX).default(ROBOTS_PAGE_MAX)),
});

const robotQuery = z.object({
  ask: single(z.enum(["0", "1"]).default("0")).describe(
    "1: ask the home for its newest word first, where this node does not hear it itself",
  ),
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
    query: robotQuery,
    responses: {
      200: {
        description: "The robot",
        type: JSON_MEDIA_TYPE,
        schema: "Robot",
        headers: { ETag: "Changes whenever the record does" },
      },
    },
    errors: ["robot-id-invalid", "robot-unknown"],
    handle: async (request, reply) => {
      const id = robotIdOf(request);
      const { ask } = readQuery(robotQuery, request.query);
      const asked = ask === "1" ? await askHome(node, id) : undefined;
      const robot = knownRobot(node, id);
      void reply.header("etag", versionTag(robot.version));
      const names = nodeNames(node.fleetView());
      const json = robotJson(robot, names);
      return sendJson(reply, asked === undefined ? json : { ...json, ...askedJson(asked, names) });
    },
  };
}

async function askHome(node: PulsemeshNode, robot: RobotId): Promise<AskedHome> {
  const { asked = [], notAsked } = await execute(node, { type: "ask", robot });
  return { asked, notAsked };
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
    handle: async (request, reply) => {
      const query = readQuery(listQuery, request.query);
      return sendJson(reply, await pageOf(node, query));
    },
  };
}

type ListQuery = z.output<typeof listQuery>;

/** Looks at robots in the order of their ids until the page is full and one more is found, a bounded number at a time. */
async function pageOf(node: PulsemeshNode, query: ListQuery): Promise<RobotListJson> {
  const names = nodeNames(node.fleetView());
  const ids = node.robotIds();
  const robots: RobotJson[] = [];
  const start = query.after === undefined ? 0 : indexAfter(ids, query.after);
  for (let i = start; i < ids.length; i += 1) {
    if (i > start && (i - start) % ROBOTS_STEP_MAX === 0) await setImmediate();
    const robot = node.robot(ids[i] ?? "");
    if (robot === undefined || !matches(robot, query, names.get(robot.node ?? "")?.region))
      continue;
    if (robots.length === query.limit) return { robots, next: robots.at(-1)?.robot_id ?? null };
    robots.push(robotJson(robot, names));
  }
  return { robots, next: null };
}

/** Where the ids begin that are behind `after`, which need not be one of them. */
function indexAfter(ids: readonly RobotId[], after: RobotId): number {
  let [low, high] = [0, ids.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareText(ids[middle] ?? "", after) > 0) high = middle;
    else low = middle + 1;
  }
  return low;
}

function matches(robot: RobotView, query: ListQuery, region: string | undefined): boolean {
  return (
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
