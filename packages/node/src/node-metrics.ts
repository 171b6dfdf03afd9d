/** What the driver counted, as `/metrics` wants it. Names are without the prefix `pulsemesh_`. */
import type { Store } from "@pulsemesh/core";
import type { NodeMetric } from "./api.ts";
import type { Driver } from "./driver/driver.ts";
import type { LabelledCounter } from "./driver/meter.ts";

export interface MetricSources {
  readonly driver: Driver;
  readonly store: Store;
  /** Another process is alive under this node's key. */
  readonly isTwin: () => boolean;
}

export function nodeMetrics({ driver, store, isTwin }: MetricSources): readonly NodeMetric[] {
  const { meter, queues } = driver;
  return [
    labelled("inputs_total", "Inputs that core took, by type.", "type", meter.inputs),
    labelled("effects_total", "Effects that core asked for, by type.", "type", meter.effects),
    labelled("events_total", "Events that core told, by type.", "type", meter.events),
    labelled("rejected_total", "What was dropped, by reason.", "reason", meter.rejected),
    labelled("verdicts_total", "Verdicts that this node reached, by kind.", "kind", meter.verdicts),
    labelled(
      "rebuilds_total",
      "Times that core was rebuilt from disk, by reason.",
      "reason",
      meter.rebuilds,
    ),
    counter("commits_total", "Commits that became durable.", meter.commits),
    counter(
      "commit_failures_total",
      "Writes and reads of the store that failed.",
      meter.commitFailures,
    ),
    counter("sends_failed_total", "Frames that could not be handed to a peer.", meter.sendFailures),
    counter("events_lost_total", "Events lost to slow readers.", driver.events.lost),
    counter(
      "late_timers_total",
      "Times that the event loop was found to have stood still.",
      meter.lateTimers,
    ),
    counter("handle_seconds_total", "Time spent inside core.", meter.handleMs / 1_000),
    gauge("handle_seconds_max", "Longest single input inside core.", meter.handleMsMax / 1_000),
    gauge(
      "event_loop_lag_seconds",
      "p99 of the event loop's lag over the last second.",
      meter.lagMs / 1_000,
    ),
    gauge(
      "disk_full",
      "1 while the disk is full and nothing is acknowledged.",
      driver.isDiskFull ? 1 : 0,
    ),
    gauge(
      "twin",
      "1 while another process is alive under this node's key and nothing is acknowledged.",
      isTwin() ? 1 : 0,
    ),
    ...storeMetrics(store),
    gauge("heap_used_bytes", "JavaScript heap in use.", process.memoryUsage().heapUsed),
    {
      name: "queue_length",
      help: "What waits inside the driver, by queue.",
      type: "gauge",
      samples: Object.entries(queues).map(([queue, value]) => ({ labels: { queue }, value })),
    },
  ];
}

function storeMetrics({ corrupt, discarded }: Store): readonly NodeMetric[] {
  return [
    gauge(
      "store_corrupt_rows",
      "Damage that the store has come upon since it was opened.",
      corrupt.length,
    ),
    gauge(
      "store_discarded_rows",
      "Damaged rows since the store was opened that were deleted, as its quarantine was full.",
      discarded,
    ),
  ];
}

function labelled(name: string, help: string, label: string, counts: LabelledCounter): NodeMetric {
  const samples = counts.entries().map(([text, value]) => ({ labels: { [label]: text }, value }));
  return { name, help, type: "counter", samples };
}

function counter(name: string, help: string, value: number): NodeMetric {
  return { name, help, type: "counter", samples: [{ labels: {}, value }] };
}

function gauge(name: string, help: string, value: number): NodeMetric {
  return { name, help, type: "gauge", samples: [{ labels: {}, value }] };
}
