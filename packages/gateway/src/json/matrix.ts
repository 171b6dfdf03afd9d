/** Who hears whom, link by link or from region to region (rule PU7). */
import { compareText, type Reach, type Reachability, type Status } from "@pulsemesh/core";
import { z } from "zod";
import { rfc3339 } from "./rfc3339.ts";
import { statusSchema, timeSchema } from "./words.ts";

/** What `lossy` says at least (rule PU7); the share itself is known to who hears it alone. */
const LOSSY_SHARE_AT_LEAST = 0.4;

export interface MatrixJson {
  readonly by: "node";
  /** By id. */
  readonly nodes: readonly {
    readonly node_id: string;
    readonly name: string;
    readonly region: string;
    readonly status: Status;
  }[];
  /** `from` and `to` are places in `nodes`: how `from` hears `to`. */
  readonly pairs: readonly {
    readonly from: number;
    readonly to: number;
    readonly reach: Reach;
    readonly loss: number | null;
  }[];
}

interface RegionPairJson {
  readonly from: string;
  readonly to: string;
  readonly pairs: number;
  readonly heard: number;
  readonly lossy: number;
  readonly missed: number;
  readonly unknown: number;
  readonly worst_loss: number | null;
  /** Since when nothing at all comes from `to` to `from`, as the answering node's own region sees it (rule VE4). */
  readonly unreachable_since: string | null;
}

export interface RegionMatrixJson {
  readonly by: "region";
  /** By name. */
  readonly regions: readonly string[];
  /** By `from`, then `to`. */
  readonly pairs: readonly RegionPairJson[];
}

const reachSchema = z.enum(["heard", "lossy", "missed", "unknown"]);
const countSchema = z.int().min(0);
const shareSchema = z.number().min(0).max(1).nullable();

export const matrixSchema: z.ZodType<MatrixJson | RegionMatrixJson> = z.discriminatedUnion("by", [
  z.strictObject({
    by: z.literal("node"),
    nodes: z.array(
      z.strictObject({
        node_id: z.string(),
        name: z.string(),
        region: z.string(),
        status: statusSchema,
      }),
    ),
    pairs: z.array(
      z.strictObject({
        from: countSchema.describe("Place in `nodes` of who hears"),
        to: countSchema.describe("Place in `nodes` of who is heard"),
        reach: reachSchema,
        loss: shareSchema.describe(
          "Share of pulses missed in 20 s; known of the answering node's own links alone",
        ),
      }),
    ),
  }),
  z.strictObject({
    by: z.literal("region"),
    regions: z.array(z.string()),
    pairs: z.array(
      z.strictObject({
        from: z.string().describe("Region of those who hear"),
        to: z.string().describe("Region of those who are heard"),
        pairs: countSchema,
        heard: countSchema,
        lossy: countSchema,
        missed: countSchema,
        unknown: countSchema,
        worst_loss: shareSchema.describe(
          "The largest share known; a lossy link counts for 0.4 at least",
        ),
        unreachable_since: timeSchema
          .nullable()
          .describe(
            "Since when nothing is heard of `to` in `from`; known of the answering node's region",
          ),
      }),
    ),
  }),
]);

export function matrixJson({ nodes, pairs }: Reachability): MatrixJson {
  const places = new Map(nodes.map(({ node }, at) => [node, at]));
  return {
    by: "node",
    nodes: nodes.map(({ node, name, region, status }) => ({ node_id: node, name, region, status })),
    pairs: pairs.map(({ from, to, reach, loss }) => ({
      from: places.get(from) ?? 0,
      to: places.get(to) ?? 0,
      reach,
      loss: loss === undefined ? null : roundedShare(loss),
    })),
  };
}

export function regionMatrixJson({ nodes, pairs, unreachable }: Reachability): RegionMatrixJson {
  const regionOf = new Map(nodes.map(({ node, region }) => [node, region]));
  const counted = new Map<
    string,
    { -readonly [Key in keyof RegionPairJson]: RegionPairJson[Key] }
  >();
  for (const { from: fromNode, to: toNode, reach, loss } of pairs) {
    const [from, to] = [regionOf.get(fromNode) ?? "", regionOf.get(toNode) ?? ""];
    const key = JSON.stringify([from, to]);
    const count = counted.get(key) ?? {
      from,
      to,
      pairs: 0,
      heard: 0,
      lossy: 0,
      missed: 0,
      unknown: 0,
      worst_loss: null,
      unreachable_since: rfc3339(
        unreachable.find((outage) => outage.from === from && outage.to === to)?.sinceWallMs,
      ),
    };
    counted.set(key, count);
    count.pairs += 1;
    count[reach] += 1;
    const share = Math.max(loss ?? 0, reach === "lossy" ? LOSSY_SHARE_AT_LEAST : 0);
    if (loss !== undefined || reach === "lossy")
      count.worst_loss = roundedShare(Math.max(count.worst_loss ?? 0, share));
  }
  return {
    by: "region",
    regions: [...new Set(regionOf.values())].toSorted(compareText),
    pairs: [...counted.values()].toSorted(
      (a, b) => compareText(a.from, b.from) || compareText(a.to, b.to),
    ),
  };
}

function roundedShare(share: number): number {
  return Math.round(share * 1_000) / 1_000;
}
