/** What a node that starts has to do with its fleet's authority: becomes a member, takes over what it was enrolled with, and issues where it has the key. */
import { join } from "node:path";
import { type Cut, type FleetId, type NodeId, PulsemeshError } from "@pulsemesh/core";
import type { EnrolmentDesk, Libp2pTransport } from "@pulsemesh/transport-libp2p";
import type { Clock } from "../driver/clock.ts";
import type { Driver } from "../driver/driver.ts";
import type { ResolvedNodeOptions } from "../node-options.ts";
import { readStatements } from "./authority-file.ts";
import { enrolNode, grantIn } from "./enrol-node.ts";
import { AUTHORITY_FILES } from "./fleet-authority.ts";
import type { Issuing } from "./issuing.ts";
import { openIssuer } from "./open-issuer.ts";
import { refusePublic } from "./open-node.ts";

/** Makes a fresh directory a member where an invite says by whom; whom to join by, then and later. */
export async function enrolIfInvited(
  { dataDir, invite, name, region, logger }: ResolvedNodeOptions,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<{ readonly addresses: readonly string[]; readonly wasFresh: boolean }> {
  if (invite === undefined) return { addresses: [], wasFresh: false };
  const nowS = clock.now().wallMs / 1_000;
  const enrolled = await enrolNode({ dir: dataDir, by: invite, name, region, nowS, signal });
  const { fleet, addresses, isOld } = enrolled;
  if (!isOld) logger.info({ fleet, roles: enrolled.grant.roles }, "has become a member");
  return { addresses, wasFresh: !isOld };
}

/** What this directory was enrolled with; who may only observe does so. */
export function readMembership(
  dataDir: string,
  self: NodeId,
  fleet: FleetId,
): { readonly statements: readonly string[]; readonly observer?: true } {
  const statements = readStatements(join(dataDir, AUTHORITY_FILES.statements)) ?? [];
  const isObserver = grantIn(statements, self, fleet)?.grant.roles.includes("observer") === true;
  return { statements, ...(isObserver ? { observer: true } : {}) };
}

export function startIssuing(deps: {
  readonly driver: Driver;
  readonly transport: Libp2pTransport;
  readonly clock: Clock;
  readonly desk: EnrolmentDesk;
  readonly fleet: FleetId;
  readonly options: ResolvedNodeOptions;
}): Promise<Issuing | undefined> {
  const { driver, transport, clock, desk, fleet, options } = deps;
  if (options.open) refusePublic(transport.addresses());
  return openIssuer({
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
}

async function cutsOf(driver: Driver, node: NodeId): Promise<readonly Cut[]> {
  const result = await driver.command({ type: "make-cuts", node });
  if (result.ok) return result.cuts ?? [];
  throw new PulsemeshError(result.code, `Cannot revoke ${node}: ${result.detail}.`);
}
