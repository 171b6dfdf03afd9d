/** Dialers whose ranking and chance a test can tell, and a network that takes every call; for tests of whom they dial. */
import { Dialer } from "./dialer.ts";

/** Ranks are the names themselves: `m00` is wanted most. */
export function dialerOf(self = "a", random = 1): Dialer {
  return new Dialer({ rankOf: (node) => node, random: () => random }, self);
}

export function names(count: number, from = 0): readonly string[] {
  return Array.from({ length: count }, (_, index) => `m${String(from + index).padStart(2, "0")}`);
}

/** Plans again and again, connecting whatever is dialled, until nothing is due at `nowMs`; answers what was dialled. */
export function settle(
  dialer: Dialer,
  nowMs: number,
  accept: (node: string) => boolean = () => true,
): readonly string[] {
  const dialled: string[] = [];
  for (;;) {
    const { dial } = dialer.plan(nowMs);
    if (dial.length === 0) return dialled;
    for (const node of dial) {
      dialled.push(node);
      if (!accept(node)) dialer.failed(node, nowMs);
      else {
        dialer.connected(node, "outbound", nowMs);
        dialer.greeted(node, nowMs);
      }
    }
  }
}
