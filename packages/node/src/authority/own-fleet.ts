/** The fleet of a node that starts on its own (rule ME1): it has an authority from its first moment, and this node is its first member and issuer. */
import { join } from "node:path";
import type { FleetId } from "@pulsemesh/core";
import type { Clock } from "../driver/clock.ts";
import type { ResolvedNodeOptions } from "../node-options.ts";
import { createFleetAuthority } from "./fleet-authority.ts";
import { readInitJournal, unfinishedInit } from "./init-journal.ts";
import { ROOT_FOLDER } from "./move-root.ts";

/**
 * Makes a fleet and pins the directory to it.
 * @throws PulsemeshError as `createFleetAuthority`
 */
export async function makeOwnFleet(
  { dataDir, region, mdns, logger }: ResolvedNodeOptions,
  clock: Clock,
): Promise<FleetId> {
  const rootDir = join(dataDir, ROOT_FOLDER);
  const nowS = clock.now().wallMs / 1_000;
  const { fleet } = await createFleetAuthority({ dir: dataDir, rootDir, region, nowS });
  logger.warn(
    { fleet, rootDir },
    `made a fleet of its own; its root's keys are in this folder, not sealed. Next: pulsemesh key move-root DIR --data ${dataDir} --passphrase-file FILE   moves them off this machine`,
  );
  if (mdns) {
    logger.warn(
      { fleet },
      "--mdns finds members of this fleet alone, and others become members by an invite",
    );
  }
  return fleet;
}

/** What an interrupted start, or an interrupted `init`, had begun is finished by the next start (see `refuseUnfinishedInit`). */
export async function finishOwnFleet(
  { dataDir, region }: ResolvedNodeOptions,
  clock: Clock,
): Promise<void> {
  const own = join(dataDir, ROOT_FOLDER);
  // Nothing is unfinished, but what was to be written, keys and all, still stands there in one file.
  const left = readInitJournal({ root: own, data: dataDir }) === undefined ? undefined : own;
  const rootDir = unfinishedInit(dataDir) ?? left;
  if (rootDir === undefined) return;
  const nowS = clock.now().wallMs / 1_000;
  await createFleetAuthority({ dir: dataDir, rootDir, region, nowS });
}
