/**
 * Whoever gets into the data directory is this node: so one that others on this machine may enter, or keys that they may read, end the start
 * before anything is written (rule CFG13). Volumes that a group shares are allowed by an option, and then said in the log.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { PulsemeshError } from "@pulsemesh/core";
import type { NodeLogger } from "./api.ts";

const OTHERS_BITS = 0o077;
const KEY_FILES = [
  "node.key",
  "fleet-root.key",
  "fleet-root-next.key",
  "root/fleet-root.key",
  "root/fleet-root-next.key",
  "issuer.key",
  "audit.key",
  "cosign.key",
];

/**
 * Checks the directory and the keys in it; there may be none yet.
 * @param isShared - what is too open is a warning
 * @throws PulsemeshError `data-dir-open` with the line to type
 */
export function checkDirectoryModes(dataDir: string, isShared: boolean, logger: NodeLogger): void {
  // Windows has no such modes.
  if (process.platform === "win32") return;
  const paths = [dataDir, ...KEY_FILES.map((name) => join(dataDir, name))];
  const open = paths.flatMap((path) => {
    const mode = modeOf(path);
    return mode === undefined || (mode & OTHERS_BITS) === 0 ? [] : [{ path, mode }];
  });
  if (open.length === 0) return;
  const close = `chmod go= ${open.map(({ path }) => shellWord(path)).join(" ")}`;
  if (!isShared) {
    const which = open.map(({ path, mode }) => `${path} (mode ${octal(mode)})`).join(", ");
    throw new PulsemeshError(
      "data-dir-open",
      `Cannot start as others on this machine may get at the node's key: ${which}. Close it with: ${close}`,
    );
  }
  for (const { path, mode } of open) {
    logger.warn(
      { path, mode: octal(mode) },
      `others on this machine may enter; close it with: ${close}`,
    );
  }
}

/** Permission bits; undefined where nothing is, or nothing can be seen, of which whoever opens it will speak. */
function modeOf(path: string): number | undefined {
  try {
    return statSync(path).mode & 0o777;
  } catch {
    return undefined;
  }
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

function shellWord(path: string): string {
  return /^[\w./:@%+=-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
