/**
 * The moment after a stall of this node (rule PU6): nothing is judged, and what comes may have waited in the inbox for as long as the stall.
 */
import type { BeatCommand } from "../command.ts";
import type { Now } from "../now.ts";
import type { LocalRobot } from "./local-robot.ts";

/** After a stall nothing is judged for this long, so that beats that waited in the inbox come first. */
export const STALL_DRAIN_MS: number = 500;
/** What waited in the inbox for longer may be from somebody who is long dead, and whoever gave it has given it up. */
export const INBOX_AGE_MS_MAX: number = 10_000;

export class StallDrain {
  #endMonoMs = -Infinity;
  /** How old a beat may be that is taken before that. */
  #inboxAgeMs = 0;

  /** When it is over, and robots are judged again. */
  get endMonoMs(): number {
    return this.#endMonoMs;
  }

  begin(stallMs: number, now: Now): void {
    this.#endMonoMs = now.monoMs + STALL_DRAIN_MS;
    this.#inboxAgeMs = stallMs;
  }

  isOver(atMonoMs: number): boolean {
    return atMonoMs >= this.#endMonoMs;
  }

  /** What may have waited for as long as this node was stalled lets nobody who is down look alive (promise P3): it counts as spooled. */
  heldBack(robot: LocalRobot, command: BeatCommand, now: Now): BeatCommand {
    if (this.isOver(now.monoMs) || robot.status !== "down") return command;
    if (this.#inboxAgeMs <= INBOX_AGE_MS_MAX) return command;
    const { spooledAtWallMs = Infinity } = command;
    return {
      ...command,
      spooledAtWallMs: Math.min(spooledAtWallMs, now.wallMs - this.#inboxAgeMs),
    };
  }
}
