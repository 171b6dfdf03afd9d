/** When a robot is expected: said by whoever registers it, shown to everybody who asks. */

/** When a robot must show life (rule VE7). Durations in milliseconds, 100 … 31 days. */
export type Schedule =
  | {
      readonly type: "every";
      readonly everyMs: number;
      readonly graceMs: number;
      readonly missed: number;
      readonly startupMs: number;
    }
  | {
      readonly type: "cron";
      readonly line: string;
      readonly timeZone: string;
      readonly graceMs: number;
      readonly startupMs: number;
    };
