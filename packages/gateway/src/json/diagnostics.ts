/** What a node finds out about itself, as JSON. */
import type { NodeDiagnosis } from "@pulsemesh/node";
import { z } from "zod";

const OUTCOMES = [
  "reached",
  "refused",
  "timed-out",
  "unreachable",
  "name-unknown",
  "wrong-node",
  "no-handshake",
  "not-dialled",
  "failed",
] as const;

const outcomesSchema = z.array(
  z.strictObject({ address: z.string(), outcome: z.enum(OUTCOMES) }).readonly(),
);

const linkSchema = z.strictObject({
  node: z.string(),
  connected: z.enum(["inbound", "outbound"]).nullable().describe("Who opened the connection"),
  dialled: outcomesSchema.readonly().describe("What came of dials to it"),
  dialled_back: z
    .union([outcomesSchema.readonly(), z.enum(["busy", "no-answer"])])
    .nullable()
    .describe("What came of its dials to this node; null where it was not asked"),
});

const countSchema = z.int().min(0);

export const diagnosticsSchema: z.ZodType<DiagnosticsJson> = z.strictObject({
  agent: z.string(),
  node_version: z.string(),
  pid: countSchema,
  up_ms: countSchema,
  settings: z.strictObject({
    data_dir: z.string(),
    listen: z.array(z.string()),
    announce: z.array(z.string()),
    join: z.array(z.string()),
    mdns: z.boolean(),
    observer: z.boolean(),
    pulse_every_ms: countSchema,
    settle_ms: countSchema,
  }),
  disk: z.strictObject({
    free_bytes: countSchema.nullable(),
    used_bytes: countSchema,
    write_fault: z.string().nullable().describe("Why nothing could be written and synced there"),
  }),
  open_files: z.strictObject({ count: countSchema, max: countSchema }).nullable(),
  loop_lag_ms: z.number().min(0),
  unknown_time_zones: z.array(z.string()),
  links: z.array(linkSchema),
  refused_by: z
    .array(z.strictObject({ node: z.string(), reason: z.string(), age_ms: countSchema }))
    .optional()
    .describe("Nodes that do not let this one in, by their own word"),
});

interface DialOutcomeJson {
  readonly address: string;
  readonly outcome: (typeof OUTCOMES)[number];
}

interface LinkJson {
  readonly node: string;
  readonly connected: "inbound" | "outbound" | null;
  readonly dialled: readonly DialOutcomeJson[];
  readonly dialled_back: readonly DialOutcomeJson[] | "busy" | "no-answer" | null;
}

export interface DiagnosticsJson {
  readonly agent: string;
  readonly node_version: string;
  readonly pid: number;
  readonly up_ms: number;
  readonly settings: {
    readonly data_dir: string;
    readonly listen: readonly string[];
    readonly announce: readonly string[];
    readonly join: readonly string[];
    readonly mdns: boolean;
    readonly observer: boolean;
    readonly pulse_every_ms: number;
    readonly settle_ms: number;
  };
  readonly disk: {
    readonly free_bytes: number | null;
    readonly used_bytes: number;
    readonly write_fault: string | null;
  };
  readonly open_files: { readonly count: number; readonly max: number } | null;
  readonly loop_lag_ms: number;
  readonly unknown_time_zones: readonly string[];
  readonly links: readonly LinkJson[];
  /** Nodes that do not let this one in, by their own word. */
  readonly refused_by?:
    | readonly {
        readonly node: string;
        readonly reason: string;
        readonly age_ms: number;
      }[]
    | undefined;
}

export function diagnosticsJson(found: NodeDiagnosis): DiagnosticsJson {
  const { settings, disk } = found;
  return {
    agent: found.agent,
    node_version: found.nodeVersion,
    pid: found.pid,
    up_ms: Math.round(found.upMs),
    settings: {
      data_dir: settings.dataDir,
      listen: settings.listen,
      announce: settings.announce,
      join: settings.join,
      mdns: settings.mdns,
      observer: settings.observer,
      pulse_every_ms: settings.pulseEveryMs,
      settle_ms: settings.settleMs,
    },
    disk: {
      free_bytes: disk.freeBytes ?? null,
      used_bytes: disk.usedBytes,
      write_fault: disk.writeFault ?? null,
    },
    open_files: found.openFiles ?? null,
    loop_lag_ms: Math.round(found.loopLagMs * 10) / 10,
    unknown_time_zones: found.unknownTimeZones,
    links: found.links.map(({ node, connected, dialled, dialledBack }) => ({
      node,
      connected: connected ?? null,
      dialled,
      dialled_back:
        dialledBack === undefined ? null : dialledBack.ok ? dialledBack.outcomes : dialledBack.why,
    })),
    refused_by: found.refusedBy.map(({ node, reason, ageMs }) => ({
      node,
      reason,
      age_ms: Math.round(ageMs),
    })),
  };
}
