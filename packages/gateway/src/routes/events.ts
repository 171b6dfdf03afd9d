/** `GET /api/v1/events`: what happens, as server-sent events that a reader can resume. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { GatewayContext } from "../context.ts";
import type { EventSink } from "../events/event-reader.ts";
import type { EventFeed } from "../events/feed.ts";
import { robotIdSchema } from "../json/words.ts";
import { EVENT_TYPES_MAX } from "../limits.ts";
import { eventTypeSchema } from "../request/event-type.ts";
import { readQuery, several, single } from "../request/query.ts";
import type { Route } from "../route.ts";

const eventsQuery = z.object({
  type: several(eventTypeSchema, EVENT_TYPES_MAX).describe(
    "Only events of this type, such as robot-status; repeat for several. Gaps (lost) always come",
  ),
  robot: single(robotIdSchema.optional()).describe("Only events about this robot"),
});

export function eventRoutes({ feed }: GatewayContext): readonly Route[] {
  return [
    {
      methods: ["GET"],
      path: "/api/v1/events",
      operation: "events",
      summary: "A stream of CloudEvents",
      writes: false,
      endless: true,
      query: eventsQuery,
      headers: { "Last-Event-ID": "Id of the last event seen: the stream goes on after it" },
      responses: {
        200: { description: "Server-sent events", type: "text/event-stream", schema: "Event" },
      },
      errors: ["event-streams-max"],
      handle: (request, reply) => {
        const { type, robot } = readQuery(eventsQuery, request.query);
        feed.assertRoom();
        openStream(feed, request, reply, { types: type, robot });
      },
    },
  ];
}

function openStream(
  feed: EventFeed,
  request: FastifyRequest,
  reply: FastifyReply,
  filter: { readonly types: readonly string[]; readonly robot?: string | undefined },
): void {
  const lastId = request.headers["last-event-id"];
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    // nginx holds a stream back until its buffer is full, unless told not to.
    "x-accel-buffering": "no",
    connection: "keep-alive",
  });
  const sink: EventSink = {
    write: (text) => raw.write(text),
    end: () => void raw.end(),
    destroy: () => void raw.destroy(),
  };
  // Bytes at once, so that a reader knows that the stream stands; and the pause before its next try.
  raw.write("retry: 1000\n\n");
  const reader = feed.add(sink, filter, typeof lastId === "string" ? lastId : undefined);
  raw.on("drain", reader.drained);
  raw.on("close", reader.remove);
  raw.on("error", reader.remove);
}
