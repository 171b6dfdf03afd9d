/** Becoming a member without starting the node (rule ME7): by an invite, or by what an issuer signed far away and somebody carried here. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  type FleetId,
  type GrantClaims,
  isKeyId,
  type NodeId,
  PulsemeshError,
  type Store,
} from "@pulsemesh/core";
import { createLevelStore } from "@pulsemesh/store-level";
import { fileAddressStore } from "@pulsemesh/transport-libp2p";
import { readFleetPin, writeFleetPin } from "../keys/fleet-pin.ts";
import { nodeIdOf } from "../keys/peer-id.ts";
import { readKey } from "../keys/key-file.ts";
import { writePrivateFile } from "../keys/private-file.ts";
import { checkDirectoryOf } from "../open-directory.ts";
import { tokenPort } from "../ports/tokens.ts";
import { readStoredStatements, writeStatements } from "./authority-file.ts";
import {
  type EnrolledNode,
  enrolNode,
  type EnrolNodeOptions,
  grantIn,
  memberKeys,
} from "./enrol-node.ts";
import { ADDRESSES_FILE, AUTHORITY_FILES } from "./authority-files.ts";
import {
  createFleetAuthority,
  type FleetAuthority,
  type FleetAuthorityOptions,
  heldAuthority,
} from "./fleet-authority.ts";
import { writeRequest } from "./grant-request.ts";
import { refuseUnfinishedInit } from "./init-journal.ts";
import { readInvite } from "./invite.ts";
import { checkRootPlace } from "./root-place.ts";

/** Where a command makes a member that is started later, by whatever starts it. */
interface Placed {
  /** The data directory; no process uses it. */
  readonly dir: string;
  /** Others may enter it, on purpose: whoever starts the node says so as well. @default false */
  readonly sharedData?: boolean | undefined;
}

/**
 * Enrols the node of a directory that no process uses. A member asks nobody; one whose grant counts nowhere any more does, and stays what it was where it is
 * refused. A directory that no start would take is refused before anybody is asked. Who fails leaves the keys that it asked under, as the issuer may know
 * them by now, and nothing else that a later start or join heeds.
 *
 * @example
 * const { addresses } = await joinFleet({ dir, by: invite, name: "eu-1", region: "eu", nowS: Date.now() / 1_000 });
 *
 * @throws PulsemeshError `data-dir-open`, `data-dir-unusable`, `store-locked`, and as {@link enrolNode}
 */
export async function joinFleet(options: JoinFleetOptions): Promise<EnrolledNode> {
  // Before a folder is made for it.
  if (typeof options.by === "string") readInvite(options.by);
  return await memberLocked(options, async (store) => {
    const stored = await readStoredStatements(store);
    const enrolled = await enrolNode({ ...options, stored });
    if (enrolled.refusal !== undefined) throw enrolled.refusal;
    await rememberIssuer(options.dir, enrolled.addresses);
    return enrolled;
  });
}

/** A node that is started without being told whom to join by knows one member at least, and does not take it for one that comes and goes. */
async function rememberIssuer(dir: string, addresses: readonly string[]): Promise<void> {
  const store = fileAddressStore(join(dir, ADDRESSES_FILE));
  const known = await store.load();
  const isIssuer = (node: string): boolean => addresses.some((text) => text.endsWith(`/${node}`));
  const briefMs = new Map([...known.briefMs].filter(([node]) => !isIssuer(node)));
  const isKnown = addresses.every((address) => known.addresses.includes(address));
  if (isKnown && briefMs.size === known.briefMs.size) return;
  await store.save({ addresses: [...new Set([...addresses, ...known.addresses])], briefMs });
}

export type JoinFleetOptions = Omit<EnrolNodeOptions, "stored"> & Placed;

export interface RequestOptions extends Placed {
  /** Refused by issuers of others. @default any */
  readonly fleet?: FleetId | undefined;
  readonly name: string;
  readonly region: string;
  readonly nowS: number;
}

/**
 * The word that an issuer grants membership for; the keys that it names are drawn where they are missing.
 * @throws PulsemeshError `store-locked`, `data-dir-open`, `data-dir-unusable`
 */
export async function requestMembership(options: RequestOptions): Promise<string> {
  const { dir, name, region, nowS } = options;
  const fleet = options.fleet ?? readFleetPin(dir);
  return await memberLocked(options, () =>
    Promise.resolve(writeRequest({ fleet, name, region, atS: nowS }, memberKeys(dir))),
  );
}

export interface AcceptedMembership {
  readonly node: NodeId;
  readonly fleet: FleetId;
  readonly grant: GrantClaims;
}

export interface AcceptOptions extends Pick<Placed, "sharedData"> {
  /** Unix seconds; a grant that has ended by then is refused. @default it is not looked at */
  readonly nowS?: number | undefined;
}

/**
 * Takes over what an issuer signed for this node.
 * @throws PulsemeshError `statement-malformed` where it makes this node no member, `grant-none` where that has ended, `fleet-mismatch`, `store-locked`, `data-dir-open`, `data-dir-unusable`
 */
export async function acceptMembership(
  dir: string,
  statements: readonly string[],
  { nowS, ...options }: AcceptOptions = {},
): Promise<AcceptedMembership> {
  // Drawn now, it would be one that nobody has granted anything.
  if (!existsSync(join(dir, "node.key")))
    throw noMember(`the node of ${dir}, which has no key yet,`);
  const place = { ...options, dir };
  return await memberLocked(place, () => Promise.resolve(accept(dir, statements, nowS)));
}

function noMember(who: string): PulsemeshError {
  return new PulsemeshError(
    "statement-malformed",
    `Cannot take these statements: they make ${who} no member. Nothing was changed; see that they were signed for a request of this folder.`,
  );
}

function accept(
  dir: string,
  statements: readonly string[],
  nowS: number = Number.NEGATIVE_INFINITY,
): AcceptedMembership {
  const node = nodeIdOf(readKey(join(dir, "node.key")).publicKey);
  const fleet = fleetOf(statements);
  const granted = fleet === undefined ? undefined : grantIn(statements, node, fleet);
  if (fleet === undefined || granted === undefined) throw noMember(node);
  const pinned = readFleetPin(dir);
  if (pinned !== undefined && pinned !== fleet) {
    throw new PulsemeshError(
      "fleet-mismatch",
      `Cannot join fleet ${fleet}: ${dir} belongs to fleet ${pinned}. Nothing was changed.`,
    );
  }
  const { expS } = granted.grant;
  if (expS <= nowS) {
    throw new PulsemeshError(
      "grant-none",
      `Cannot make ${node} a member: what it was granted ended at ${new Date(expS * 1_000).toISOString()}, by this machine's clock. Nothing was changed.`,
    );
  }
  memberKeys(dir);
  writePrivateFile(join(dir, AUTHORITY_FILES.statements), writeStatements(statements));
  writeFleetPin(dir, fleet);
  return { node, fleet, grant: granted.grant };
}

/** The fleet that the first statement is of. */
export function fleetOf([first]: readonly string[]): FleetId | undefined {
  const claims = first === undefined ? undefined : tokenPort.read(first)?.claims;
  if (typeof claims !== "object" || claims === null || !("aud" in claims)) return undefined;
  return isKeyId(claims.aud) ? claims.aud : undefined;
}

/**
 * {@link createFleetAuthority} in a directory that no process uses, unless all is there already. Both folders are checked before anything is made.
 * @throws PulsemeshError `store-locked`, `data-dir-open`, and as that and {@link checkRootPlace}
 */
export async function initFleet(options: InitFleetOptions): Promise<FleetAuthority> {
  const held = heldAuthority(options);
  if (held !== undefined) return held;
  checkPlace(options);
  checkRootPlace(options);
  return await locked(options.dir, () => createFleetAuthority(options));
}

export type InitFleetOptions = FleetAuthorityOptions & Placed;

function checkPlace({ dir, sharedData = false }: Placed): void {
  checkDirectoryOf(dir, sharedData);
}

/** Of a directory in which no fleet is half made: its keys would be changed when that is finished. */
function memberLocked<T>(place: Placed, act: (store: Store) => Promise<T>): Promise<T> {
  checkPlace(place);
  return locked(place.dir, (store) => {
    refuseUnfinishedInit(place.dir);
    return act(store);
  });
}

/** The store's lock is what keeps two processes from one directory. */
async function locked<T>(dir: string, act: (store: Store) => Promise<T>): Promise<T> {
  const store = createLevelStore({ dir });
  await store.open();
  try {
    return await act(store);
  } finally {
    await store.close();
  }
}
