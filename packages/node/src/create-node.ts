/**
 * The composition root: puts core, documents, store and transport together on this machine's clock, disk and network.
 *
 * Data directory: `node.key` (who this node is), `fleet.json` (which fleet, for ever), `authority.json` and further keys (what makes it a member, see
 * `authority/authority-files.ts`), `addresses.json` (where members were last seen), `store/` and `pid` (see store-level). All readable by the owner only.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type CoreConfig,
  createCore,
  dagCborCodec,
  type FleetId,
  type Identity,
  PulsemeshError,
  type Store,
} from "@pulsemesh/core";
import { createLevelStore } from "@pulsemesh/store-level";
import {
  createLibp2pTransport,
  EnrolmentDesk,
  type Libp2pTransport,
  noHandshakeWords,
  visitFleet,
} from "@pulsemesh/transport-libp2p";
import { watchAlone } from "./alone-watch.ts";
import type { NodeLogger, NodeOptions, PulsemeshNode } from "./api.ts";
import { ADDRESSES_FILE } from "./authority/authority-files.ts";
import { refuseUnfinishedInit } from "./authority/init-journal.ts";
import type { Issuing } from "./authority/issuing.ts";
import type { Office } from "./authority/office.ts";
import {
  enrolAsAnybody,
  enrolIfInvited,
  openMembership,
  refuseWithoutIssuer,
  hasMetNobody,
  restorePin,
  startIssuing,
} from "./authority/membership.ts";
import { checkIssuerKey } from "./authority/open-issuer.ts";
import { refusePublic } from "./authority/open-node.ts";
import { ROOT_FOLDER } from "./authority/move-root.ts";
import { finishOwnFleet, makeOwnFleet } from "./authority/own-fleet.ts";
import type { NodeSettings } from "./diagnosis.ts";
import { type Clock, createSystemClock } from "./driver/clock.ts";
import { Driver } from "./driver/driver.ts";
import { measureLoopLag } from "./driver/loop-lag.ts";
import { removeOldDrafts } from "./keys/drafts.ts";
import { readFleetPin, writeFleetPin } from "./keys/fleet-pin.ts";
import { type Ed25519Key, loadOrCreateKey } from "./keys/key-file.ts";
import { REGION_DEFAULT, type ResolvedNodeOptions, resolveNodeOptions } from "./node-options.ts";
import { checkDirectoryModes } from "./open-directory.ts";
import { createPortsFactory, sha256 } from "./ports/create-ports.ts";
import { RunningNode } from "./running-node.ts";

/** How long the first boot may take to become durable before the node is handed out all the same, not yet ready. */
const STARTED_WAIT_MS = 2_000;

/** How often a node that looks for its fleet says that it still does. */
const JOINING_SAID_EVERY_MS = 30_000;

/**
 * Starts a node and resolves once it listens and has restored what it knew.
 *
 * @example
 * await using node = await createNode({ dataDir: "/var/lib/pulsemesh", invite: "pulsemesh:…" });
 * await node.command({ type: "beat", robot: "security_bot", kind: "beat", create: "heartbeat" });
 *
 * @throws PulsemeshError `option-invalid`, `address-invalid`, `address-in-use`, `data-dir-open`, `data-dir-unusable`, `store-locked`, `store-newer`,
 * `store-failed`, `store-full`, `join-failed`, `invite-needed`, `fleet-mismatch`, `passphrase-wrong`, and what an issuer refuses
 */
export async function createNode(options: NodeOptions): Promise<PulsemeshNode> {
  const resolved = resolveNodeOptions(options);
  // Before anything is made there.
  checkDirectoryModes(resolved.dataDir, options.sharedData ?? false, resolved.logger);
  refuseUnfinishedInit(resolved.dataDir, { finishable: !isToldFleet(resolved) });
  if (resolved.open) refusePublic([...resolved.listen, ...resolved.announce]);
  // The store comes next: its lock is what keeps two processes from making keys in one directory.
  const store = createLevelStore({ dir: resolved.dataDir, release: resolved.agent });
  await store.open();
  const drafts = [resolved.dataDir, join(resolved.dataDir, ROOT_FOLDER)].flatMap((dir) =>
    removeOldDrafts(dir, Date.now()),
  );
  if (drafts.length > 0)
    resolved.logger.warn({ drafts }, "removed what a write that was broken off had left");
  try {
    await checkIssuerKey(resolved.dataDir, resolved.passphrase);
    return await startOn(store, resolved, options.signal);
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function startOn(
  store: Store,
  options: ResolvedNodeOptions,
  signal: AbortSignal | undefined,
): Promise<PulsemeshNode> {
  const { dataDir, logger } = options;
  const clock = createSystemClock();
  const place = await findPlace(options, { store, clock, signal });
  const desk = new EnrolmentDesk(() => driver.meter.refused("overloaded"));
  const transport = await openTransport(options, place, desk);
  const { identity, config } = await openIdentity(options, desk, transport);
  const createPorts = createPortsFactory(place.key.seed);
  const lag = measureLoopLag();
  let office: Office<Issuing> | undefined;
  const driver = new Driver({
    store,
    transport,
    clock,
    createCore: () => createCore(createPorts(), identity, config),
    refused: (node, refusal) => office?.current?.refused(node, refusal),
    lagMs: lag.lagMs,
    logger,
  });
  try {
    await driver.start();
    office = await startIssuing({ driver, transport, clock, desk, fleet: place.fleet, options });
  } catch (error) {
    lag.stop();
    await driver.stop("pause", options.restartWithinMs);
    throw error;
  }
  await Promise.race([driver.started, sleep(STARTED_WAIT_MS, undefined, { ref: false })]);
  warnOfDamage(store, logger);
  const mustMeet = place.mustMeet || hasMetNobody(driver.view.authority(clock.now()), options);
  const endWatch = mustMeet
    ? watchAlone({ met: driver.met, clock, logger }, place.fleet)
    : undefined;
  return new RunningNode(
    {
      driver,
      issuer: () => office?.current,
      isOpen: options.open,
      store,
      transport,
      audit: { store, codec: dagCborCodec, hash: { sha256 } },
      now: () => clock.now(),
      agent: options.agent,
      settings: settingsOf(options),
      checkLinks: () => transport.checkLinks(),
      restartWithinMs: options.restartWithinMs,
      mustMeet,
      stopping: () => office?.end(),
      stopped: () => {
        lag.stop();
        endWatch?.();
      },
    },
    dataDir,
  );
}

/** What core is told of itself, and what is held of its membership. Who says no region is in that of its grant. */
async function openIdentity(
  options: ResolvedNodeOptions,
  desk: EnrolmentDesk,
  { node: self, fleet }: Pick<Libp2pTransport, "node" | "fleet">,
): Promise<{ readonly identity: Identity; readonly config: CoreConfig }> {
  const { name, region, agent } = options;
  const held = await openMembership(desk, options, { fleet, self });
  const granted = held.region ?? region;
  const identity = {
    fleet,
    self,
    name,
    region: region === REGION_DEFAULT ? granted : region,
    agent,
  };
  return { identity, config: { ...options.config, ...held.config } };
}

/** Who this node is and where it belongs. */
interface Place {
  readonly key: Ed25519Key;
  readonly fleet: FleetId;
  /** Whom to join by, beside those that were named. */
  readonly addresses: readonly string[];
  /** It is new in its fleet, so it must meet a member before it counts as joined. */
  readonly mustMeet: boolean;
}

async function findPlace(
  options: ResolvedNodeOptions,
  by: {
    readonly store: Store;
    readonly clock: Clock;
    readonly signal: AbortSignal | undefined;
  },
): Promise<Place> {
  const { dataDir } = options;
  const { clock, signal } = by;
  if (!isToldFleet(options)) await finishOwnFleet(options, clock);
  restorePin(dataDir);
  if (options.open && !makesFleet(options)) refuseWithoutIssuer(dataDir);
  const { addresses, wasFresh } = await enrolIfInvited(options, by);
  const key = loadOrCreateKey(join(dataDir, "node.key"));
  const pinned = readFleetPin(dataDir);
  if (pinned !== undefined) refuseOtherFleet(pinned, options);
  const isNamed = options.join.length > 0 || options.fleet !== undefined;
  const fleet = pinned ?? (await findFleet(options, { key, clock, signal }));
  return { key, fleet, addresses, mustMeet: wasFresh || (pinned === undefined && isNamed) };
}

function warnOfDamage(store: Store, logger: NodeLogger): void {
  for (const { key: row, reason } of store.corrupt)
    logger.warn({ row, reason }, "damage in the store");
  if (store.discarded > 0)
    logger.warn({ rows: store.discarded }, "damaged rows deleted, as the quarantine is full");
}

function openTransport(
  options: ResolvedNodeOptions,
  { key, fleet, addresses }: Place,
  desk: EnrolmentDesk,
): ReturnType<typeof createLibp2pTransport> {
  return createLibp2pTransport({
    privateKey: key.protobuf,
    fleet,
    desk,
    networkKey: options.networkKey,
    listen: options.listen,
    announce: options.announce,
    join: [...options.join, ...addresses],
    mdns: options.mdns,
    agent: options.agent,
    addresses: join(options.dataDir, ADDRESSES_FILE),
    logger: options.logger,
  });
}

/** What a diagnosis tells of how this node was started. */
function settingsOf(options: ResolvedNodeOptions): NodeSettings {
  const { dataDir, listen, announce, join: joins, mdns } = options;
  const { observer, pulseEveryMs, settleMs } = options.config;
  return { dataDir, listen, announce, join: joins, mdns, observer, pulseEveryMs, settleMs };
}

function refuseOtherFleet(pinned: FleetId, { dataDir, fleet }: ResolvedNodeOptions): void {
  if (fleet === undefined || fleet === pinned) return;
  throw new PulsemeshError(
    "fleet-mismatch",
    `Cannot be in fleet ${fleet}: ${dataDir} belongs to fleet ${pinned}.`,
  );
}

/** Whether it is in no fleet and told of none. */
function makesFleet(options: ResolvedNodeOptions): boolean {
  return !isToldFleet(options) && readFleetPin(options.dataDir) === undefined;
}

function isToldFleet({ join: addresses, fleet, invite }: ResolvedNodeOptions): boolean {
  return addresses.length > 0 || fleet !== undefined || invite !== undefined;
}

/**
 * The fleet of a directory that has none yet: that of the first member to answer, or one of its own. Pinned before it is used. Multicast alone is no
 * reason to join: whoever answers there is a stranger (rule AD5).
 */
async function findFleet(
  options: ResolvedNodeOptions,
  by: { readonly key: Ed25519Key; readonly clock: Clock; readonly signal: AbortSignal | undefined },
): Promise<FleetId> {
  const { dataDir, fleet: named, join: addresses } = options;
  if (makesFleet(options)) return await makeOwnFleet(options, by.clock);
  if (addresses.length === 0 && named !== undefined) throw inviteNeeded(named, dataDir);
  const found = await visitMember(options, by);
  if (named !== undefined && found.fleet !== named) {
    throw new PulsemeshError(
      "fleet-mismatch",
      `Cannot join by ${addresses.join(", ")}: that is fleet ${found.fleet}, and not ${named}. Nothing was changed.`,
    );
  }
  // Pinned by the enrolment, together with what makes it a member.
  if (found.isClosed) await enrolAsAnybody(options, found.fleet, by.signal);
  else writeFleetPin(dataDir, found.fleet, "open");
  return found.fleet;
}

/** An id says which fleet is meant, and makes nobody a member. */
function inviteNeeded(fleet: FleetId, dataDir: string): PulsemeshError {
  return new PulsemeshError(
    "invite-needed",
    `Cannot be in fleet ${fleet} on ${dataDir}: no member is named who could let this node in. Nothing was changed.`,
  );
}

async function visitMember(
  { join: addresses, logger, networkKey }: ResolvedNodeOptions,
  { key, signal }: { readonly key: Ed25519Key; readonly signal: AbortSignal | undefined },
): ReturnType<typeof visitFleet> {
  logger.info({ addresses }, "asking for the fleet to join");
  let saidAtMs = performance.now();
  let isPuzzleSaid = false;
  return await visitFleet(addresses, key.protobuf, {
    signal,
    networkKey,
    failed: (round, tried) => {
      // At once: no waiting mends it.
      if (!isPuzzleSaid && tried.some(({ outcome }) => outcome === "no-handshake")) {
        isPuzzleSaid = true;
        const why = noHandshakeWords(networkKey !== undefined);
        logger.warn({ tried, why }, "something listens there, and no handshake comes about");
      }
      if (performance.now() - saidAtMs < JOINING_SAID_EVERY_MS) return;
      saidAtMs = performance.now();
      logger.warn({ tried, round }, "no member has answered yet; trying again");
    },
  });
}
