/**
 * Makes the node of a data directory a member (rule ME7): draws its keys, asks the issuer that made the invite, and keeps what it answers. Repeated after
 * any interruption it goes on with the keys that it drew, which the issuer knows as the same node.
 */
import { join } from "node:path";
import {
  ERROR_CODES,
  type ErrorCode,
  type FleetId,
  type GrantClaims,
  type NodeId,
  PulsemeshError,
  readClaims,
} from "@pulsemesh/core";
import { enrol } from "@pulsemesh/transport-libp2p";
import { readFleetPin, writeFleetPin } from "../keys/fleet-pin.ts";
import { loadOrCreateKey } from "../keys/key-file.ts";
import { nodeIdOf } from "../keys/peer-id.ts";
import { writePrivateFile } from "../keys/private-file.ts";
import { tokenPort } from "../ports/tokens.ts";
import { readStatements, writeStatements } from "./authority-file.ts";
import { decodeAnswer, encodeQuestion } from "./enrolment-frames.ts";
import { AUTHORITY_FILES } from "./authority-files.ts";
import { type MemberKeys, writeRequest } from "./grant-request.ts";
import { readInvite } from "./invite.ts";

/** Nodes of a fleet may all be started at one moment, and an issuer answers a few at a time. */
const TRIES = 5;

export interface EnrolNodeOptions {
  /** The data directory, whose lock the caller holds. */
  readonly dir: string;
  /** As `Issuer.invite` makes it; or where an issuer is that takes everybody. */
  readonly by: string | { readonly fleet: FleetId; readonly addresses: readonly string[] };
  readonly name: string;
  readonly region: string;
  readonly nowS: number;
  /** Of the private network that the issuer is in. */
  readonly networkKey?: Uint8Array | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface EnrolledNode {
  readonly node: NodeId;
  readonly fleet: FleetId;
  /** Its own grant. */
  readonly grant: GrantClaims;
  readonly statements: readonly string[];
  /** Where the issuer is: whom to join by. */
  readonly addresses: readonly string[];
  /** It had been enrolled before, and nobody was asked. */
  readonly isOld: boolean;
}

/**
 * @throws PulsemeshError `fleet-mismatch` when the directory is in another fleet; `invite-malformed`, `join-failed`, and what the issuer refuses
 */
export async function enrolNode(options: EnrolNodeOptions): Promise<EnrolledNode> {
  const { dir, by, name, region, nowS, networkKey, signal } = options;
  const { fleet, addresses } = whereTo(by);
  const pinned = readFleetPin(dir);
  if (pinned !== undefined && pinned !== fleet) {
    throw new PulsemeshError(
      "fleet-mismatch",
      `Cannot join fleet ${fleet}: ${dir} belongs to fleet ${pinned}. Nothing was changed.`,
    );
  }
  const keys = memberKeys(dir);
  const node = nodeIdOf(keys.node.publicKey);
  const held = grantIn(readStatements(join(dir, AUTHORITY_FILES.statements)) ?? [], node, fleet);
  if (held !== undefined) {
    // Who died between the two writes has no pin yet.
    if (pinned === undefined) writeFleetPin(dir, fleet);
    return { node, fleet, addresses, ...held, isOld: true };
  }
  const request = writeRequest({ fleet, name, region, atS: nowS }, keys);
  const invite = typeof by === "string" ? by : undefined;
  const answer = await enrol({
    addresses,
    fleet,
    privateKey: keys.node.protobuf,
    request: encodeQuestion({ invite, request }),
    networkKey,
    signal,
    tries: TRIES,
  });
  const statements = statementsOf(answer);
  const granted = grantIn(statements, node, fleet);
  if (granted === undefined)
    throw noMember(addresses, "what it answered makes this node no member");
  writePrivateFile(join(dir, AUTHORITY_FILES.statements), writeStatements(statements));
  writeFleetPin(dir, fleet);
  return { node, fleet, addresses, ...granted, isOld: false };
}

/** The three keys of the node of a data directory; those that are missing are drawn. */
export function memberKeys(dir: string): MemberKeys {
  return {
    node: loadOrCreateKey(join(dir, "node.key")),
    audit: loadOrCreateKey(join(dir, AUTHORITY_FILES.audit)),
    cosign: loadOrCreateKey(join(dir, AUTHORITY_FILES.cosign)),
  };
}

/** The grant of `node` among statements that all can be read and are of one fleet; undefined otherwise. Whether they count, core says. */
export function grantIn(
  statements: readonly string[],
  node: NodeId,
  fleet: FleetId,
): { readonly grant: GrantClaims; readonly statements: readonly string[] } | undefined {
  let grant: GrantClaims | undefined;
  for (const token of statements) {
    const read = tokenPort.read(token);
    const result = read === undefined ? undefined : readClaims(read, fleet);
    if (result?.ok !== true) return undefined;
    const { claims } = result;
    if (claims.kind === "grant" && claims.node === node) grant = claims;
  }
  return grant && { grant, statements };
}

function whereTo(by: EnrolNodeOptions["by"]): {
  readonly fleet: FleetId;
  readonly addresses: readonly string[];
} {
  if (typeof by !== "string") return by;
  const { fleet, issuer, addresses } = readInvite(by);
  const suffix = `/p2p/${issuer}`;
  // An invite that names another node's address would send the secret there.
  const own = addresses.map((address) => (address.includes("/p2p/") ? address : address + suffix));
  return { fleet, addresses: own.filter((address) => address.endsWith(suffix)) };
}

function statementsOf(bytes: Uint8Array): readonly string[] {
  const answer = decodeAnswer(bytes);
  if (answer === undefined)
    throw new PulsemeshError("join-failed", "Cannot enrol: the issuer's answer cannot be read.");
  if (answer.ok) return answer.statements;
  const code = Object.hasOwn(ERROR_CODES, answer.code) ? (answer.code as ErrorCode) : "join-failed";
  throw new PulsemeshError(code, printable(answer.detail));
}

/** Somebody else's words end up in a terminal. */
function printable(text: string): string {
  return text.replaceAll(/\p{C}/gu, "?");
}

function noMember(addresses: readonly string[], why: string): PulsemeshError {
  return new PulsemeshError(
    "join-failed",
    `Cannot enrol by ${addresses.join(", ")}: ${why}. Nothing was changed.`,
  );
}
