/**
 * Whoever gets into the data directory is this node: so one that others on this machine may enter, or keys that they may read, end the start
 * before anything is written (rule CFG13), and so every other way to make keys there: what is made in a directory that no start takes was made in
 * vain, and an invite spent. Volumes that a group shares are allowed by an option, and then said in the log.
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
export function checkDirectoryModes(
  dataDir: string,
  isShared: boolean,
  logger: Pick<NodeLogger, "warn">,
): void {
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
      `Cannot use the data folder as others on this machine may get at the node's key: ${which}. Close it with: ${close}`,
    );
  }
  for (const { path, mode } of open) {
    logger.warn(
      { path, mode: octal(mode) },
      `others on this machine may enter; close it with: ${close}`,
    );
  }
}

/**
 * What a command checks that makes keys in the directory and starts no node there: that a start will take it. It says nothing where others may
 * enter on purpose, as each start does.
 * @throws PulsemeshError `data-dir-open`, and `data-dir-unusable` as {@link refuseForeign}
 */
export function checkDirectoryOf(dataDir: string, isShared: boolean): void {
  checkDirectoryModes(dataDir, isShared, { warn: () => undefined });
  if (!isShared) refuseForeign(dataDir);
}

/**
 * What root makes is for root alone: in the directory of a service's own user it would be keys that the service cannot read.
 * @param self - who makes it; for tests
 * @throws PulsemeshError `data-dir-unusable`
 */
export function refuseForeign(
  dataDir: string,
  self: number | undefined = process.getuid?.(),
): void {
  const owner = statSync(dataDir, { throwIfNoEntry: false })?.uid;
  if (self !== 0 || owner === undefined || owner === self) return;
  throw new PulsemeshError(
    "data-dir-unusable",
    `Cannot use ${dataDir} as root: it belongs to another user (uid ${owner}), who could not read the keys that root makes there. Nothing was changed; do it as that user (sudo -u '#${owner}' …), or add --shared-data where root runs the node as well.`,
  );
}

/** Permission bits; undefined where nothing is, or nothing can be seen, of which whoever opens it will speak. */
function modeOf(path: string): number | undefined {
  try {
    return statSync(path).mode & 0o777;
  } catch {
    return undefined;
  }
}

/** As `chmod` takes it. */
export function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

/** A path as a shell takes it. */
export function shellWord(path: string): string {
  return /^[\w./:@%+=-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
