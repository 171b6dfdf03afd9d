/** What a node that starts has to do with its fleet's authority: becomes a member, takes over what it was enrolled with, and issues where it has the key. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Cut, type FleetId, type NodeId, PulsemeshError } from "@pulsemesh/core";
import {
  type EnrolmentDesk,
  isDeskClosed,
  type Libp2pTransport,
} from "@pulsemesh/transport-libp2p";
import type { Clock } from "../driver/clock.ts";
import type { Driver } from "../driver/driver.ts";
import { readFleetPin, writeFleetPin } from "../keys/fleet-pin.ts";
import { loadOrCreateKey } from "../keys/key-file.ts";
import { nodeIdOf } from "../keys/peer-id.ts";
import type { ResolvedNodeOptions } from "../node-options.ts";
import { readStatements } from "./authority-file.ts";
import { enrolNode, grantIn } from "./enrol-node.ts";
import { AUTHORITY_FILES } from "./authority-files.ts";
import { readInvite } from "./invite.ts";
import type { Issuing } from "./issuing.ts";
import { fleetOf } from "./join-fleet.ts";
import { openIssuer } from "./open-issuer.ts";
import { refusePublic } from "./open-node.ts";

/** Between two questions to issuers that did not answer. */
const ASK_AGAIN_MS = 4_000;

/** Makes a fresh directory a member where an invite says by whom; whom to join by, then and later. */
export async function enrolIfInvited(
  { dataDir, invite, fleet: named, name, region, networkKey, logger }: ResolvedNodeOptions,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<{ readonly addresses: readonly string[]; readonly wasFresh: boolean }> {
  if (invite === undefined) return { addresses: [], wasFresh: false };
  const { fleet: invitedTo } = readInvite(invite);
  if (named !== undefined && named !== invitedTo) {
    throw new PulsemeshError(
      "fleet-mismatch",
      `Cannot join by this invite: it is of fleet ${invitedTo}, and not of ${named}. Nothing was changed.`,
    );
  }
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
 * Makes a fresh directory a member of a fleet with an authority without an invite, which takes a node that takes everybody. Asks until one answers, as who
 * looks for a fleet does (rule AD4).
 * @throws PulsemeshError `invite-needed`, `join-failed` when `signal` aborts first, and what the issuer refuses
 */
export async function enrolAsAnybody(
  options: ResolvedNodeOptions,
  fleet: FleetId,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (;;) {
    try {
      return await askToEnrol(options, fleet, signal);
    } catch (error) {
      const isOver = !(error instanceof PulsemeshError) || signal?.aborted === true;
      if (isOver || (error.code !== "join-failed" && error.code !== "enrol-rate")) throw error;
      options.logger.warn(
        { fleet, why: error.message },
        "no issuer has answered yet; trying again",
      );
      await sleep(ASK_AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

async function askToEnrol(
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
    const isUnwanted = cause instanceof PulsemeshError && cause.code === "invite-unknown";
    if (!isUnwanted && !isDeskClosed(cause)) throw cause;
    throw new PulsemeshError(
      "invite-needed",
      `Cannot join fleet ${fleet} by ${addresses.join(", ")}: only who is invited is let in there. Nothing was changed.`,
      { cause },
    );
  }
}

/** Who died between the two files that make a member has the one that says of which fleet: the other is written from it. */
export function restorePin(dataDir: string): void {
  if (readFleetPin(dataDir) !== undefined) return;
  const statements = readStatements(join(dataDir, AUTHORITY_FILES.statements)) ?? [];
  const fleet = fleetOf(statements);
  if (fleet === undefined) return;
  const self = nodeIdOf(loadOrCreateKey(join(dataDir, "node.key")).publicKey);
  if (grantIn(statements, self, fleet) !== undefined) writeFleetPin(dataDir, fleet);
}

/** @throws PulsemeshError `option-invalid` where nobody could be granted anything */
export function refuseWithoutIssuer(dataDir: string): void {
  if (existsSync(join(dataDir, AUTHORITY_FILES.issuer))) return;
  throw new PulsemeshError(
    "option-invalid",
    `Cannot take everybody who asks ('open'), as there is no issuer's key in ${dataDir}. Nothing was changed. Next: start the node that has it so, and this one without`,
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
  if (issuing === undefined) await desk.serve(undefined);
  if (options.open)
    options.logger.warn({ fleet }, "whoever reaches this node becomes a member for a day");
  return issuing;
}

async function cutsOf(driver: Driver, node: NodeId): Promise<readonly Cut[]> {
  const result = await driver.command({ type: "make-cuts", node });
  if (result.ok) return result.cuts ?? [];
  throw new PulsemeshError(result.code, `Cannot revoke ${node}: ${result.detail}.`);
}
