/** What `POST /-/reload` answers: what was taken over, and what was not. */
import { z } from "zod";

/** What a reload did. */
export interface ReloadJson {
  /** Taken over, such as `log.level` or `robot scanner`. */
  readonly applied: readonly string[];
  /** Changed in the file, and in effect after a restart only. */
  readonly needs_restart: readonly string[];
  /** Robots that the file no longer names; they stay until they are retired. */
  readonly no_longer_named: readonly string[];
  /** Hex SHA-256 of the file. */
  readonly config_hash: string;
}

export const reloadSchema: z.ZodType<ReloadJson> = z.object({
  applied: z.array(z.string()).readonly(),
  needs_restart: z.array(z.string()).readonly(),
  no_longer_named: z.array(z.string()).readonly(),
  config_hash: z.string(),
});
