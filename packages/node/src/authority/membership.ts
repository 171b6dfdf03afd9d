/** What a node that starts has to do with its fleet's authority: becomes a member, takes over what it was enrolled with, and issues where it has the key. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type AuthorityView,
  CLOCK_LEEWAY_MS,
  type CoreConfig,
  type Cut,
  type FleetId,
  type NodeId,
  type NodeView,
  PulsemeshError,
  type Store,
} from "@pulsemesh/core";
import {
  type EnrolmentDesk,
  isDeskClosed,
  type Libp2pTransport,
} from "@pulsemesh/transport-libp2p";
import type { Clock } from "../driver/clock.ts";
import type { Driver } from "../driver/driver.ts";
import { isPinClosed, readFleetPin, writeFleetPin } from "../keys/fleet-pin.ts";
import { loadOrCreateKey } from "../keys/key-file.ts";
import { nodeIdOf } from "../keys/peer-id.ts";
import type { ResolvedNodeOptions } from "../node-options.ts";
import { readStatements, readStoredStatements } from "./authority-file.ts";
import { enrolNode, grantIn } from "./enrol-node.ts";
import { AUTHORITY_FILES } from "./authority-files.ts";
import { readInvite } from "./invite.ts";
import type { Issuing } from "./issuing.ts";
import { fleetOf } from "./join-fleet.ts";
import { Office } from "./office.ts";
import { issuerKeyHere, openIssuer, type OpenIssuerOptions } from "./open-issuer.ts";
import { refusePublic } from "./open-node.ts";

/** Between two questions to issuers that did not answer. */
const ASK_AGAIN_MS = 4_000;

/** Said every few seconds: to become a member may take a minute, and whoever started the node should not take it for stuck. */
const STILL_WAITING = "no issuer has answered yet; waiting";

/**
 * Makes a directory a member where an invite says by whom, unless it is one already; whom to join by, then and later. Where nobody makes a member anew of whom
 * the grant has ended, the node starts as it is: others may still honour it (rule ME3), and the issuer may come back.
 */
export async function enrolIfInvited(
  { dataDir, invite, fleet: named, name, region, networkKey, logger }: ResolvedNodeOptions,
  by: {
    readonly store: Store;
    readonly clock: Clock;
    readonly signal: AbortSignal | undefined;
  },
): Promise<{ readonly addresses: readonly string[]; readonly wasFresh: boolean }> {
  if (invite === undefined) return { addresses: [], wasFresh: false };
  const { fleet: invitedTo } = readInvite(invite);
  if (named !== undefined && named !== invitedTo) {
    throw new PulsemeshError(
      "fleet-mismatch",
      `Cannot join by this invite: it is of fleet ${invitedTo}, and not of ${named}. Nothing was changed.`,
    );
  }
  const wasFresh = readFleetPin(dataDir) === undefined;
  const nowS = by.clock.now().wallMs / 1_000;
  const enrolled = await enrolNode({
    dir: dataDir,
    by: invite,
    name,
    region,
    nowS,
    stored: await readStoredStatements(by.store),
    networkKey,
    signal: by.signal,
    waiting: (wait) => logger.info(wait, STILL_WAITING),
  });
  const { fleet, addresses, isOld, refusal } = enrolled;
  if (!isOld) logger.info({ fleet, roles: enrolled.grant.roles }, "has become a member");
  if (refusal !== undefined)
    logger.warn({ fleet, why: refusal.message }, "what it was granted counts no more");
  return { addresses, wasFresh: wasFresh && !isOld };
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
      stored: [],
      networkKey,
      signal,
      waiting: (wait) => logger.info(wait, STILL_WAITING),
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

/** What a start takes from it. */
interface HeldMembership {
  readonly config: Partial<CoreConfig>;
  /** Where its grant says that it runs; undefined where it has none. */
  readonly region: string | undefined;
}

/**
 * What a directory was enrolled with; who may only observe does so. From the moment at which it listens the node shows strangers that its fleet is closed,
 * and, where an issuer's key is, that somebody will answer them: who comes that early would else take the fleet for an open one, or be told that
 * nobody is let in.
 */
export async function openMembership(
  desk: EnrolmentDesk,
  { dataDir, join: addresses }: Pick<ResolvedNodeOptions, "dataDir" | "join">,
  { fleet, self }: { readonly fleet: FleetId; readonly self: NodeId },
): Promise<HeldMembership> {
  const statements = readStatements(join(dataDir, AUTHORITY_FILES.statements)) ?? [];
  const closed = isPinClosed(dataDir);
  if (closed || statements.length > 0) await desk.markClosed();
  if (statements.length > 0 && existsSync(join(dataDir, AUTHORITY_FILES.issuer)))
    await desk.expect();
  const grant = grantIn(statements, self, fleet)?.grant;
  const isObserver = grant?.roles.includes("observer") === true;
  const vouched = addresses.flatMap((address) => address.match(/\/p2p\/(\w+)$/)?.[1] ?? []);
  const config = { statements, closed, vouched, ...(isObserver ? { observer: true } : {}) };
  return { config, region: grant?.region };
}

/**
 * What is known of the fleet at a start is kept where a lost store does not take it along, and what is lacking is said: whoever lets nobody in hears of
 * nobody by whom to come back.
 */
function keepClosed(
  { isClosed, root }: AuthorityView,
  fleet: FleetId,
  { dataDir, logger }: ResolvedNodeOptions,
): void {
  if (!isClosed) return;
  if (!isPinClosed(dataDir)) writeFleetPin(dataDir, fleet);
  if (root === undefined)
    logger.warn(
      { fleet },
      "nothing of the fleet's authority is left in this folder, so nobody is let in but members that --join names; start it with one, or restore a backup",
    );
}

/** An issuer beside the node, as long as its key is here and the root names it. */
export async function startIssuing(deps: {
  readonly driver: Driver;
  readonly transport: Libp2pTransport;
  readonly clock: Clock;
  readonly desk: EnrolmentDesk;
  readonly fleet: FleetId;
  readonly options: ResolvedNodeOptions;
}): Promise<Office<Issuing>> {
  const { driver, transport, clock, desk, fleet, options } = deps;
  if (options.open) refusePublic(transport.addresses());
  const authority = driver.view.authority(clock.now());
  if (authority.isClosed) await desk.markClosed();
  keepClosed(authority, fleet, options);
  const issuer: OpenIssuerOptions = {
    dir: options.dataDir,
    fleet,
    self: transport.node,
    isPrivate: options.networkKey !== undefined,
    passphrase: options.passphrase,
    view: () => driver.view.authority(clock.now()),
    statusOf: (node) =>
      driver.view.fleet(clock.now()).nodes.find((other) => other.node === node)?.status,
    isTwin: () => driver.view.fleet(clock.now()).self.twin !== undefined,
    isClockBehind: () => isBehindMost(driver.view.fleet(clock.now()).nodes),
    submit: (token) => driver.command({ type: "statement", token }),
    cutsOf: (node) => cutsOf(driver, node),
    serve: (answer) => desk.serve(answer),
    addresses: () => transport.addresses(),
    isOpen: options.open,
    turnedAway: (code) => driver.meter.refused(code),
    clock,
    logger: options.logger,
  };
  const office = new Office({
    keyHere: () => issuerKeyHere(issuer),
    open: () => openIssuer(issuer),
    closed: () => desk.serve(undefined),
    logger: options.logger,
  });
  const events = driver.events.read();
  await office.start();
  void office.watch(events);
  if (options.open)
    options.logger.warn(
      { fleet },
      "whoever reaches this node becomes a member, for a day at a time",
    );
  return office;
}

/**
 * Whether a node of a closed fleet knows of no member by whom it could have been let in: it was made one just now, by a file or by `join`, or has lost all.
 * The first node, which has the issuer's key, is in by itself.
 */
export function hasMetNobody(
  { isClosed, grants }: Pick<AuthorityView, "isClosed" | "grants">,
  { dataDir }: Pick<ResolvedNodeOptions, "dataDir">,
): boolean {
  if (!isClosed || existsSync(join(dataDir, AUTHORITY_FILES.issuer))) return false;
  const self = nodeIdOf(loadOrCreateKey(join(dataDir, "node.key")).publicKey);
  return grants.every(({ node }) => node === self);
}

/** Nodes whose clocks are not known say nothing; this one counts among them. */
function isBehindMost(nodes: readonly Pick<NodeView, "clockOffsetMs">[]): boolean {
  const known = nodes.filter(({ clockOffsetMs }) => clockOffsetMs !== undefined);
  const ahead = known.filter(({ clockOffsetMs = 0 }) => clockOffsetMs > CLOCK_LEEWAY_MS);
  return ahead.length > (known.length + 1) / 2;
}

async function cutsOf(driver: Driver, node: NodeId): Promise<readonly Cut[]> {
  const result = await driver.command({ type: "make-cuts", node });
  if (result.ok) return result.cuts ?? [];
  throw new PulsemeshError(result.code, `Cannot revoke ${node}: ${result.detail}.`);
}
