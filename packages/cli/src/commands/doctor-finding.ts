/** One line of `doctor`. */
export interface Finding {
  readonly check: string;
  readonly result: "ok" | "warn" | "fail";
  readonly detail: string;
  /** What to do; always there unless the result is ok. */
  readonly next?: string | undefined;
}
