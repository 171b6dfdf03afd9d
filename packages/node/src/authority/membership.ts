/** What a node that starts has to do with its fleet's authority: becomes a member, takes over what it was enrolled with, and issues where it has the key. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Cut, type FleetId, type NodeId, PulsemeshError } from "@pulsemesh/core";
import type { EnrolmentDesk, Libp2pTransport } from "@pulsemesh/transport-libp2p";
import type { Clock } from "../driver/clock.ts";
import type { Driver } from "../driver/driver.ts";
import type { ResolvedNodeOptions } from "../node-options.ts";
import { readStatements } from "./authority-file.ts";
import { enrolNode, grantIn } from "./enrol-node.ts";
import { AUTHORITY_FILES } from "./authority-files.ts";
import type { Issuing } from "./issuing.ts";
import { openIssuer } from "./open-issuer.ts";
import { refusePublic } from "./open-node.ts";

/** Makes a fresh directory a member where an invite says by whom; whom to join by, then and later. */
export async function enrolIfInvited(
  { dataDir, invite, name, region, networkKey, logger }: ResolvedNodeOptions,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<{ readonly addresses: readonly string[]; readonly wasFresh: boolean }> {
  if (invite === undefined) return { addresses: [], wasFresh: false };
  const nowS = clock.now().wallMs / 1_000;
  const enrolled = await enrolNode({
    dir: dataDir,
    by: invite,
    name,
    region,
    nowS,
    networkKey,
    signal,
  });
  const { fleet, addresses, isOld } = enrolled;
  if (!isOld) logger.info({ fleet, roles: enrolled.grant.roles }, "has become a member");
  return { addresses, wasFresh: !isOld };
}

/**
 * Makes a fresh directory a member of a fleet with an authority without an invite, which takes a node that takes everybody.
 * @throws PulsemeshError `invite-needed`
 */
export async function enrolAsAnybody(
  { dataDir, join: addresses, name, region, networkKey, logger }: ResolvedNodeOptions,
  fleet: FleetId,
  signal: AbortSignal | undefined,
): Promise<void> {
  const nowS = Date.now() / 1_000;
  try {
    const by = { fleet, addresses };
    const { grant } = await enrolNode({
      dir: dataDir,
      by,
      name,
      region,
      nowS,
      networkKey,
      signal,
    });
    const until = new Date(grant.expS * 1_000).toISOString();
    logger.warn({ fleet, until }, "has become a member of a fleet that takes everybody");
  } catch (cause) {
    throw new PulsemeshError(
      "invite-needed",
      `Cannot join fleet ${fleet} by ${addresses.join(", ")}: only who is invited is let in there. Nothing was changed.`,
      { cause },
    );
  }
}

/** @throws PulsemeshError `option-invalid` where nobody could be granted anything */
export function refuseWithoutIssuer(dataDir: string): void {
  if (existsSync(join(dataDir, AUTHORITY_FILES.issuer))) return;
  throw new PulsemeshError(
    "option-invalid",
    `Cannot take everybody who asks ('open'), as there is no issuer's key in ${dataDir}. Nothing was changed. Next: pulsemesh init --data ${dataDir}`,
  );
}

/**
 * What a directory was enrolled with; who may only observe does so. From the moment at which it listens the node shows strangers that its fleet is closed,
 * and, where an issuer's key is, that somebody will answer them: who comes that early would else take the fleet for an open one, or be told that
 * nobody is let in.
 */
export async function openMembership(
  desk: EnrolmentDesk,
  dataDir: string,
  { fleet, self }: { readonly fleet: FleetId; readonly self: NodeId },
): Promise<{ readonly statements: readonly string[]; readonly observer?: true }> {
  const statements = readStatements(join(dataDir, AUTHORITY_FILES.statements)) ?? [];
  if (statements.length > 0) await desk.markClosed();
  if (statements.length > 0 && existsSync(join(dataDir, AUTHORITY_FILES.issuer)))
    await desk.expect();
  const isObserver = grantIn(statements, self, fleet)?.grant.roles.includes("observer") === true;
  return { statements, ...(isObserver ? { observer: true } : {}) };
}

export async function startIssuing(deps: {
  readonly driver: Driver;
  readonly transport: Libp2pTransport;
  readonly clock: Clock;
  readonly desk: EnrolmentDesk;
  readonly fleet: FleetId;
  readonly options: ResolvedNodeOptions;
}): Promise<Issuing | undefined> {
  const { driver, transport, clock, desk, fleet, options } = deps;
  if (options.open) refusePublic(transport.addresses());
  if (driver.view.authority(clock.now()).isClosed) void desk.markClosed();
  const issuing = await openIssuer({
    dir: options.dataDir,
    fleet,
    self: transport.node,
    passphrase: options.passphrase,
    view: () => driver.view.authority(clock.now()),
    statusOf: (node) =>
      driver.view.fleet(clock.now()).nodes.find((other) => other.node === node)?.status,
    submit: (token) => driver.command({ type: "statement", token }),
    cutsOf: (node) => cutsOf(driver, node),
    serve: (answer) => desk.serve(answer),
    addresses: () => transport.addresses(),
    isOpen: options.open,
    clock,
    logger: options.logger,
  });
  if (options.open)
    options.logger.warn({ fleet }, "whoever reaches this node becomes a member for a day");
  return issuing;
}

async function cutsOf(driver: Driver, node: NodeId): Promise<readonly Cut[]> {
  const result = await driver.command({ type: "make-cuts", node });
  if (result.ok) return result.cuts ?? [];
  throw new PulsemeshError(result.code, `Cannot revoke ${node}: ${result.detail}.`);
}
