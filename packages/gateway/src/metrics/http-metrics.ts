/**
 * Counts what the gateway itself does. A beat must stay cheap, so counting is adding to plain numbers that hang on the route;
 * they become text only when somebody scrapes (`exposition.ts`). Durations are one histogram without labels for the same reason.
 */

/** Upper bounds of the buckets; a last one without a bound takes the rest. */
export const DURATION_BOUNDS_SECONDS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10,
];

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
  readonly #durations: number[] = [...DURATION_BOUNDS_SECONDS, Infinity].map(() => 0);
  #durationsSeconds = 0;
  /** Connections dropped because too many were open. */
  droppedConnections = 0;
  /** Connections closed while they waited for their caller, because others wanted in. */
  evictedConnections = 0;

  /** Every route's counts, in the order in which they were asked for. */
  get routes(): readonly RouteCounts[] {
    return this.#routes;
  }

  /** Requests by bucket of {@link DURATION_BOUNDS_SECONDS}, the slower ones last; not cumulative. */
  get durations(): readonly number[] {
    return this.#durations;
  }

  /** All durations together. */
  get durationsSeconds(): number {
    return this.#durationsSeconds;
  }

  route(path: string): RouteCounts {
    const counts = new RouteCounts(path);
    this.#routes.push(counts);
    return counts;
  }

  observe(durationMs: number): void {
    const seconds = durationMs / 1_000;
    let bucket = 0;
    while (seconds > (DURATION_BOUNDS_SECONDS[bucket] ?? Infinity)) bucket += 1;
    this.#durations[bucket] = (this.#durations[bucket] ?? 0) + 1;
    this.#durationsSeconds += seconds;
  }
}
