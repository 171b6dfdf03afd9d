/** What `POST /-/leave` answers. */
import { z } from "zod";

export interface LeavingJson {
  /** The node that leaves. */
  readonly id: string;
  readonly leaving: true;
}

export const leavingSchema: z.ZodType<LeavingJson> = z.strictObject({
  id: z.string().describe("The node that leaves"),
  leaving: z.literal(true),
});
