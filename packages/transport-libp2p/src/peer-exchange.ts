/**
 * Members tell each other who else there is: with a hello to one peer now and then, often while there is news and ever more rarely
 * otherwise. Every other time it is a random peer, so that news spreads from anywhere; else the one that told most, as members
 * pass on only whom they have met, and the one that a fleet was joined by has met all.
 */
import { performance } from "node:perf_hooks";
import type { Connection } from "@libp2p/interface";
import type { PeerSession } from "./peer-session.ts";

const TICK_MS = 1_000;
const ROUND_MS_MIN = 1_000;
/** Longest time between two exchanges of a node. */
const ROUND_QUIET_MS = 10_000;
const ROUND_GROWTH = 1.5;

export interface PeerExchangeDeps {
  /** The peers that have said hello. */
  readonly sessions: () => readonly PeerSession[];
  readonly greet: (connection: Connection) => Promise<void>;
  /** Grows whenever an address changes. */
  readonly revision: () => number;
}

export class PeerExchange {
  readonly #deps: PeerExchangeDeps;
  #timer: NodeJS.Timeout | undefined;
  #revision = -1;
  #round = 0;
  #waitMs = ROUND_MS_MIN;
  #nextAtMs = 0;

  constructor(deps: PeerExchangeDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    const nowMs = performance.now();
    if (this.#deps.revision() !== this.#revision) {
      this.#revision = this.#deps.revision();
      this.#waitMs = ROUND_MS_MIN;
      this.#nextAtMs = Math.min(this.#nextAtMs, nowMs);
    }
    if (nowMs < this.#nextAtMs) return;
    const [connection] = this.#choose()?.connections ?? [];
    if (connection === undefined) return;
    this.#nextAtMs = nowMs + this.#waitMs * (0.75 + Math.random() / 4);
    this.#waitMs = Math.min(ROUND_QUIET_MS, this.#waitMs * ROUND_GROWTH);
    void this.#deps.greet(connection);
  }

  #choose(): PeerSession | undefined {
    const sessions = this.#deps.sessions();
    this.#round += 1;
    if (this.#round % 2 === 0) return sessions[Math.floor(Math.random() * sessions.length)];
    return sessions.reduce<PeerSession | undefined>(
      (best, session) => (best === undefined || toldBy(session) > toldBy(best) ? session : best),
      undefined,
    );
  }
}

function toldBy({ told }: PeerSession): number {
  return told.known.length + told.heard.length;
}
