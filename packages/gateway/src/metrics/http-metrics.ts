/**
 * Counts what the gateway itself does. A beat must stay cheap, so counting is adding to plain numbers that hang on the route;
 * prom-client gets them only when somebody scrapes. Durations are one histogram without labels for the same reason.
 */
import { Counter, Histogram, type Registry } from "prom-client";

/** Requests of one route by "METHOD status". */
export class RouteCounts {
  readonly route: string;
  readonly requests: Map<string, number> = new Map();

  constructor(route: string) {
    this.route = route;
  }

  add(method: string, status: number): void {
    const key = `${method} ${status}`;
    this.requests.set(key, (this.requests.get(key) ?? 0) + 1);
  }
}

export class HttpMetrics {
  readonly #routes: RouteCounts[] = [];
  readonly #durations: Histogram;
  /** Connections dropped because too many were open. */
  droppedConnections = 0;

  constructor() {
    this.#durations = new Histogram({
      name: "pulsemesh_http_request_duration_seconds",
      help: "Time from the end of a request's headers to the end of its answer, event streams excepted.",
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10],
      registers: [],
    });
  }

  route(path: string): RouteCounts {
    const counts = new RouteCounts(path);
    this.#routes.push(counts);
    return counts;
  }

  observe(durationMs: number): void {
    this.#durations.observe(durationMs / 1_000);
  }

  /** Adds everything counted so far to a registry that is made for one scrape. */
  register(registry: Registry): void {
    registry.registerMetric(this.#durations);
    const requests = new Counter({
      name: "pulsemesh_http_requests_total",
      help: "HTTP requests answered.",
      labelNames: ["route", "method", "status"],
      registers: [registry],
    });
    for (const { route, requests: counts } of this.#routes) {
      for (const [key, count] of counts) {
        const [method = "", status = ""] = key.split(" ");
        requests.inc({ route, method, status }, count);
      }
    }
    new Counter({
      name: "pulsemesh_http_connections_dropped_total",
      help: "Connections dropped because too many were open.",
      registers: [registry],
    }).inc(this.droppedConnections);
  }
}
