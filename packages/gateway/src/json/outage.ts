/** A region that is out of reach of another one, as answers say it (rule VE4). */
import type { OutageView } from "@pulsemesh/core";
import { z } from "zod";
import { rfc3339 } from "./rfc3339.ts";
import { timeSchema } from "./words.ts";

export interface OutageJson {
  readonly from: string;
  readonly to: string;
  readonly since: string;
  /** Ids of nodes in `from` that miss nodes in `to`. */
  readonly accusers: readonly string[];
}

export const outageSchema: z.ZodType<OutageJson> = z.strictObject({
  from: z.string().describe("Region of the nodes that hear nothing"),
  to: z.string().describe("Region of which nothing is heard"),
  since: timeSchema,
  accusers: z.array(z.string()).describe("Nodes in `from` that miss nodes in `to`"),
});

export function outageJson({ from, to, sinceWallMs, accusers }: OutageView): OutageJson {
  return { from, to, since: rfc3339(sinceWallMs), accusers };
}
