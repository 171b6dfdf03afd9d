/**
 * What happened, as CloudEvents 1.0 in JSON. The `type` is core's own event type behind the prefix `pulsemesh.`, so that a
 * reader can tell ours from others on a shared bus; `data` is core's event in the API's words.
 */
import type { CoreEvent, JsonObject, Status } from "@pulsemesh/core";
import { z } from "zod";
import { rfc3339 } from "./rfc3339.ts";
import { jsonObjectSchema, timeSchema } from "./words.ts";

/** A gap in the stream: the reader should read again what it shows. */
export interface LostEvent {
  readonly type: "lost";
  /** How many at least; null when nobody can say. */
  readonly count: number | null;
  readonly reason: "too-old" | "other-boot" | "slow-reader" | "slow-gateway";
}

export type StreamEvent = CoreEvent | LostEvent;

export interface EventJson {
  readonly specversion: "1.0";
  readonly id: string;
  /** `pulsemesh://<fleet>/<node>`: who says it. */
  readonly source: string;
  readonly type: string;
  /** The robot, node or region that it is about. */
  readonly subject?: string | undefined;
  readonly time: string;
  readonly datacontenttype: "application/json";
  readonly data: Readonly<Record<string, unknown>>;
}

/** Before core's own type, in `type` of every event. */
export const EVENT_TYPE_PREFIX: string = "pulsemesh.";

export const eventSchema: z.ZodType<EventJson> = z.strictObject({
  specversion: z.literal("1.0"),
  id: z.string().describe("Give the last one as `Last-Event-ID` to go on from there"),
  source: z.string().describe("`pulsemesh://<fleet>/<node>`"),
  type: z
    .string()
    .describe("`pulsemesh.robot-status`, `pulsemesh.robot-state`, `pulsemesh.lost`, …"),
  subject: z.string().optional().describe("The robot, node or region that it is about"),
  time: timeSchema,
  datacontenttype: z.literal("application/json"),
  data: jsonObjectSchema,
});

export interface EventOrigin {
  readonly id: string;
  readonly source: string;
  /** When the gateway took the event; used where the event has no time of its own. */
  readonly wallMs: number;
}

export function eventJson(event: StreamEvent, origin: EventOrigin): EventJson {
  const subject = subjectOf(event);
  return {
    specversion: "1.0",
    id: origin.id,
    source: origin.source,
    type: EVENT_TYPE_PREFIX + event.type,
    ...(subject === undefined ? {} : { subject }),
    time: rfc3339("atWallMs" in event ? event.atWallMs : origin.wallMs),
    datacontenttype: "application/json",
    data: dataOf(event),
  };
}

/** The robot, node or region that an event is about, where it is about one. */
export function subjectOf(event: StreamEvent): string | undefined {
  switch (event.type) {
    case "robot-status":
    case "robot-state":
    case "robot-beat":
    case "robot-retired":
    case "two-homes":
      return event.robot;
    case "node-status":
    case "twin":
    case "twin-over":
      return event.node;
    case "verdict":
      return event.subject;
    case "rollback":
    case "forked":
      return event.author;
    case "synced":
      return event.with;
    case "region-status":
      return event.to;
    case "rejected":
    case "root-row":
      return event.from;
    case "started":
    case "quarantined":
    case "stalled":
    case "clock-stepped":
    case "statement":
    case "authority-stale":
    case "charter-disputed":
    case "lost":
      return undefined;
  }
}

type Data = Readonly<Record<string, unknown>>;

function dataOf(event: StreamEvent): Data {
  switch (event.type) {
    case "started":
      return { boot: event.boot };
    case "robot-status":
      return { robot_id: event.robot, ...transition(event) };
    case "node-status":
      return { node_id: event.node, ...transition(event) };
    case "region-status": {
      const { from, to, status, accusers } = event;
      return { from_region: from, to_region: to, status, accusers };
    }
    case "robot-state":
      return stateData(event.robot, event.state);
    case "robot-beat":
      return { robot_id: event.robot, kind: event.kind };
    case "robot-retired":
      return { robot_id: event.robot, by: event.by };
    case "verdict":
      return verdictData(event);
    case "rejected":
      return { reason: event.reason, from: event.from ?? null };
    case "quarantined":
      return { what: event.what, reason: event.reason };
    case "rollback":
    case "forked":
      return { author: event.author, epoch: event.epoch, seq: event.seq };
    case "twin":
      return { ...twinData(event), from: event.from };
    case "twin-over":
      return twinData(event);
    case "two-homes":
      return { robot_id: event.robot, homes: event.homes };
    case "stalled":
      return { for_ms: event.forMs };
    case "clock-stepped":
      return { by_ms: event.byMs };
    case "statement":
      return { id: event.id, kind: event.kind };
    case "authority-stale":
      return { stale: event.isStale, news_at: rfc3339(event.newsWallMs) };
    case "charter-disputed":
      return { number: event.number };
    case "root-row":
      return { from: event.from, result: event.result };
    case "synced":
      return { with: event.with };
    case "lost":
      return { count: event.count, reason: event.reason };
  }
}

function twinData(event: Extract<CoreEvent, { type: "twin" | "twin-over" }>): Data {
  const { boot, seq } = event.twin;
  return { node_id: event.node, boot: event.boot, twin: { boot, seq } };
}

function stateData(robot: string, state: JsonObject): Data {
  return { robot_id: robot, state };
}

function transition(event: {
  readonly from: Status | undefined;
  readonly to: Status;
  readonly reason: string | undefined;
}): Data {
  return { from: event.from ?? null, to: event.to, reason: event.reason ?? null };
}

function verdictData(event: Extract<CoreEvent, { type: "verdict" }>): Data {
  return {
    node_id: event.subject,
    kind: event.kind,
    pulse: { boot: event.pulse.boot, seq: event.pulse.seq },
    accusers: event.accusers,
    single_witness: event.singleWitness,
  };
}
