/**
 * Which fleet this data directory belongs to, for ever (rule ME1): `fleet.json` holds the id, and whether that fleet is known to have an authority. A
 * directory that has lost everything else must not take its fleet for an open one, and let everybody in.
 */
import { join } from "node:path";
import { type FleetId, PulsemeshError } from "@pulsemesh/core";
import { readFileIfAny, writePrivateFile } from "./private-file.ts";

const PIN_FILE = "fleet.json";
const FLEET_ID = /^[a-z2-7]{52}$/;

/** An open fleet is one without an authority, as earlier releases made them. */
export type FleetKind = "closed" | "open";

interface FleetPin {
  readonly fleet: FleetId;
  readonly kind: FleetKind;
}

/**
 * The pinned fleet, undefined in a fresh directory.
 * @throws PulsemeshError `data-dir-unusable` when the file is damaged
 */
export function readFleetPin(dir: string): FleetId | undefined {
  return readPin(dir)?.fleet;
}

/**
 * Whether the pinned fleet is known to be closed; false in a fresh directory.
 * @throws PulsemeshError as {@link readFleetPin}
 */
export function isPinClosed(dir: string): boolean {
  return readPin(dir)?.kind === "closed";
}

function readPin(dir: string): FleetPin | undefined {
  const path = join(dir, PIN_FILE);
  const text = readFileIfAny(path);
  if (text === undefined) return undefined;
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === "object" && json !== null && "fleet" in json) {
      const kind = "closed" in json && json.closed === true ? "closed" : "open";
      if (typeof json.fleet === "string" && FLEET_ID.test(json.fleet))
        return { fleet: json.fleet, kind };
    }
  } catch {
    // Said below, with the way out.
  }
  throw new PulsemeshError(
    "data-dir-unusable",
    `Cannot read the fleet from ${path}. Nothing was changed; restore the file from a backup, or write {"fleet":"…","closed":true} with the id that a member shows.`,
  );
}

/** @throws PulsemeshError `data-dir-unusable` */
export function writeFleetPin(dir: string, fleet: FleetId, kind: FleetKind = "closed"): void {
  writePrivateFile(join(dir, PIN_FILE), writeFleetPinText(fleet, kind));
}

/** What `fleet.json` holds. */
export function writeFleetPinText(fleet: FleetId, kind: FleetKind = "closed"): string {
  return `${JSON.stringify(kind === "closed" ? { fleet, closed: true } : { fleet })}\n`;
}
