/** `GET|PATCH /api/v1/robots/{id}/state`: a robot's own JSON, read with an entity tag and changed by merge patch (RFC 7396). */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { GatewayContext } from "../context.ts";
import { execute } from "../execute.ts";
import { JSON_MEDIA_TYPE } from "../media-types.ts";
import { expectedTag, readTags, tagsInclude } from "../request/entity-tags.ts";
import { patchOf, PATCH_MEDIA_TYPES } from "../request/json-body.ts";
import { knownRobot, robotIdOf } from "../request/robot-id.ts";
import type { ResponseDoc, Route } from "../route.ts";

const PATH = "/api/v1/robots/{robot}/state";

const stateResponse: ResponseDoc = {
  description: "The whole state",
  type: JSON_MEDIA_TYPE,
  schema: "State",
  headers: { ETag: "Changes whenever the state does" },
};

export function stateRoutes(context: GatewayContext): readonly Route[] {
  return [getRoute(context), patchRoute(context)];
}

function getRoute({ node }: GatewayContext): Route {
  return {
    methods: ["GET", "HEAD"],
    path: PATH,
    operation: "getState",
    summary: "A robot's state",
    writes: false,
    headers: { "If-None-Match": "Entity tags that the caller holds: 304 when one is current" },
    responses: { 200: stateResponse, 304: { description: "What the caller holds is current" } },
    errors: ["robot-id-invalid", "robot-unknown"],
    handle: (request, reply) => {
      const { etag, state } = knownRobot(node, robotIdOf(request));
      const held = readTags("If-None-Match", request.headers["if-none-match"]);
      void reply.header("etag", etag);
      if (held !== undefined && tagsInclude(held, etag)) return reply.code(304).send();
      return sendState(reply, state);
    },
  };
}

function patchRoute(context: GatewayContext): Route {
  return {
    methods: ["PATCH"],
    path: PATH,
    operation: "patchState",
    summary: "Change a robot's state by merge patch; null removes",
    writes: true,
    headers: { "If-Match": "Entity tags that the state must have, else 412" },
    body: { description: "The merge patch, an object", required: true, types: PATCH_MEDIA_TYPES },
    responses: { 200: { ...stateResponse, description: "Changed, and durable: the whole state" } },
    errors: [
      "robot-id-invalid",
      "robot-unknown",
      "json-invalid",
      "state-invalid",
      "state-too-large",
      "state-too-deep",
      "precondition-failed",
      "observer",
      "twin",
      "store-failed",
      "store-full",
    ],
    handle: (request, reply) => takePatch(context, request, reply),
  };
}

async function takePatch(
  { node }: GatewayContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const robot = robotIdOf(request);
  const tags = readTags("If-Match", request.headers["if-match"]);
  const patch = patchOf(request);
  const { etag } = knownRobot(node, robot);
  const ifMatch = tags === undefined ? undefined : expectedTag(tags, etag);
  const result = await execute(node, {
    type: "patch-state",
    robot,
    patch,
    ...(ifMatch === undefined ? {} : { ifMatch }),
  });
  const after = node.robot(robot);
  void reply.header("etag", result.etag ?? after?.etag ?? etag);
  return sendState(reply, result.state ?? after?.state ?? {});
}

function sendState(reply: FastifyReply, state: object): FastifyReply {
  return reply.type(JSON_MEDIA_TYPE).send(JSON.stringify(state));
}
