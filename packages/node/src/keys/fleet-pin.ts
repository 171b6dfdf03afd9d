/** Which fleet this data directory belongs to, for ever (rule ME1): `fleet.json` holds the id. */
import { join } from "node:path";
import { type FleetId, PulsemeshError } from "@pulsemesh/core";
import { readFileIfAny, writePrivateFile } from "./private-file.ts";

const PIN_FILE = "fleet.json";
const FLEET_ID = /^[a-z2-7]{52}$/;

/**
 * The pinned fleet, undefined in a fresh directory.
 * @throws PulsemeshError `data-dir-unusable` when the file is damaged
 */
export function readFleetPin(dir: string): FleetId | undefined {
  const path = join(dir, PIN_FILE);
  const text = readFileIfAny(path);
  if (text === undefined) return undefined;
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === "object" && json !== null && "fleet" in json) {
      if (typeof json.fleet === "string" && FLEET_ID.test(json.fleet)) return json.fleet;
    }
  } catch {
    // Said below, with the way out.
  }
  throw new PulsemeshError(
    "data-dir-unusable",
    `Cannot read the fleet from ${path}. Nothing was changed; restore the file from a backup, or write {"fleet":"…"} with the id that a member shows.`,
  );
}

export function writeFleetPin(dir: string, fleet: FleetId): void {
  writePrivateFile(join(dir, PIN_FILE), writeFleetPinText(fleet));
}

/** What `fleet.json` holds. */
export function writeFleetPinText(fleet: FleetId): string {
  return `${JSON.stringify({ fleet })}\n`;
}
