/** Notices at the start that others on this machine may look into the data directory (promise P5). */
import { statSync } from "node:fs";
import type { NodeLogger } from "./api.ts";

const OTHERS_BITS = 0o077;

/** Says so in the log, with what to do; the mode itself is its owner's business. */
export function warnOfOpenDirectory(dataDir: string, logger: NodeLogger): void {
  if (process.platform === "win32") return;
  const mode = statSync(dataDir).mode & 0o777;
  if ((mode & OTHERS_BITS) === 0) return;
  logger.warn(
    { dataDir, mode: mode.toString(8).padStart(4, "0") },
    `others on this machine may enter the data directory; close it with: chmod go= ${dataDir}`,
  );
}
