/**
 * What a node asks for when it wants to become a member (rule ME7): its keys, name and region, signed with each of these keys. So nobody is granted
 * anything under the name of a node, or of an audit log, that is somebody else's. There is no secret in it.
 */
import { sign, verify } from "node:crypto";
import {
  dagCborCodec,
  type FleetId,
  isKeyId,
  isNodeId,
  type KeyId,
  type NodeId,
  PulsemeshError,
} from "@pulsemesh/core";
import { decodeBase32, encodeBase32 } from "../keys/base32.ts";
import { privateKeyFromSeed, publicKeyFromRaw } from "../keys/ed25519.ts";
import type { Ed25519Key } from "../keys/key-file.ts";
import { nodeIdOf, publicKeyOf } from "../keys/peer-id.ts";
import { readPasted, writePasted } from "./pasted-text.ts";

/** Longest request, in characters. */
export const REQUEST_LENGTH_MAX: number = 2 * 1024;
/** Longest name and region in it, in characters, as of a chain header. */
export const REQUEST_TEXT_LENGTH_MAX: number = 64;

const PREFIX = "pulsemesh-request:";
const DOMAIN = "pulsemesh/1/request";
const VERSION = 1;

export interface GrantRequest {
  /** The fleet that it is for; undefined where the node does not know it yet, as when a file is carried to the issuer first. */
  readonly fleet: FleetId | undefined;
  readonly node: NodeId;
  readonly auditKey: KeyId;
  readonly cosignKey: KeyId;
  readonly name: string;
  readonly region: string;
  /** When it was made by the node's own clock, in Unix seconds: told to people, judged by nobody. */
  readonly atS: number;
}

/** The three keys of a member. */
export interface MemberKeys {
  readonly node: Ed25519Key;
  readonly audit: Ed25519Key;
  readonly cosign: Ed25519Key;
}

/**
 * The request as one word.
 *
 * @example
 * const request = writeRequest({ fleet: undefined, name: "eu-1", region: "eu", atS: Date.now() / 1_000 }, keys);
 */
export function writeRequest(
  asked: Pick<GrantRequest, "fleet" | "name" | "region" | "atS">,
  keys: MemberKeys,
): string {
  const body = dagCborCodec.encode({
    v: VERSION,
    fleet: asked.fleet ?? null,
    node: nodeIdOf(keys.node.publicKey),
    audit: encodeBase32(keys.audit.publicKey),
    cosign: encodeBase32(keys.cosign.publicKey),
    name: asked.name,
    region: asked.region,
    at: Math.floor(asked.atS),
  });
  const bytes = signedBytes(asked.fleet, body);
  const signatures = [keys.node, keys.audit, keys.cosign].map(
    ({ seed }) => new Uint8Array(sign(null, bytes, privateKeyFromSeed(seed))),
  );
  const text = writePasted(PREFIX, { b: body, s: signatures });
  readRequest(text);
  return text;
}

/**
 * Reads a request and checks that whoever made it has all three keys.
 * @throws PulsemeshError `request-malformed`
 */
export function readRequest(text: string): GrantRequest {
  const request = parseRequest(text);
  if (request !== undefined) return request;
  throw new PulsemeshError(
    "request-malformed",
    `Cannot take this as a node's request: it is cut or changed, or one of its three signatures is missing. Nothing was changed.`,
  );
}

function parseRequest(text: string): GrantRequest | undefined {
  const { b: body, s: signatures } = readPasted(PREFIX, text, REQUEST_LENGTH_MAX) ?? {};
  if (!(body instanceof Uint8Array) || !Array.isArray(signatures)) return undefined;
  const request = parseBody(body);
  if (request === undefined) return undefined;
  const bytes = signedBytes(request.fleet, body);
  const keys = [publicKeyOf(request.node), decodeBase32(request.auditKey)];
  keys.push(decodeBase32(request.cosignKey));
  const isSigned = keys.every((key, at) => isSignature(key, bytes, signatures[at]));
  return isSigned && signatures.length === keys.length ? request : undefined;
}

function parseBody(body: Uint8Array): GrantRequest | undefined {
  const value = decodeMap(body);
  if (value === undefined) return undefined;
  const { v, fleet, node, audit, cosign, name, region, at } = value;
  if (v !== VERSION || !(fleet === null || isKeyId(fleet))) return undefined;
  if (!isNodeId(node) || !isKeyId(audit) || !isKeyId(cosign)) return undefined;
  if (!isText(name) || !isText(region)) return undefined;
  if (typeof at !== "number" || !Number.isSafeInteger(at) || at < 0) return undefined;
  const keys = { node, auditKey: audit, cosignKey: cosign };
  return { fleet: fleet ?? undefined, ...keys, name, region, atS: at };
}

function decodeMap(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = dagCborCodec.decode(bytes);
    return typeof value === "object" && value !== null
      ? (value as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** As of all that is signed (rule SG1): the domain and the fleet, then the bytes as sent. */
function signedBytes(fleet: FleetId | undefined, body: Uint8Array): Uint8Array {
  return Buffer.concat([dagCborCodec.encode([DOMAIN, fleet ?? ""]), body]);
}

function isSignature(key: Uint8Array | undefined, bytes: Uint8Array, signature: unknown): boolean {
  if (key === undefined || !(signature instanceof Uint8Array)) return false;
  try {
    return verify(null, bytes, publicKeyFromRaw(key), signature);
  } catch {
    // A point that is none, or one of small order.
    return false;
  }
}

/** One printable line: names end up in terminals. */
function isText(value: unknown): value is string {
  if (typeof value !== "string" || value === "" || value.length > REQUEST_TEXT_LENGTH_MAX)
    return false;
  return !/\p{C}/u.test(value);
}
