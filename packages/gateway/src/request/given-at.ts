/**
 * `?at=`: when a beat was given that had to wait for a node. A client that keeps beats while no node answers must not pass them off as
 * fresh ones (promise P3), so it says when it got them, and core dates them by that.
 */
import { z } from "zod";

/** The mesh's own clocks begin here; a beat that claims to be older comes from a clock that was never set. */
const EARLIEST_WALL_MS = Date.UTC(2020, 0, 1);

/** RFC 3339. A time to come is not refused: core takes it for now, as clocks differ. */
export const givenAtSchema: z.ZodType<string | undefined> = z
  .preprocess(
    // In a query, an offset's plus sign that nobody escaped arrives as a blank.
    (text) => (typeof text === "string" ? text.replace(/ (?=\d\d:\d\d$)/, "+") : text),
    z.iso
      .datetime({ offset: true, error: "must be an RFC 3339 time with Z or an offset" })
      .refine((text) => Date.parse(text) >= EARLIEST_WALL_MS, "must not be before 2020-01-01")
      .optional(),
  )
  .describe("When it was given, if it had to wait; such a beat revives nothing");

/** The part of a command that says when it was given: nothing for a live beat. */
export function givenAt(at: string | undefined): { readonly spooledAtWallMs?: number } {
  return at === undefined ? {} : { spooledAtWallMs: Date.parse(at) };
}
