/**
 * The gateway's own counts as Prometheus text. The histogram is written by hand: prom-client's can not be given numbers that were
 * counted elsewhere, and counting there would load the library before anybody has asked for a metric.
 */
import { Counter, type Registry } from "prom-client";
import { DURATION_BOUNDS_SECONDS, type HttpMetrics } from "./http-metrics.ts";

/** Taken, although no registry knows it. */
export const DURATIONS_NAME: string = "pulsemesh_http_request_duration_seconds";
const DURATIONS_HELP =
  "Time from the end of a request's headers to the end of its answer, by route, event streams excepted.";

/** Adds everything counted so far, but the durations, to a registry that is made for one scrape. */
export function registerHttp(registry: Registry, metrics: HttpMetrics): void {
  const requests = new Counter({
    name: "pulsemesh_http_requests_total",
    help: "HTTP requests answered, by route, method and status.",
    labelNames: ["route", "method", "status"],
    registers: [registry],
  });
  for (const { route, requests: counts } of metrics.routes) {
    for (const [key, count] of counts) {
      const [method = "", status = ""] = key.split(" ");
      requests.inc({ route, method, status }, count);
    }
  }
  new Counter({
    name: "pulsemesh_http_connections_dropped_total",
    help: "Connections dropped because too many were open.",
    registers: [registry],
  }).inc(metrics.droppedConnections);
  new Counter({
    name: "pulsemesh_http_connections_evicted_total",
    help: "Connections closed while they waited for their caller, because others wanted in.",
    registers: [registry],
  }).inc(metrics.evictedConnections);
}

/** The durations, whole lines. */
export function durationsText({ durations, durationsSeconds }: HttpMetrics): string {
  let count = 0;
  const buckets = durations.map((inBucket, i) => {
    count += inBucket;
    return `${DURATIONS_NAME}_bucket{le="${DURATION_BOUNDS_SECONDS[i] ?? "+Inf"}"} ${count}`;
  });
  const lines = [
    `# HELP ${DURATIONS_NAME} ${DURATIONS_HELP}`,
    `# TYPE ${DURATIONS_NAME} histogram`,
    ...buckets,
    `${DURATIONS_NAME}_sum ${durationsSeconds}`,
    `${DURATIONS_NAME}_count ${count}`,
  ];
  return `${lines.join("\n")}\n`;
}
