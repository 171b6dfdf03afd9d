/**
 * `?at=`: when a beat was given that had to wait for a node. A client that keeps beats while no node answers must not pass them off as
 * fresh ones (promise P3), so it says when it got them, and core dates them by that.
 */
import { z } from "zod";

/** The mesh's own clocks begin here; a beat that claims to be older comes from a clock that was never set. */
const EARLIEST_WALL_MS = Date.UTC(2020, 0, 1);

/** RFC 3339 as milliseconds since 1970. A time to come is not refused: core takes it for now, as clocks differ. */
export const givenAtSchema: z.ZodType<number | undefined> = z
  .string()
  // In a query, an offset's plus sign that nobody escaped arrives as a blank.
  .transform((text) => text.replace(/ (?=\d\d:\d\d$)/, "+"))
  .pipe(z.iso.datetime({ offset: true, error: "must be an RFC 3339 time with Z or an offset" }))
  .transform((text) => Date.parse(text))
  .refine((wallMs) => wallMs >= EARLIEST_WALL_MS, "must not be before 2020-01-01")
  .optional()
  .describe("RFC 3339: when it was given, if it had to wait; such a beat revives nothing");
