/**
 * Members tell each other who else there is: with a hello to one random peer now and then, often while there is news and rarely
 * otherwise. Push and pull at once, so news reaches a fleet in a number of rounds that grows with the logarithm of its size.
 */
import { performance } from "node:perf_hooks";
import type { Connection } from "@libp2p/interface";

const ROUND_WITH_NEWS_MS = 1_000;
const ROUND_QUIET_MS = 30_000;
/** How long after the last change there counts as being news. */
const NEWS_MS = 5_000;

export interface PeerExchangeDeps {
  /** One open connection per peer that has said hello. */
  readonly connections: () => readonly Connection[];
  readonly greet: (connection: Connection) => Promise<void>;
  /** Grows whenever an address changes. */
  readonly revision: () => number;
}

export class PeerExchange {
  readonly #deps: PeerExchangeDeps;
  #timer: NodeJS.Timeout | undefined;
  #revision = -1;
  #newsUntilMs = -Infinity;
  #nextAtMs = 0;

  constructor(deps: PeerExchangeDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#tick(), ROUND_WITH_NEWS_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    const nowMs = performance.now();
    if (this.#deps.revision() !== this.#revision) {
      this.#revision = this.#deps.revision();
      this.#newsUntilMs = nowMs + NEWS_MS;
      this.#nextAtMs = 0;
    }
    if (nowMs < this.#nextAtMs) return;
    const connections = this.#deps.connections();
    const connection = connections[Math.floor(Math.random() * connections.length)];
    if (connection === undefined) return;
    this.#nextAtMs = nowMs < this.#newsUntilMs ? 0 : nowMs + ROUND_QUIET_MS * (0.5 + Math.random());
    void this.#deps.greet(connection);
  }
}
