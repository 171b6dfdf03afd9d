/**
 * Time as core sees it: handed in with every input, never read (rule SG3).
 * The two clocks never share a name: `monoMs` measures silence, `wallMs` is for cron, hybrid clocks, expiry and people.
 */
export interface Now {
  /** Monotonic milliseconds since an arbitrary start; never goes back within one run of a process. */
  readonly monoMs: number;
  /** Milliseconds since 1970-01-01 UTC; may step either way at any time. */
  readonly wallMs: number;
}
