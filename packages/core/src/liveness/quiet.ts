/**
 * What a node of a large fleet says of members that nobody speaks of (rule PU8).
 *
 * Their witnesses would: whoever holds a member for dead says so again every five intervals. So where this node has a majority in sight and
 * has listened for long enough, silence about a member says that it lives; else nothing is known of it.
 */
import type { Now } from "../now.ts";
import type { NodeReason, Status } from "../view/status.ts";
import { LISTEN_AGAIN_INTERVALS, QUIET_INTERVALS } from "./rules.ts";

export interface QuietStanding {
  readonly status: Status;
  readonly reason: NodeReason | undefined;
  readonly sinceMonoMs: number;
  readonly sinceWallMs: number;
}

export class Quiet {
  readonly #pulseEveryMs: number;
  #standing: QuietStanding = {
    status: "unknown",
    reason: "not-heard",
    sinceMonoMs: 0,
    sinceWallMs: 0,
  };
  /** Since when a majority has been in sight without a break, and how long it must be. */
  #majorityMonoMs: number | undefined;
  #listenIntervals = QUIET_INTERVALS;

  constructor(pulseEveryMs: number) {
    this.#pulseEveryMs = pulseEveryMs;
  }

  get standing(): QuietStanding {
    return this.#standing;
  }

  /** This node began anew, or was away. */
  begin(now: Now): void {
    this.#majorityMonoMs = undefined;
    this.#standing = {
      status: "unknown",
      reason: "not-heard",
      sinceMonoMs: now.monoMs,
      sinceWallMs: now.wallMs,
    };
  }

  /** Looks at how sure this node is; returns the standing before, where that was another one. */
  look(doubt: NodeReason | undefined, now: Now): QuietStanding | undefined {
    if (doubt === undefined) this.#majorityMonoMs ??= now.monoMs;
    else this.#majorityMonoMs = undefined;
    const listenedMs = this.#majorityMonoMs === undefined ? -1 : now.monoMs - this.#majorityMonoMs;
    const isSure = listenedMs >= this.#listenIntervals * this.#pulseEveryMs;
    const before = this.#standing;
    const status = isSure ? "up" : "unknown";
    const reason = isSure ? undefined : (doubt ?? "not-heard");
    if (isSure) this.#listenIntervals = LISTEN_AGAIN_INTERVALS;
    if (status === before.status && reason === before.reason) return undefined;
    const isSame = status === before.status;
    this.#standing = {
      status,
      reason,
      sinceMonoMs: isSame ? before.sinceMonoMs : now.monoMs,
      sinceWallMs: isSame ? before.sinceWallMs : now.wallMs,
    };
    return before;
  }
}
