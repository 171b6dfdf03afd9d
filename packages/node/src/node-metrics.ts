/** What the driver counted, as `/metrics` wants it. Names are without the prefix `pulsemesh_`. */
import type { AuthorityView, Store } from "@pulsemesh/core";
import type { NodeMetric } from "./api.ts";
import type { Driver } from "./driver/driver.ts";
import type { LabelledCounter, Meter } from "./driver/meter.ts";

export interface MetricSources {
  readonly driver: Driver;
  readonly store: Store;
  /** Another process is alive under this node's key. */
  readonly isTwin: () => boolean;
  /** Whether whoever asks becomes a member. */
  readonly isOpen: boolean;
  /** When this node's own grant ends, in wall ms; undefined where it has none. */
  readonly grantEndsWallMs: () => number | undefined;
  readonly authority: () => Pick<
    AuthorityView,
    | "isClosed"
    | "isStale"
    | "unansweredRoots"
    | "charter"
    | "grants"
    | "revocations"
    | "revocationsBytes"
    | "badRows"
    | "missingParts"
  >;
}

export function nodeMetrics(sources: MetricSources): readonly NodeMetric[] {
  const { driver, store, isTwin } = sources;
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
    rootRowsMetric(meter),
    ...authorityMetrics(sources),
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

function authorityMetrics({
  isOpen,
  grantEndsWallMs,
  authority,
}: MetricSources): readonly NodeMetric[] {
  const held = authority();
  const { isClosed, isStale, unansweredRoots, charter, grants, revocations } = held;
  const ends = grantEndsWallMs();
  return [
    gauge("takes_everybody", "1 where whoever asks becomes a member.", isOpen ? 1 : 0),
    gauge("fleet_closed", "1 where only who was granted it is a member.", isClosed ? 1 : 0),
    gauge(
      "authority_stale",
      "1 while nothing was heard of the fleet's authority for a day.",
      isStale ? 1 : 0,
    ),
    gauge(
      "root_disputed",
      "Root statements of which there is another one by the key that stands: somebody else has the root's key. A rotation ends it.",
      unansweredRoots.length,
    ),
    gauge(
      "charter_disputed",
      "1 where there is another charter with the newest one's number: somebody else has the key that signs them.",
      charter?.isDisputed === true ? 1 : 0,
    ),
    gauge(
      "grants",
      "Nodes that have a grant, ended or not; there are 10,000 at most.",
      grants.length,
    ),
    gauge("revocations", "Revocations that count; there are 10,000 at most.", revocations.length),
    gauge(
      "revocations_bytes",
      "Bytes of the revocations that count; there is room for 16,777,216.",
      held.revocationsBytes,
    ),
    gauge(
      "authority_bad_rows",
      "Statements of the authority on disk that could not be read at the start, or counted no more.",
      held.badRows,
    ),
    gauge(
      "custody_missing_parts",
      "Parts of what stands for revoked members that this node has not received yet.",
      held.missingParts,
    ),
    ...(ends === undefined
      ? []
      : [
          gauge(
            "grant_expiry_timestamp_seconds",
            "When this node's own grant ends, unless it is renewed.",
            ends / 1_000,
          ),
        ]),
  ];
}

function rootRowsMetric({ rootRows }: Meter): NodeMetric {
  return labelled(
    "root_rows_total",
    "Nodes that were asked for their root statements before they were judged, by what became of the answer; and those, let in no longer, that asked this one.",
    "result",
    rootRows,
  );
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
