/**
 * A slow tick over all peers: measures round trips, ends half-finished frames, and repairs two things that libp2p leaves broken for
 * the life of a connection: a gossip stream that was closed, and a TCP connection whose far end is gone without a word.
 * The cure for both is to close the connection and dial anew. It says nothing about the member (rule VE0).
 */
import { randomBytes } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { Connection, Stream, StreamMessageEvent } from "@libp2p/interface";
import type { PeerSession } from "./peer-session.ts";

/** Looks in a row without a gossip stream, at one a second, before the connection is renewed. */
export const GOSSIP_MISSES_ALLOWED: number = 8;

const TICK_MS = 1_000;
const PING_PROTOCOL = "/ipfs/ping/1.0.0";
const PING_BYTES = 32;
const PING_TIMEOUT_MS = 9_000;
const GOSSIP_PREFIX = "/meshsub/";

export interface LinkWatchOptions {
  readonly pingEveryMs: number;
  readonly silentConnectionMs: number;
}

export class LinkWatch {
  readonly #sessions: () => Iterable<PeerSession>;
  readonly #renew: (session: PeerSession, why: string) => void;
  readonly #options: LinkWatchOptions;
  readonly #pingAtMs = new WeakMap<PeerSession, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    deps: {
      readonly sessions: () => Iterable<PeerSession>;
      readonly renew: (session: PeerSession, why: string) => void;
    },
    options: LinkWatchOptions,
  ) {
    this.#sessions = deps.sessions;
    this.#renew = deps.renew;
    this.#options = options;
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
    for (const session of this.#sessions()) {
      session.sweep();
      if (session.info === undefined) continue;
      session.gossipMisses = hasGossip(session.connections) ? 0 : session.gossipMisses + 1;
      if (session.gossipMisses > GOSSIP_MISSES_ALLOWED) this.#renew(session, "gossip stream lost");
      else if (nowMs - session.answeredAtMs > this.#options.silentConnectionMs)
        this.#renew(session, "no answer to pings");
      else this.#pingIfDue(session, nowMs);
    }
  }

  #pingIfDue(session: PeerSession, nowMs: number): void {
    // The first ping comes at a random point of the interval, so that a fleet started at one time does not ping in step.
    const dueAtMs =
      this.#pingAtMs.get(session) ?? nowMs + Math.random() * this.#options.pingEveryMs;
    if (dueAtMs > nowMs) this.#pingAtMs.set(session, dueAtMs);
    else {
      this.#pingAtMs.set(session, nowMs + this.#options.pingEveryMs);
      void pingSession(session);
    }
  }
}

async function pingSession(session: PeerSession): Promise<void> {
  const [connection] = session.connections;
  if (connection === undefined) return;
  try {
    session.roundTripMs = await ping(connection);
    session.answeredAtMs = performance.now();
  } catch {
    // Unanswered: the time of the last answer stands, and the watch acts on it.
  }
}

/** One round trip on an open connection, in milliseconds. */
async function ping(connection: Connection): Promise<number> {
  const stream = await connection.newStream(PING_PROTOCOL, {
    signal: AbortSignal.timeout(PING_TIMEOUT_MS),
  });
  const timer = setTimeout(() => stream.abort(new Error("ping timed out")), PING_TIMEOUT_MS);
  try {
    const sentAtMs = performance.now();
    await echo(stream);
    const roundTripMs = performance.now() - sentAtMs;
    await stream.close();
    return roundTripMs;
  } catch (error) {
    stream.abort(error instanceof Error ? error : new Error("ping failed"));
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function echo(stream: Stream): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let missing = PING_BYTES;
  stream.addEventListener("message", (event: StreamMessageEvent) => {
    missing -= event.data.byteLength;
    if (missing <= 0) resolve();
  });
  stream.addEventListener("close", () => reject(new Error("ping stream closed")));
  stream.send(randomBytes(PING_BYTES));
  return promise;
}

/** Whether gossip can flow both ways; looks at all connections, as it runs on whichever came first. */
function hasGossip(connections: readonly Connection[]): boolean {
  const streams = connections
    .flatMap((connection) => connection.streams)
    .filter((stream) => stream.protocol.startsWith(GOSSIP_PREFIX) && stream.status === "open");
  const outbound = streams.some((stream) => stream.direction === "outbound");
  return outbound && streams.some((stream) => stream.direction === "inbound");
}
