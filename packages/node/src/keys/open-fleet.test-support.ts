/** A fleet without an authority, as nodes made them once and still know them: who speaks is a member. */
import { join } from "node:path";
import type { FleetId } from "@pulsemesh/core";
import { AUTHORITY_FILES } from "../authority/authority-files.ts";
import { encodeBase32 } from "./base32.ts";
import { writeFleetPin } from "./fleet-pin.ts";
import { loadOrCreateKey } from "./key-file.ts";

/** Its root key stays in the data directory. One that is there already is used. */
export function makeOpenFleet(dir: string): FleetId {
  const root = loadOrCreateKey(join(dir, AUTHORITY_FILES.root));
  const fleet = encodeBase32(root.publicKey);
  writeFleetPin(dir, fleet, "open");
  return fleet;
}
