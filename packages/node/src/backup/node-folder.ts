/** The files of a data directory that say who its node is, read without touching anything. Its store is another matter. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type FleetId, type NodeId, PulsemeshError } from "@pulsemesh/core";
import { readFleetPin } from "../keys/fleet-pin.ts";
import { readKey } from "../keys/key-file.ts";
import { nodeIdOf } from "../keys/peer-id.ts";
import { NEEDED_FILES, PRIVATE_FILE_BYTES_MAX, PRIVATE_FILES } from "./backup-format.ts";

export interface NodeFolder {
  readonly dir: string;
  readonly node: NodeId;
  readonly fleet: FleetId;
  /** Private files by name, in the order of a backup. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/**
 * Reads the folder of a node, running or not.
 * @throws PulsemeshError `data-dir-unusable` when there is no node in it, or its files cannot be read
 */
export function readNodeFolder(dir: string): NodeFolder {
  const files = new Map<string, Uint8Array>();
  for (const name of PRIVATE_FILES) {
    const bytes = readIfAny(join(dir, name));
    if (bytes !== undefined) files.set(name, bytes);
  }
  const missing = NEEDED_FILES.find((name) => !files.has(name));
  const fleet = missing === undefined ? readFleetPin(dir) : undefined;
  if (missing !== undefined || fleet === undefined) {
    throw new PulsemeshError(
      "data-dir-unusable",
      `Cannot find a node in ${dir}: there is no ${missing ?? "fleet.json"}. Nothing was changed.`,
    );
  }
  const { publicKey } = readKey(join(dir, "node.key"));
  return { dir, node: nodeIdOf(publicKey), fleet, files };
}

function readIfAny(path: string): Uint8Array | undefined {
  try {
    if (statSync(path).size > PRIVATE_FILE_BYTES_MAX) throw new Error("it is too long");
    return readFileSync(path);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw new PulsemeshError("data-dir-unusable", `Cannot read ${path}: ${String(cause)}.`, {
      cause,
    });
  }
}
