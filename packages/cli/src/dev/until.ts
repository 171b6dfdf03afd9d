/** Waits until something is true of the mesh, and says what was last seen when it never is. */
import { setTimeout as wait } from "node:timers/promises";

/** One look: done, or what is still missing, in words. */
export type Look = () => Promise<true | string>;

export interface UntilOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly pollMs?: number | undefined;
}

const pollMsDefault = 40;

/** Looks again and again; a look that throws counts as not yet. Rejects with the last thing that was missing. */
export async function until(look: Look, options: UntilOptions): Promise<void> {
  const deadlineMs = performance.now() + options.timeoutMs;
  for (;;) {
    const seen = await look().catch((error: unknown) =>
      error instanceof Error ? error.message : String(error),
    );
    if (seen === true) return;
    if (options.signal.aborted) throw new Error(`interrupted while ${seen}`);
    if (performance.now() >= deadlineMs) {
      throw new Error(`${seen} (after ${Math.round(options.timeoutMs)} ms)`);
    }
    await wait(options.pollMs ?? pollMsDefault);
  }
}
