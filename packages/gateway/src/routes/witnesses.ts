/** `…/witnesses`, `…/evidence` and `/api/v1/matrix`: who sees whom, and what a verdict rests on (rules VE10, PU7). */
import type { NodeWitnesses } from "@pulsemesh/core";
import type { PulsemeshNode } from "@pulsemesh/node";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import type { GatewayContext } from "../context.ts";
import { matrixJson, regionMatrixJson } from "../json/matrix.ts";
import { nodeWitnessesJson, robotWitnessesJson } from "../json/witnesses.ts";
import { JSON_MEDIA_TYPE } from "../media-types.ts";
import { HttpProblem } from "../problem.ts";
import { readQuery, single } from "../request/query.ts";
import { knownRobot, robotIdOf } from "../request/robot-id.ts";
import type { Route } from "../route.ts";

const matrixQuery = z.object({
  by: single(z.enum(["node", "region"]).default("node")).describe(
    "region: links are counted from region to region",
  ),
});

export function witnessRoutes(context: GatewayContext): readonly Route[] {
  return [nodeRoute(context), evidenceRoute(context), robotRoute(context), matrixRoute(context)];
}

function nodeRoute({ node }: GatewayContext): Route {
  return {
    methods: ["GET", "HEAD"],
    path: "/api/v1/nodes/{peer}/witnesses",
    operation: "getNodeWitnesses",
    summary: "Who sees a node, since when, by which rule that counts, and what would change it",
    writes: false,
    responses: {
      200: { description: "Its witnesses", type: JSON_MEDIA_TYPE, schema: "NodeWitnesses" },
    },
    errors: ["peer-unknown"],
    handle: (request, reply) => {
      const found = knownNode(node, request);
      return reply.type(JSON_MEDIA_TYPE).send(JSON.stringify(nodeWitnessesJson(found)));
    },
  };
}

function evidenceRoute({ node }: GatewayContext): Route {
  return {
    methods: ["GET"],
    path: "/api/v1/nodes/{peer}/evidence",
    operation: "getNodeEvidence",
    summary: "The newest verdict about a node as a bundle that anybody can verify offline",
    writes: false,
    responses: {
      200: {
        description: "Signed as a whole: keep it as it is, byte for byte",
        type: JSON_MEDIA_TYPE,
        schema: "VerdictBundle",
      },
    },
    errors: ["peer-unknown", "verdict-none"],
    handle: (request, reply) => {
      const { node: id } = knownNode(node, request);
      const bundle = node.verdictBundle(id);
      if (bundle === undefined)
        throw new HttpProblem("verdict-none", "This node has no evidence of a verdict about it.");
      return reply.type(JSON_MEDIA_TYPE).send(bundle);
    },
  };
}

function robotRoute({ node }: GatewayContext): Route {
  return {
    methods: ["GET", "HEAD"],
    path: "/api/v1/robots/{robot}/witnesses",
    operation: "getRobotWitnesses",
    summary: "What a robot's status rests on: the word of its home, and who sees that",
    writes: false,
    responses: {
      200: { description: "Word and witnesses", type: JSON_MEDIA_TYPE, schema: "RobotWitnesses" },
    },
    errors: ["robot-id-invalid", "robot-unknown"],
    handle: (request, reply) => {
      const robot = knownRobot(node, robotIdOf(request));
      const home = robot.node === undefined ? undefined : node.witnesses(robot.node);
      const json = robotWitnessesJson(robot, home);
      return reply.type(JSON_MEDIA_TYPE).send(JSON.stringify(json));
    },
  };
}

function matrixRoute({ node }: GatewayContext): Route {
  return {
    methods: ["GET", "HEAD"],
    path: "/api/v1/matrix",
    operation: "getMatrix",
    summary: "Who hears whom, as nodes say in their pulses",
    writes: false,
    query: matrixQuery,
    responses: { 200: { description: "The links", type: JSON_MEDIA_TYPE, schema: "Matrix" } },
    errors: [],
    handle: (request, reply) => {
      const { by } = readQuery(matrixQuery, request.query);
      const found = node.reachability();
      const json = by === "region" ? regionMatrixJson(found) : matrixJson(found);
      return reply.type(JSON_MEDIA_TYPE).send(JSON.stringify(json));
    },
  };
}

/** @throws HttpProblem `peer-unknown` */
function knownNode(node: PulsemeshNode, request: FastifyRequest): NodeWitnesses {
  const { peer } = request.params as { readonly peer: string };
  const found = node.witnesses(peer);
  if (found !== undefined) return found;
  throw new HttpProblem("peer-unknown", "This node knows no node of that id.");
}
