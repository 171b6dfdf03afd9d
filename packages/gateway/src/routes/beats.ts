/**
 * How robots show life: `POST /heartbeat/{robot}`, the founding example's contract, and `/ping/{robot}`, the wire contract of
 * healthchecks.io, so that its clients need only another base URL. This is the fast path: nothing here allocates more than the
 * command and its answer.
 */
import {
  BEAT_MESSAGE_BYTES_MAX,
  type BeatCommand,
  type ErrorCode,
  RUN_ID_LENGTH_MAX,
} from "@pulsemesh/core";
import type { PulsemeshNode } from "@pulsemesh/node";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { GatewayContext } from "../context.ts";
import { execute } from "../execute.ts";
import { healthSchema } from "../json/words.ts";
import { TEXT_MEDIA_TYPE } from "../media-types.ts";
import { HttpProblem } from "../problem.ts";
import { messageOf } from "../request/beat-message.ts";
import { givenAt, givenAtSchema } from "../request/given-at.ts";
import { claimsJson, parseJson } from "../request/json-body.ts";
import { readQuery, single } from "../request/query.ts";
import { robotIdOf } from "../request/robot-id.ts";
import type { BodyDoc, ResponseDoc, Route } from "../route.ts";

const heartbeatQuery = z.object({
  health: single(healthSchema.optional()),
  at: single(givenAtSchema),
});

const pingQuery = z.object({
  rid: single(z.string().min(1).max(RUN_ID_LENGTH_MAX).optional()).describe(
    "Pairs the start and the end of one run",
  ),
  create: single(z.enum(["0", "1"]).optional()).describe("1 registers an unknown robot"),
  health: single(healthSchema.optional()),
  at: single(givenAtSchema),
});

const beatErrors: readonly ErrorCode[] = [
  "robot-id-invalid",
  "robots-max",
  "beats-too-many",
  "observer",
  "twin",
  "store-failed",
  "store-full",
];

const message: BodyDoc = {
  description: `Diagnostics, kept with the beat; cut to ${BEAT_MESSAGE_BYTES_MAX} bytes`,
  required: false,
  types: ["text/plain", "application/json", "*/*"],
};

const okResponse: ResponseDoc = {
  description: "Taken, and durable",
  type: TEXT_MEDIA_TYPE,
  example: "OK",
};

const pingHeaders: Readonly<Record<string, string>> = {
  "Ping-Body-Limit": "Bytes of the body that are kept",
};

export function beatRoutes({ node }: GatewayContext): readonly Route[] {
  return [
    heartbeatRoute(node),
    pingRoute(node, "/ping/{robot}"),
    pingRoute(node, "/ping/{robot}/{signal}"),
  ];
}

function heartbeatRoute(node: PulsemeshNode): Route {
  return {
    methods: ["POST"],
    path: "/heartbeat/{robot}",
    operation: "heartbeat",
    summary: "Take a beat; the first one registers the robot",
    writes: true,
    query: heartbeatQuery,
    body: message,
    responses: { 200: okResponse },
    errors: [...beatErrors, "json-invalid"],
    handle: async (request, reply) => {
      const robot = robotIdOf(request);
      const { health, at } = readQuery(heartbeatQuery, request.query);
      const text = messageOf(request);
      // Only what claims to be JSON is held to it: a robot's free text is never a reason to refuse its beat.
      if (text !== undefined && claimsJson(request)) parseJson(request);
      await execute(node, {
        type: "beat",
        robot,
        kind: "beat",
        create: "heartbeat",
        ...(health === undefined ? {} : { health }),
        ...(text === undefined ? {} : { message: text }),
        ...givenAt(at),
      });
      return reply.type(TEXT_MEDIA_TYPE).send("OK");
    },
  };
}

function pingRoute(node: PulsemeshNode, path: string): Route {
  const signalled = path.endsWith("{signal}");
  return {
    methods: ["GET", "HEAD", "POST"],
    path,
    operation: signalled ? "pingSignal" : "ping",
    summary: signalled
      ? "Take a start, a fail, a log line or an exit code (0 is success)"
      : "Take a success, as healthchecks.io does",
    writes: true,
    query: pingQuery,
    body: message,
    responses: {
      200: { ...okResponse, headers: pingHeaders },
      201: {
        ...okResponse,
        description: "Taken, and the robot was registered",
        headers: pingHeaders,
      },
    },
    errors: [...beatErrors, "robot-unknown"],
    handle: (request, reply) => takePing(node, request, reply),
  };
}

async function takePing(
  node: PulsemeshNode,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  void reply.header("ping-body-limit", BEAT_MESSAGE_BYTES_MAX);
  const robot = robotIdOf(request);
  const signal = signalOf((request.params as { readonly signal?: string }).signal);
  const { rid, create, health, at } = readQuery(pingQuery, request.query);
  const text = messageOf(request);
  const { created } = await execute(node, {
    type: "beat",
    robot,
    ...signal,
    create: create === "1" ? "ping" : "never",
    ...(rid === undefined ? {} : { runId: rid }),
    ...(health === undefined ? {} : { health }),
    ...(text === undefined ? {} : { message: text }),
    ...givenAt(at),
  });
  return reply
    .code(created === true ? 201 : 200)
    .type(TEXT_MEDIA_TYPE)
    .send("OK");
}

/** What follows the robot in the path. */
type Signal = Pick<BeatCommand, "kind" | "exitCode">;

const SUCCESS: Signal = { kind: "success" };

/** @throws HttpProblem `request-invalid` for anything but start, fail, log and 0 … 255 */
function signalOf(text: string | undefined): Signal {
  switch (text) {
    case undefined:
      return SUCCESS;
    case "start":
    case "fail":
    case "log":
      return { kind: text };
    default: {
      const exitCode = /^\d{1,3}$/.test(text) ? Number(text) : Number.NaN;
      if (exitCode <= 255) return { kind: "exit", exitCode };
      throw new HttpProblem(
        "request-invalid",
        "After the robot comes nothing, start, fail, log, or an exit code from 0 to 255.",
      );
    }
  }
}
