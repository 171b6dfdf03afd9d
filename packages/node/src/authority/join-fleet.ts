/** Becoming a member without starting the node (rule ME7): by an invite, or by what an issuer signed far away and somebody carried here. */
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
import { writePrivateFile } from "../keys/private-file.ts";
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

/**
 * Enrols the node of a directory that no process uses. A member asks nobody; one whose grant counts nowhere any more does, and stays what it was where it is
 * refused.
 *
 * @example
 * const { addresses } = await joinFleet({ dir, by: invite, name: "eu-1", region: "eu", nowS: Date.now() / 1_000 });
 *
 * @throws PulsemeshError `store-locked`, and as {@link enrolNode}
 */
export function joinFleet(options: JoinFleetOptions): Promise<EnrolledNode> {
  return memberLocked(options.dir, async (store) => {
    const stored = await readStoredStatements(store);
    const enrolled = await enrolNode({ ...options, stored });
    if (enrolled.refusal !== undefined) throw enrolled.refusal;
    await rememberIssuer(options.dir, enrolled.addresses);
    return enrolled;
  });
}

/** A node that is started without being told whom to join by knows one member at least. */
async function rememberIssuer(dir: string, addresses: readonly string[]): Promise<void> {
  const store = fileAddressStore(join(dir, ADDRESSES_FILE));
  const known = await store.load();
  if (addresses.some((address) => !known.includes(address)))
    await store.save([...new Set([...addresses, ...known])]);
}

export type JoinFleetOptions = Omit<EnrolNodeOptions, "stored" | "ask">;

export interface RequestOptions {
  readonly dir: string;
  /** Refused by issuers of others. @default any */
  readonly fleet?: FleetId | undefined;
  readonly name: string;
  readonly region: string;
  readonly nowS: number;
}

/**
 * The word that an issuer grants membership for; the keys that it names are drawn where they are missing.
 * @throws PulsemeshError `store-locked`, `data-dir-unusable`
 */
export function requestMembership(options: RequestOptions): Promise<string> {
  const { dir, name, region, nowS } = options;
  const fleet = options.fleet ?? readFleetPin(dir);
  return memberLocked(dir, () =>
    Promise.resolve(writeRequest({ fleet, name, region, atS: nowS }, memberKeys(dir))),
  );
}

export interface AcceptedMembership {
  readonly node: NodeId;
  readonly fleet: FleetId;
  readonly grant: GrantClaims;
}

/**
 * Takes over what an issuer signed for this node.
 * @throws PulsemeshError `statement-malformed` where it makes this node no member, `fleet-mismatch`, `store-locked`
 */
export function acceptMembership(
  dir: string,
  statements: readonly string[],
): Promise<AcceptedMembership> {
  return memberLocked(dir, () => Promise.resolve(accept(dir, statements)));
}

function accept(dir: string, statements: readonly string[]): AcceptedMembership {
  const node = nodeIdOf(memberKeys(dir).node.publicKey);
  const fleet = fleetOf(statements);
  const granted = fleet === undefined ? undefined : grantIn(statements, node, fleet);
  if (fleet === undefined || granted === undefined) {
    throw new PulsemeshError(
      "statement-malformed",
      `Cannot take these statements: they make ${node} no member. Nothing was changed; see that they were signed for a request of this folder.`,
    );
  }
  const pinned = readFleetPin(dir);
  if (pinned !== undefined && pinned !== fleet) {
    throw new PulsemeshError(
      "fleet-mismatch",
      `Cannot join fleet ${fleet}: ${dir} belongs to fleet ${pinned}. Nothing was changed.`,
    );
  }
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
 * {@link createFleetAuthority} in a directory that no process uses, unless all is there already.
 * @throws PulsemeshError `store-locked`, and as that
 */
export async function initFleet(options: FleetAuthorityOptions): Promise<FleetAuthority> {
  return heldAuthority(options) ?? (await locked(options.dir, () => createFleetAuthority(options)));
}

/** Of a directory in which no fleet is half made: its keys would be changed when that is finished. */
function memberLocked<T>(dir: string, act: (store: Store) => Promise<T>): Promise<T> {
  return locked(dir, (store) => {
    refuseUnfinishedInit(dir);
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
