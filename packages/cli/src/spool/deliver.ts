/**
 * A beat's way from a command to a node. What may succeed later is tried again for a while; then the beat goes into the spool with its own
 * time, and out with the next command of the same user to the same node. What waits already goes first, so that the mesh hears of things
 * in their order. The beat itself goes out live: whoever says it is alive, now.
 */
import { PulsemeshClientError, type PulsemeshClient } from "@pulsemesh/client";
import { setTimeout as wait } from "node:timers/promises";
import { pauseMs } from "./backoff.ts";
import { mayBeTakenLater } from "./beat-fate.ts";
import { flushSpool } from "./flush.ts";
import type { Spool } from "./spool.ts";
import { type SpooledBeat, type SpoolEntry, urlKeyOf } from "./spooled-beat.ts";

/** So long after it was given a beat is still a sign of life when it arrives; then it goes out with its own time (promise P3). */
export const LIVE_MS_MAX: number = 10_000;

/** Nodes take no earlier time (HT30). A machine without a clock of its own begins in 1970, and what it kept then must not be lost. */
const EARLIEST_WALL_MS = Date.UTC(2020, 0, 1);

export interface Courier {
  readonly client: PulsemeshClient;
  readonly url: string;
  /** Undefined: nothing is kept. */
  readonly spool: Spool | undefined;
  /** How long to try again, in ms; 0 tries once. */
  readonly retryForMs: number;
  /** For people: what the spool meets on its way. */
  readonly say: (line: string) => void;
  /** Parameters for tests. */
  readonly pause?: ((ms: number, signal?: AbortSignal) => Promise<void>) | undefined;
  readonly monoMs?: (() => number) | undefined;
  readonly wallMs?: (() => number) | undefined;
  readonly random?: (() => number) | undefined;
}

export type Beat = Pick<SpooledBeat, "robot" | "kind" | "rid" | "create" | "message">;

export type Delivery =
  | { readonly outcome: "taken"; readonly created: boolean }
  | {
      readonly outcome: "kept";
      readonly error: unknown;
      /** What had to go for it. */
      readonly dropped: readonly SpoolEntry[];
    }
  | {
      readonly outcome: "failed";
      readonly error: unknown;
      /** Why it could not be kept, where it should have been. */
      readonly spoolError?: Error | undefined;
    };

/**
 * Brings a beat to the node, or into the spool. Never rejects.
 * @param signal - ends the trying, not the beat: it is then kept
 * @param sinceMonoMs - when it was given, on the courier's monotonic clock; now if undefined
 */
export async function deliver(
  courier: Courier,
  beat: Beat,
  signal?: AbortSignal,
  sinceMonoMs?: number,
): Promise<Delivery> {
  const { monoMs = () => performance.now(), random = Math.random } = courier;
  const { wallMs = Date.now, pause = pauseOrEnd } = courier;
  const beginMs = monoMs();
  const startMs = sinceMonoMs ?? beginMs;
  const atWallMs = Math.floor(wallMs() - (beginMs - startMs));
  const toldWallMs = Math.max(EARLIEST_WALL_MS, atWallMs);
  const endMs = beginMs + courier.retryForMs;
  for (let tried = 1; ; tried++) {
    const result = await tryOnce(courier, beat, () =>
      monoMs() - startMs > LIVE_MS_MAX ? toldWallMs : undefined,
    );
    if (!("error" in result)) return { outcome: "taken", created: result.created };
    const { error } = result;
    if (!mayBeTakenLater(error)) return { outcome: "failed", error };
    const retryAfterMs = error instanceof PulsemeshClientError ? error.retryAfterMs : undefined;
    const waitMs = pauseMs(tried, random(), retryAfterMs);
    // A wait that ends past the budget would be in vain.
    if (signal?.aborted === true || monoMs() + waitMs > endMs) {
      return await keep(courier, { ...beat, url: courier.url, atWallMs }, error);
    }
    await pause(waitMs, signal);
  }
}

type Try = { readonly created: boolean } | { readonly error: unknown };

async function tryOnce(
  courier: Courier,
  beat: Beat,
  givenAt: () => number | undefined,
): Promise<Try> {
  const flushed = await flushOwn(courier);
  // The node is away, for the beat as well; it waits behind the others.
  if (flushed?.fate === "away") return { error: flushed.error };
  try {
    const { robot, ...what } = beat;
    return await courier.client.ping(robot, { ...what, givenAtWallMs: givenAt() });
  } catch (error) {
    return { error };
  }
}

/** What waits for this courier's node. A spool that cannot be used must not hold up a beat that needs none. */
async function flushOwn(
  courier: Courier,
): Promise<Awaited<ReturnType<typeof flushSpool>> | undefined> {
  const { spool, client, url, say, monoMs } = courier;
  if (spool === undefined) return undefined;
  try {
    return await flushSpool({
      spool,
      urlKey: urlKeyOf(url),
      send: (beat) => sendSpooled(client, beat),
      say,
      monoMs,
    });
  } catch (error) {
    say(`kept beats wait on: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

/** Offers what waits for this courier's node to it. Never rejects; true when nothing waits any more. */
export async function deliverKept(courier: Courier): Promise<boolean> {
  await flushOwn(courier);
  const left = await courier.spool?.list(urlKeyOf(courier.url)).catch(() => undefined);
  return left?.length === 0;
}

/** Delivers a beat of the spool, with its own time. */
export async function sendSpooled(client: PulsemeshClient, beat: SpooledBeat): Promise<void> {
  const { robot, kind, rid, create, message, atWallMs } = beat;
  const givenAtWallMs = Math.max(EARLIEST_WALL_MS, atWallMs);
  await client.ping(robot, { kind, rid, create, message, givenAtWallMs });
}

async function keep({ spool }: Courier, beat: SpooledBeat, error: unknown): Promise<Delivery> {
  if (spool === undefined) return { outcome: "failed", error };
  try {
    return { outcome: "kept", error, dropped: await spool.keep(beat) };
  } catch (cause) {
    const spoolError = cause instanceof Error ? cause : new Error("the file system failed");
    return { outcome: "failed", error, spoolError };
  }
}

async function pauseOrEnd(ms: number, signal?: AbortSignal): Promise<void> {
  await wait(ms, undefined, signal === undefined ? {} : { signal }).catch(() => {});
}
