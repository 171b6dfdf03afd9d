/** The mesh as one node sees it: itself, its peers, and how much of the roster is in sight. */
import {
  AUTHOR_IDS_MAX,
  AUTHOR_ROBOTS_MAX,
  compareText,
  type FleetView,
  type NodeView,
  type Status,
  type WrittenIds,
} from "@pulsemesh/core";
import { z } from "zod";
import { outageJson, type OutageJson, outageSchema } from "./outage.ts";
import { rfc3339 } from "./rfc3339.ts";
import { statusSchema, timeSchema } from "./words.ts";

export interface PeerJson {
  readonly id: string;
  readonly name: string;
  readonly region: string;
  readonly status: Status;
  readonly since: string;
  readonly reason: string | null;
  readonly addresses: readonly string[];
  /** By the answering node's monotonic clock, in whole milliseconds; null when it heard none in this boot. */
  readonly last_pulse_age_ms: number | null;
  /** In whole milliseconds, so 0 on one machine; null while there is no connection. */
  readonly rtt_ms: number | null;
  /** What it promises between two pulses; null before the first in this boot. */
  readonly pulse_every_ms: number | null;
  /** How far its wall clock is ahead of the answering node's (behind: negative), within about half a round trip; null when not known. */
  readonly clock_offset_ms: number | null;
  /** Software and version. */
  readonly agent: string;
}

interface WrittenJson {
  readonly robots: number;
  readonly robots_max: number;
  readonly ids: number;
  readonly ids_max: number;
}

export interface PeersJson {
  readonly fleet: string;
  readonly self: {
    readonly id: string;
    readonly name: string;
    readonly region: string;
    readonly addresses: readonly string[];
    readonly boot: number;
    /** There while another process is alive under this node's key: its newest pulse known. */
    readonly twin?: { readonly boot: number; readonly seq: number } | undefined;
    /** There while what it writes is ahead of its clock, which was set back; in whole milliseconds. */
    readonly writes_ahead_ms?: number | undefined;
    /** How much it has used of what one node may write about: robots, and ids with the retired ones. */
    readonly written?: WrittenJson | undefined;
  };
  readonly peers: readonly PeerJson[];
  readonly view: {
    /** Members that count, the answering node included. */
    readonly roster: number;
    readonly in_sight: number;
    /** Regions of which nothing is heard, by name (rule VE4). */
    readonly unreachable: readonly OutageJson[];
    /** Equal on all nodes that hold the same document (promise P1). */
    readonly document_hash: string;
  };
}

const spanMsSchema = z.int().min(0).nullable();

export const peersSchema: z.ZodType<PeersJson> = z.strictObject({
  fleet: z.string(),
  self: z.strictObject({
    id: z.string(),
    name: z.string(),
    region: z.string(),
    addresses: z.array(z.string()).describe("Multiaddrs by which others reach it"),
    boot: z.int(),
    twin: z
      .strictObject({ boot: z.int(), seq: z.int() })
      .optional()
      .describe("There while another process is alive under this node's key"),
    writes_ahead_ms: z
      .int()
      .min(1)
      .optional()
      .describe("There while what it writes is ahead of its clock, which was set back"),
    written: z
      .strictObject({ robots: z.int(), robots_max: z.int(), ids: z.int(), ids_max: z.int() })
      .optional()
      .describe(
        "What it has used of what one node may write about: robots, and ids with the retired ones",
      ),
  }),
  peers: z.array(
    z.strictObject({
      id: z.string(),
      name: z.string(),
      region: z.string(),
      status: statusSchema,
      since: timeSchema,
      reason: z.string().nullable(),
      addresses: z.array(z.string()),
      last_pulse_age_ms: spanMsSchema,
      rtt_ms: spanMsSchema,
      pulse_every_ms: spanMsSchema,
      clock_offset_ms: z
        .int()
        .nullable()
        .describe("How far its wall clock is ahead of the answering node's"),
      agent: z.string(),
    }),
  ),
  view: z.strictObject({
    roster: z.int().describe("Members that count, the answering node included"),
    in_sight: z.int(),
    unreachable: z.array(outageSchema).describe("Regions of which nothing is heard"),
    document_hash: z.string().describe("Equal on all nodes that hold the same document"),
  }),
});

export interface PeersSource {
  readonly fleet: FleetView;
  readonly addresses: readonly string[];
  readonly roundTripMs: (node: string) => number | undefined;
}

export function peersJson({ fleet, addresses, roundTripMs }: PeersSource): PeersJson {
  const { node: id, name, region, boot, twin, writesAheadMs, writtenIds } = fleet.self;
  const known = {
    ...(twin === undefined ? {} : { twin }),
    ...(writesAheadMs === undefined ? {} : { writes_ahead_ms: Math.ceil(writesAheadMs) }),
    ...(writtenIds === undefined ? {} : { written: writtenJson(writtenIds) }),
  };
  return {
    fleet: fleet.fleet,
    self: { id, name, region, addresses, boot, ...known },
    peers: fleet.nodes
      .filter(({ node }) => node !== id)
      .toSorted((a, b) => compareText(a.node, b.node))
      .map((node) => peerJson(node, roundTripMs(node.node))),
    view: {
      roster: fleet.roster,
      in_sight: fleet.inSight,
      unreachable: fleet.unreachable.map(outageJson),
      document_hash: fleet.documentHash,
    },
  };
}

function writtenJson({ robots, markers }: WrittenIds): WrittenJson {
  const ids = robots + markers;
  return { robots, robots_max: AUTHOR_ROBOTS_MAX, ids, ids_max: AUTHOR_IDS_MAX };
}

function peerJson(node: NodeView, roundTripMs: number | undefined): PeerJson {
  return {
    id: node.node,
    name: node.name,
    region: node.region,
    status: node.status,
    since: rfc3339(node.sinceWallMs),
    reason: node.reason ?? null,
    addresses: node.addresses,
    last_pulse_age_ms: wholeMs(node.lastPulseAgeMs),
    rtt_ms: wholeMs(roundTripMs),
    pulse_every_ms: wholeMs(node.pulseEveryMs),
    clock_offset_ms: clockOffset(node, roundTripMs),
    agent: node.agent,
  };
}

/** The travel time that the measure lacks is half of a round trip, where there is a connection to measure one. */
function clockOffset({ clockOffsetMs }: NodeView, roundTripMs: number | undefined): number | null {
  if (clockOffsetMs === undefined) return null;
  // Not the -0 that rounding makes of a little less than nothing.
  return Math.round(clockOffsetMs + (roundTripMs ?? 0) / 2) + 0;
}

/** Clocks count fractions of a millisecond; no reader has a use for them. */
function wholeMs(spanMs: number | undefined): number | null {
  return spanMs === undefined ? null : Math.round(spanMs);
}
