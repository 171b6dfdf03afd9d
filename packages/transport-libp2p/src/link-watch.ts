/**
 * A slow tick over all peers: measures round trips, ends half-finished frames, and repairs two things that libp2p and TCP leave
 * broken: a gossip stream that was closed, and a connection that lies dead after its path was cut (TCP retries ever more rarely: half
 * a minute after a cut of twenty seconds). The cure for both is to close the connection and dial anew.
 *
 * An unanswered ping alone closes nothing for a minute: on an overloaded machine everybody answers late, and whoever hangs up then
 * makes it worse. A second connection to the same peer tells the cases apart: only if it comes about while the first one still does not answer,
 * the first one is stuck. Nothing here says anything about the member (rule VE0).
 */
import { randomBytes } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { Connection, Stream, StreamMessageEvent } from "@libp2p/interface";
import { patientTimer } from "./patient-timer.ts";
import type { PeerSession } from "./peer-session.ts";

/** Most second connections under way at once: each costs both sides a handshake, at a moment when much is to be caught up with. */
export const PROBES_MAX: number = 2;
/** Looks in a row without gossip streams that were there before, at one a second, before the connection is renewed … */
const GOSSIP_LOST_LOOKS = 8;
/** … and without such as never came about: on a busy machine they take their time. */
const GOSSIP_ABSENT_LOOKS = 60;

const TICK_MS = 1_000;
const PING_PROTOCOL = "/ipfs/ping/1.0.0";
const PING_BYTES = 32;
const PING_TIMEOUT_MS = 20_000;
const GOSSIP_PREFIX = "/meshsub/";

export interface LinkWatchOptions {
  readonly pingEveryMs: number;
  readonly probeAfterMs: number;
  readonly silentConnectionMs: number;
}

export interface LinkWatchDeps {
  readonly sessions: () => Iterable<PeerSession>;
  /** Closes all connections to a peer, so that a fresh one is dialled. */
  readonly renew: (session: PeerSession, why: string) => void;
  /** Whether a second connection to a peer comes about; it is closed again. */
  readonly probe: (session: PeerSession) => Promise<boolean>;
  /** One round trip to a peer, in milliseconds; rejects when it is not answered. */
  readonly ping: (session: PeerSession) => Promise<number>;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

export class LinkWatch {
  readonly #deps: LinkWatchDeps;
  readonly #options: LinkWatchOptions;
  readonly #pingAtMs = new WeakMap<PeerSession, number>();
  readonly #probing = new Set<PeerSession>();
  /** The last tries, so that peers whose addresses hang do not keep the others from theirs. */
  readonly #probedAtMs = new WeakMap<PeerSession, number>();
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(deps: LinkWatchDeps, options: LinkWatchOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.look(), TICK_MS);
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Looks at every peer once; called by the tick. */
  look(): void {
    const nowMs = this.#deps.now();
    const silent: PeerSession[] = [];
    for (const session of this.#deps.sessions()) {
      session.sweep();
      if (session.info === undefined) continue;
      const gossips = hasGossip(session.connections);
      session.gossiped ||= gossips;
      session.gossipMisses = gossips ? 0 : session.gossipMisses + 1;
      const looks = session.gossiped ? GOSSIP_LOST_LOOKS : GOSSIP_ABSENT_LOOKS;
      const silentMs = nowMs - session.answeredAtMs;
      if (session.gossipMisses > looks) this.#deps.renew(session, "gossip stream lost");
      else if (silentMs > this.#options.silentConnectionMs)
        this.#deps.renew(session, "no answer to pings");
      else {
        if (silentMs > this.#options.probeAfterMs) silent.push(session);
        this.#pingIfDue(session, nowMs);
      }
    }
    const triedAtMs = (session: PeerSession): number => this.#probedAtMs.get(session) ?? -Infinity;
    for (const session of silent.toSorted((a, b) => triedAtMs(a) - triedAtMs(b) || 0))
      void this.#probe(session, nowMs);
  }

  async #probe(session: PeerSession, nowMs: number): Promise<void> {
    if (this.#probing.has(session) || this.#probing.size >= PROBES_MAX) return;
    this.#probing.add(session);
    this.#probedAtMs.set(session, nowMs);
    const reached = await this.#deps.probe(session).catch(() => false);
    this.#probing.delete(session);
    const stuck = this.#deps.now() - session.answeredAtMs > this.#options.probeAfterMs;
    if (reached && stuck && !this.#stopped)
      this.#deps.renew(session, "a second connection answers, this one does not");
  }

  async #ping(session: PeerSession): Promise<void> {
    try {
      session.roundTripMs = await this.#deps.ping(session);
      session.answeredAtMs = this.#deps.now();
    } catch {
      // Unanswered: the time of the last answer stands, and the watch acts on it.
    }
  }

  #pingIfDue(session: PeerSession, nowMs: number): void {
    // The first ping comes at a random point of the interval, so that a fleet started at one time does not ping in step.
    const dueAtMs =
      this.#pingAtMs.get(session) ?? nowMs + Math.random() * this.#options.pingEveryMs;
    if (dueAtMs > nowMs) this.#pingAtMs.set(session, dueAtMs);
    else {
      this.#pingAtMs.set(session, nowMs + this.#options.pingEveryMs);
      void this.#ping(session);
    }
  }
}

/** One round trip to a peer on its oldest connection, in milliseconds. */
export function pingPeer({ connections: [connection] }: PeerSession): Promise<number> {
  return connection === undefined ? Promise.reject(new Error("not connected")) : ping(connection);
}

/** One round trip on an open connection, in milliseconds. */
export async function ping(connection: Connection): Promise<number> {
  const stream = await connection.newStream(PING_PROTOCOL, {
    signal: AbortSignal.timeout(PING_TIMEOUT_MS),
  });
  const callOff = patientTimer(PING_TIMEOUT_MS, () => stream.abort(new Error("ping timed out")));
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
    callOff();
  }
}

/** A stream that is gone already throws at the first byte: its close must then find nobody's promise to reject, or the process ends. */
function echo(stream: Stream): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let missing = PING_BYTES;
  stream.addEventListener("message", (event: StreamMessageEvent) => {
    missing -= event.data.byteLength;
    if (missing <= 0) resolve();
  });
  stream.addEventListener("close", () => reject(new Error("ping stream closed")));
  try {
    stream.send(randomBytes(PING_BYTES));
  } catch (error) {
    reject(error);
  }
  return promise;
}

/** Whether gossip can flow both ways; looks at all connections, as it runs on whichever came first. */
function hasGossip(connections: readonly Connection[]): boolean {
  const streams = connections
    .flatMap((connection) => connection.streams)
    .filter((stream) => stream.protocol.startsWith(GOSSIP_PREFIX) && isWhole(stream));
  const outbound = streams.some((stream) => stream.direction === "outbound");
  return outbound && streams.some((stream) => stream.direction === "inbound");
}

/** Gossipsub gives a peer up by closing its halves of the streams, which leaves them open by name. */
function isWhole(stream: Stream): boolean {
  return (
    stream.status === "open" &&
    stream.writeStatus === "writable" &&
    stream.remoteWriteStatus === "writable"
  );
}
