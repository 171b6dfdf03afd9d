/**
 * Delivers what waits in the spool, the oldest first, each with its own time. One call does a bounded part of it: a ping must not take
 * minutes because a node was away for a week.
 */
import type { BeatFate } from "./beat-fate.ts";
import { fateOf } from "./beat-fate.ts";
import type { Spool } from "./spool.ts";
import { claimSpool, type ClaimOptions } from "./spool-claim.ts";
import { refuseForeign } from "./spool-folder.ts";
import type { SpooledBeat, SpoolEntry } from "./spooled-beat.ts";

/** Beats that one command delivers for others. */
export const FLUSH_BEATS_MAX: number = 100;
/** Time that it takes for that. */
export const FLUSH_MS_MAX: number = 2_000;

export interface FlushOptions extends ClaimOptions {
  readonly spool: Spool;
  readonly urlKey: string;
  /** Delivers one beat; throws what the client throws. */
  readonly send: (beat: SpooledBeat) => Promise<void>;
  /** Something that people should know, such as a beat that can never be delivered. */
  readonly say: (line: string) => void;
  /** @default FLUSH_BEATS_MAX */
  readonly beatsMax?: number | undefined;
  /** @default FLUSH_MS_MAX */
  readonly msMax?: number | undefined;
  readonly monoMs?: (() => number) | undefined;
}

export interface FlushResult {
  readonly sent: number;
  /** Why it ended before its bounds; undefined when it went as far as it could. */
  readonly error?: unknown;
  readonly fate?: BeatFate | undefined;
  /** Another process delivers. */
  readonly busy?: boolean | undefined;
}

/** Never rejects for what a node or a file is like; rejects when the folder cannot be used. */
export async function flushSpool(options: FlushOptions): Promise<FlushResult> {
  const { spool, urlKey } = options;
  if ((await spool.list(urlKey)).length === 0) return { sent: 0 };
  await refuseForeign(spool.folder);
  await using claim = await claimSpool(spool.folder, urlKey, options);
  if (claim === undefined) return { sent: 0, busy: true };
  return await flushClaimed(options, await spool.list(urlKey), () => claim.isHeld());
}

async function flushClaimed(
  options: FlushOptions,
  entries: readonly SpoolEntry[],
  isHeld: () => Promise<boolean>,
): Promise<FlushResult> {
  const { beatsMax = FLUSH_BEATS_MAX, msMax = FLUSH_MS_MAX } = options;
  const monoMs = options.monoMs ?? (() => performance.now());
  const endMs = monoMs() + msMax;
  const waiting = new Set<string>();
  let sent = 0;
  let error: unknown;
  for (const entry of entries) {
    if (waiting.has(entry.robot)) continue;
    if (sent >= beatsMax || monoMs() > endMs || !(await isHeld())) break;
    const beat = await readable(options, entry);
    if (beat === undefined) continue;
    try {
      await options.send(beat);
      sent += 1;
    } catch (cause) {
      const fate = fateOf(cause);
      if (fate === "away" || fate === "closed") return { sent, error: cause, fate };
      if (fate === "robot") {
        // The others of the same robot wait with it, so that they go out in order.
        waiting.add(entry.robot);
        error ??= cause;
        continue;
      }
      await putAside(options, entry, cause instanceof Error ? cause.message : String(cause));
      continue;
    }
    await options.spool.remove(entry);
  }
  return error === undefined ? { sent } : { sent, error, fate: "robot" };
}

async function readable(
  options: FlushOptions,
  entry: SpoolEntry,
): Promise<SpooledBeat | undefined> {
  const beat = await options.spool.read(entry);
  if (beat === "gone") return undefined;
  if (beat !== "damaged") return beat;
  await putAside(options, entry, "its file is damaged");
  return undefined;
}

async function putAside({ spool, say }: FlushOptions, entry: SpoolEntry, why: string) {
  await spool.setAside(entry);
  const at = new Date(entry.atWallMs).toISOString();
  say(
    `a beat of ${entry.robot} of ${at} cannot be delivered and is set aside in ${spool.folder}: ${why}`,
  );
}
