/** Waits for something that real processes or sockets bring about. */
import { setTimeout as sleep } from "node:timers/promises";

const EVERY_MS = 20;

/** Resolves once `condition` holds; rejects naming `what` after `limitMs`. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs: number = 30_000,
): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`Waited ${limitMs} ms in vain until ${what}.`);
    await sleep(EVERY_MS);
  }
}
