/** What the routes share: the node that they speak for, and the gateway's own moving parts. */
import type { NodeLogger, PulsemeshNode } from "@pulsemesh/node";
import type { EventFeed } from "./events/feed.ts";
import type { HttpMetrics } from "./metrics/http-metrics.ts";

export interface GatewayContext {
  readonly node: PulsemeshNode;
  readonly feed: EventFeed;
  readonly metrics: HttpMetrics;
  /** What runs. */
  readonly version: string;
  readonly logger: NodeLogger | undefined;
}
