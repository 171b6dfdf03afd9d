/** What the routes share: the node that they speak for, and the gateway's own moving parts. */
import type { NodeLogger, NodeMetric, PulsemeshNode } from "@pulsemesh/node";
import type { EventFeed } from "./events/feed.ts";
import type { ReloadJson } from "./json/reload.ts";
import type { HttpMetrics } from "./metrics/http-metrics.ts";

export interface GatewayContext {
  readonly node: PulsemeshNode;
  readonly feed: EventFeed;
  readonly metrics: HttpMetrics;
  /** What runs. */
  readonly version: string;
  readonly logger: NodeLogger | undefined;
  /** Reads the config file again; undefined where there is none. */
  readonly reload: (() => Promise<ReloadJson>) | undefined;
  /** Ends the node with a goodbye. */
  readonly leave: () => void;
  /** Whether whoever reaches this node asks for its token. */
  readonly hasToken: boolean;
  /** What else is to be scraped. */
  readonly extraMetrics: () => readonly NodeMetric[];
}
