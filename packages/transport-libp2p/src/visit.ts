/**
 * Asks a node one thing without being in its fleet: connects with a short-lived host, as the real one bears the fleet in all its protocols, and may
 * not be let in yet.
 */
import type { Connection, Ed25519PrivateKey, Libp2p } from "@libp2p/interface";
import type { Identify } from "@libp2p/identify";
import { multiaddr } from "@multiformats/multiaddr";
import { PulsemeshError } from "@pulsemesh/core";
import { HandshakeProgress } from "./handshake-progress.ts";
import type { DialProgress } from "./handshake-progress.ts";
import { createProbeHost } from "./host.ts";
import { readAddress } from "./multiaddr-text.ts";
import { lookUp } from "./name-lookup.ts";
import type { NameService } from "./name-lookup.ts";

/** Longest time for one address, dial and question together, where nothing else is said. */
const VISIT_MS = 8_000;

export interface Visit {
  readonly host: Libp2p<{ readonly identify: Identify }>;
  readonly connection: Connection;
  /** Aborts when the time is over, or the caller gives up. */
  readonly signal: AbortSignal;
}

export interface VisitOptions {
  readonly key: Ed25519PrivateKey;
  readonly names: NameService;
  /** Of the private network that the address is in. */
  readonly networkKey: Uint8Array | undefined;
  readonly signal: AbortSignal | undefined;
  /** Longest time for one address, in ms. @default 8000 */
  readonly limitMs?: number | undefined;
}

/** Both sides had agreed on how to secure the connection, and the time was over before there was an answer: a node is there, and is slow. */
export class VisitTimeoutError extends Error {
  override readonly name = "VisitTimeoutError";
}

/**
 * Asks at the first place that an address leads to and that answers.
 * @throws what the last place threw; PulsemeshError `join-failed` when the address leads nowhere
 */
export async function visit<T>(
  address: string,
  options: VisitOptions,
  ask: (visit: Visit) => Promise<T>,
): Promise<T> {
  const read = readAddress(address);
  const targets = read === undefined ? [] : await lookUp(read, options.names, true);
  let failure: unknown = new PulsemeshError("join-failed", `${address} leads nowhere.`);
  for (const target of targets) {
    try {
      return await visitOne(target.address, options, ask);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

async function visitOne<T>(
  address: string,
  { key, networkKey, signal, limitMs = VISIT_MS }: VisitOptions,
  ask: (visit: Visit) => Promise<T>,
): Promise<T> {
  const isWebSocket = readAddress(address)?.websocket === true;
  const host = await createProbeHost(key, isWebSocket, networkKey);
  const limit = AbortSignal.any([
    AbortSignal.timeout(limitMs),
    ...(signal === undefined ? [] : [signal]),
  ]);
  const progress = new HandshakeProgress();
  try {
    await host.start();
    const connection = await dial(host, address, { limit, signal, progress });
    return await ask({ host, connection, signal: limit });
  } catch (error) {
    const isLate = limit.aborted && signal?.aborted !== true && progress.isAgreed;
    throw isLate ? new VisitTimeoutError("It did not answer in time.", { cause: error }) : error;
  } finally {
    await host.stop();
  }
}

async function dial(
  host: Visit["host"],
  address: string,
  {
    limit,
    signal,
    progress,
  }: {
    readonly limit: AbortSignal;
    readonly signal: AbortSignal | undefined;
    readonly progress: HandshakeProgress;
  },
): Promise<Connection> {
  const onProgress = (event: DialProgress): void => progress.note(event);
  try {
    return await host.dial(multiaddr(address), { signal: limit, onProgress });
  } catch (error) {
    throw signal?.aborted === true ? error : progress.named(error);
  }
}
