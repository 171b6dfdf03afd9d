/** `PUT|DELETE /api/v1/robots/{id}`: robots as inventory, at any node (rules HT25, HT26). */
import type { RobotId } from "@pulsemesh/core";
import type { PulsemeshNode } from "@pulsemesh/node";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { GatewayContext } from "../context.ts";
import { execute } from "../execute.ts";
import { registerCommandOf } from "../json/registration.ts";
import { retirementJson } from "../json/retirement.ts";
import { nodeNames, robotJson } from "../json/robot.ts";
import { JSON_MEDIA_TYPE } from "../media-types.ts";
import { HttpProblem } from "../problem.ts";
import { expectedTag, readTags } from "../request/entity-tags.ts";
import { BODY_MEDIA_TYPE, jsonBodyOf } from "../request/json-body.ts";
import { robotIdOf } from "../request/robot-id.ts";
import type { ResponseDoc, Route } from "../route.ts";

const PATH = "/api/v1/robots/{robot}";

/** The entity tag of a robot is its record's version, which other facts of it (age, status) do not change. */
export function versionTag(version: string): string {
  return `"${version}"`;
}

export function inventoryRoutes(context: GatewayContext): readonly Route[] {
  return [putRoute(context), deleteRoute(context)];
}

function putRoute({ node }: GatewayContext): Route {
  const answer = (description: string): ResponseDoc => ({
    description,
    type: JSON_MEDIA_TYPE,
    schema: "Robot",
    headers: { ETag: "Changes whenever the record does" },
  });
  return {
    methods: ["PUT"],
    path: PATH,
    operation: "putRobot",
    summary: "Register a robot, or change its schedule and labels, wherever it beats",
    writes: true,
    headers: {
      "If-Match": "Entity tags that the robot must have, else 412",
      "If-None-Match": "Only *: the robot must be unknown or retired, else 412",
    },
    body: {
      description: "What the robot shall be; what is not said has its default",
      required: true,
      types: [BODY_MEDIA_TYPE],
      schema: "Registration",
    },
    responses: {
      200: answer("It was registered, and is as was said; durable"),
      201: answer("Registered; durable"),
    },
    errors: [
      "robot-id-invalid",
      "json-invalid",
      "schedule-invalid",
      "label-invalid",
      "precondition-failed",
      "robots-max",
      "state-too-large",
      "observer",
      "store-failed",
      "store-full",
    ],
    handle: (request, reply) => putRobot(node, request, reply),
  };
}

async function putRobot(
  node: PulsemeshNode,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const robot = robotIdOf(request);
  const ifUnknown = mustBeUnknown(request);
  const ifVersion = expectedVersion(node, robot, request);
  const command = registerCommandOf(robot, jsonBodyOf(request));
  const { created = false } = await execute(node, { ...command, ifVersion, ifUnknown });
  const view = node.robot(robot);
  // Retired in the same moment by somebody else.
  if (view === undefined) throw new HttpProblem("robot-unknown", `Robot '${robot}' is retired.`);
  return reply
    .code(created ? 201 : 200)
    .header("etag", versionTag(view.version))
    .type(JSON_MEDIA_TYPE)
    .send(JSON.stringify(robotJson(view, nodeNames(node.fleetView()))));
}

function deleteRoute({ node }: GatewayContext): Route {
  return {
    methods: ["DELETE"],
    path: PATH,
    operation: "retireRobot",
    summary: "Take a robot out of the fleet for good; its id is new when it beats again",
    writes: true,
    headers: { "If-Match": "Entity tags that the robot must have, else 412" },
    responses: {
      200: {
        description: "Retired, and durable; `already` where it had been before",
        type: JSON_MEDIA_TYPE,
        schema: "Retirement",
      },
    },
    errors: [
      "robot-id-invalid",
      "robot-unknown",
      "robot-alive",
      "precondition-failed",
      "robots-max",
      "state-too-large",
      "observer",
      "store-failed",
      "store-full",
    ],
    handle: async (request, reply) => {
      const robot = robotIdOf(request);
      const ifVersion = expectedVersion(node, robot, request);
      const { retired } = await execute(node, { type: "retire", robot, ifVersion });
      if (retired === undefined)
        throw new HttpProblem("internal", "The node said nothing of the retirement.");
      const json = retirementJson(robot, retired, node.fleetView());
      return reply.type(JSON_MEDIA_TYPE).send(JSON.stringify(json));
    },
  };
}

/** @throws HttpProblem `precondition-failed` for `If-Match: *` of a robot that there is not */
function expectedVersion(
  node: PulsemeshNode,
  robot: RobotId,
  request: FastifyRequest,
): string | undefined {
  const tags = readTags("If-Match", request.headers["if-match"]);
  if (tags === undefined) return undefined;
  const known = node.robot(robot);
  if (known === undefined)
    throw new HttpProblem("precondition-failed", `There is no robot '${robot}'.`);
  return expectedTag(tags, versionTag(known.version))?.slice(1, -1);
}

/** @throws HttpProblem `request-invalid` */
function mustBeUnknown(request: FastifyRequest): boolean {
  const tags = readTags("If-None-Match", request.headers["if-none-match"]);
  if (tags === undefined) return false;
  if (tags === "*") return true;
  throw new HttpProblem("request-invalid", "With PUT the header If-None-Match can only be *.");
}
