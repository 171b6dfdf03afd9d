/**
 * Makes the node of a data directory a member (rule ME7): draws its keys, asks the issuer that made the invite, and keeps what it answers. Repeated after
 * any interruption it goes on with the keys that it drew, which the issuer knows as the same node.
 *
 * Who is a member already asks nobody, as a start with the same invite is an everyday thing. Who was one, and whose grant has ended since, was made void or
 * was revoked, as far as is known here, asks: it would be let in nowhere.
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
  type Standing,
  standingAmong,
} from "@pulsemesh/core";
import { enrol, type EnrolOptions } from "@pulsemesh/transport-libp2p";
import { readFleetPin, writeFleetPin } from "../keys/fleet-pin.ts";
import { loadOrCreateKey } from "../keys/key-file.ts";
import { nodeIdOf } from "../keys/peer-id.ts";
import { writePrivateFile } from "../keys/private-file.ts";
import { createPortsFactory } from "../ports/create-ports.ts";
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
  /** Statements in the node's store, in any order: renewals and revocations came there. */
  readonly stored: readonly string[];
  /** Of the private network that the issuer is in. */
  readonly networkKey?: Uint8Array | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called every few seconds while no issuer answers. @default nobody is told */
  readonly waiting?: EnrolOptions["waiting"];
  /** How the issuer is asked; for tests. @default over the network */
  readonly ask?: ((options: EnrolOptions) => Promise<Uint8Array>) | undefined;
}

export interface EnrolledNode {
  readonly node: NodeId;
  readonly fleet: FleetId;
  /** Its own grant, the newest that counts. */
  readonly grant: GrantClaims;
  readonly statements: readonly string[];
  /** Where the issuer is: whom to join by. */
  readonly addresses: readonly string[];
  /** It had been enrolled before, and nothing was changed. */
  readonly isOld: boolean;
  /** Why it is no member anew, though what it was granted counts nowhere now; undefined where it counts. */
  readonly refusal?: PulsemeshError | undefined;
}

/**
 * @throws PulsemeshError `fleet-mismatch` when the directory is in another fleet; `invite-malformed`, `network-key-needed`, `join-failed`, and what the issuer refuses
 */
export async function enrolNode(options: EnrolNodeOptions): Promise<EnrolledNode> {
  const { dir, by, stored, nowS, signal } = options;
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
  const who = { node, fleet, addresses };
  const held = grantIn(readStatements(join(dir, AUTHORITY_FILES.statements)) ?? [], node, fleet);
  if (held === undefined) return { ...who, ...(await ask(options, keys, who)), isOld: false };
  // Who died between the two writes has no pin yet.
  if (pinned === undefined) writeFleetPin(dir, fleet);
  const ports = createPortsFactory(keys.node.seed)();
  // In the order in which a start takes them.
  const tokens = [...stored, ...held.statements];
  const standing = standingAmong(ports, tokens, { fleet, node, wallMs: nowS * 1_000 });
  const old = { ...who, ...held, grant: grantOf(standing) ?? held.grant, isOld: true };
  if (standing.kind === "granted" || standing.kind === "early") return old;
  try {
    refuseEnded(by, nowS);
    return { ...who, ...(await ask(options, keys, who)), isOld: false };
  } catch (error) {
    if (!(error instanceof PulsemeshError) || signal?.aborted === true) throw error;
    return { ...old, refusal: standing.kind === "revoked" ? keyRevoked(node, error) : error };
  }
}

/** Whoever has revoked it hangs up on it before it can ask. */
function keyRevoked(node: NodeId, cause: PulsemeshError): PulsemeshError {
  if (cause.code === "key-revoked") return cause;
  return new PulsemeshError(
    "key-revoked",
    `Cannot make ${node} a member: its key was revoked, as this folder knows. Nothing was changed.`,
    { cause },
  );
}

/** Asks the issuer, and keeps what it answers. */
async function ask(
  { dir, by, name, region, nowS, networkKey, ...how }: EnrolNodeOptions,
  keys: MemberKeys,
  { node, fleet, addresses }: Pick<EnrolledNode, "node" | "fleet" | "addresses">,
): Promise<Pick<EnrolledNode, "grant" | "statements">> {
  if (networkKey === undefined) refusePrivate(by);
  const request = writeRequest({ fleet, name, region, atS: nowS }, keys);
  const invite = typeof by === "string" ? by : undefined;
  const { ask: askIssuer = enrol, signal, waiting } = how;
  const answer = await askIssuer({
    addresses,
    fleet,
    privateKey: keys.node.protobuf,
    request: encodeQuestion({ invite, request }),
    networkKey,
    signal,
    waiting,
    tries: TRIES,
  });
  const statements = statementsOf(answer);
  const granted = grantIn(statements, node, fleet);
  if (granted === undefined)
    throw noMember(addresses, "what it answered makes this node no member");
  writePrivateFile(join(dir, AUTHORITY_FILES.statements), writeStatements(statements));
  writeFleetPin(dir, fleet);
  return granted;
}

function grantOf(standing: Standing): GrantClaims | undefined {
  return "grant" in standing ? standing.grant : undefined;
}

/** Nobody would answer, and nothing would say why. */
function refusePrivate(by: EnrolNodeOptions["by"]): void {
  if (typeof by !== "string" || !readInvite(by).isPrivate) return;
  throw new PulsemeshError(
    "network-key-needed",
    "Cannot join by this invite without the key of the private network that its fleet is: none is given here (--network-key-file). Nothing was changed.",
  );
}

/** A start with an invite of long ago is to wait for no issuer that would say so. */
function refuseEnded(by: EnrolNodeOptions["by"], nowS: number): void {
  if (typeof by !== "string" || readInvite(by).expS > nowS) return;
  throw new PulsemeshError(
    "invite-expired",
    "Cannot use this invite: it has ended. Nothing was changed.",
  );
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
  // That the issuer runs twice is nothing that could be mended here.
  const isTheirs = answer.code === "twin" || !Object.hasOwn(ERROR_CODES, answer.code);
  const code = isTheirs ? "join-failed" : (answer.code as ErrorCode);
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
