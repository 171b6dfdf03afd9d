/**
 * The hello message as bytes: fields in protobuf's wire form (see docs/SPEC.md for the schema), unknown fields skipped, so that
 * later versions can say more. Written by hand because it is the first thing a stranger may say to us: everything is bounded
 * before it is decoded, and no input makes it throw.
 */
import { GRANT_LENGTH_MAX } from "@pulsemesh/core";
import { readAddress } from "./multiaddr-text.ts";
import { readVarint, writeVarint } from "./varint.ts";

/** Largest hello, in bytes: 2 KiB of them are for the grant. */
export const HELLO_BYTES_MAX: number = 6 * 1024;
/** Longest agent text, in UTF-8 bytes. */
export const AGENT_BYTES_MAX: number = 128;
/** Longest reason for which a peer is not let in, in UTF-8 bytes. */
export const REFUSED_BYTES_MAX: number = 64;
/** Longest statement that shows why, in bytes; a longer one is not sent. */
export const PROOF_BYTES_MAX: number = 3 * 1024;
/** Most addresses that a node names for itself. */
export const OWN_ADDRESSES_MAX: number = 8;
/** Most addresses of other members in one hello, of each of the two kinds. */
export const KNOWN_ADDRESSES_MAX: number = 64;
/** Most fields in one hello, known and unknown; all that may be repeated fit with a few to spare. */
export const HELLO_FIELDS_MAX: number = 144;
/** Length of the number that tells two runs of one node apart, in bytes. */
export const INSTANCE_BYTES: number = 8;

export interface Hello {
  /** Lowest and highest protocol version that the sender speaks, 1 … 65,535. */
  readonly versionMin: number;
  readonly versionMax: number;
  /** Software and version, for people. */
  readonly agent: string;
  /** Lower-case hex, drawn anew with every start of the transport. */
  readonly instance: string;
  /** Where the sender says it can be dialled; each ends in `/p2p/<sender>`, which the reader checks. */
  readonly addresses: readonly string[];
  /** Addresses of other members that the sender has itself been connected to. */
  readonly known: readonly string[];
  /** Addresses of members that the sender has not met, but was told of by one that had: the reader passes them on no further. */
  readonly heard: readonly string[];
  /** What lets the sender in, a token; read by core alone. */
  readonly grant?: string | undefined;
  /** Why the sender does not let the reader in. */
  readonly refused?: string | undefined;
  /** The statement by which it is not to be let in, a token, where there is one; read by core alone. */
  readonly proof?: string | undefined;
}

const FIELD = {
  lowest: 1,
  highest: 2,
  agent: 3,
  instance: 4,
  address: 5,
  known: 6,
  heard: 7,
  grant: 8,
  refused: 9,
  proof: 10,
} as const;
const WIRE_VARINT = 0;
const WIRE_BYTES = 2;
const VERSION_MAX = 65_535;

/** Encodes; leaves out known addresses that no longer fit, and own ones beyond the limit. */
export function encodeHello(hello: Hello): Uint8Array {
  const own = hello.addresses.flatMap((text) => readAddress(text)?.bytes ?? []);
  const others = [
    ...hello.known.slice(0, KNOWN_ADDRESSES_MAX).map((text) => ({ number: FIELD.known, text })),
    ...hello.heard.slice(0, KNOWN_ADDRESSES_MAX).map((text) => ({ number: FIELD.heard, text })),
  ];
  const parts: Uint8Array[] = [
    varintField(FIELD.lowest, hello.versionMin),
    varintField(FIELD.highest, hello.versionMax),
    bytesField(FIELD.agent, cutUtf8(hello.agent, AGENT_BYTES_MAX)),
    bytesField(FIELD.instance, Buffer.from(hello.instance, "hex")),
    ...own.slice(0, OWN_ADDRESSES_MAX).map((bytes) => bytesField(FIELD.address, bytes)),
    ...grantField(hello.grant),
    ...(hello.refused === undefined
      ? []
      : [bytesField(FIELD.refused, cutUtf8(hello.refused, REFUSED_BYTES_MAX))]),
  ];
  let length = parts.reduce((sum, part) => sum + part.length, 0);
  for (const part of proofField(hello.proof)) {
    if (length + part.length > HELLO_BYTES_MAX) break;
    length += part.length;
    parts.push(part);
  }
  for (const { number, text } of others) {
    const part = bytesField(number, readAddress(text)?.bytes ?? new Uint8Array(0));
    if (length + part.length > HELLO_BYTES_MAX) break;
    length += part.length;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Decodes what a stranger sent; undefined for anything malformed or beyond a limit. Never throws. */
export function decodeHello(bytes: Uint8Array): Hello | undefined {
  const fields = bytes.length > HELLO_BYTES_MAX ? undefined : readFields(bytes);
  if (fields === undefined) return undefined;
  const { versionMin, versionMax, agent, instance } = fields;
  if (
    versionMin === undefined ||
    versionMax === undefined ||
    agent === undefined ||
    instance === undefined
  )
    return undefined;
  if (versionMin < 1 || versionMax < versionMin || versionMax > VERSION_MAX) return undefined;
  return {
    versionMin,
    versionMax,
    agent,
    instance,
    addresses: fields.addresses,
    known: fields.known,
    heard: fields.heard,
    ...(fields.grant === undefined ? {} : { grant: fields.grant }),
    ...(fields.refused === undefined ? {} : { refused: fields.refused }),
    ...(fields.proof === undefined ? {} : { proof: fields.proof }),
  };
}

/** The version that both speak: the highest in common, undefined when there is none. */
export function agreeVersion(
  ours: { readonly versionMin: number; readonly versionMax: number },
  theirs: { readonly versionMin: number; readonly versionMax: number },
): number | undefined {
  const version = Math.min(ours.versionMax, theirs.versionMax);
  return version >= Math.max(ours.versionMin, theirs.versionMin) ? version : undefined;
}

interface Fields {
  versionMin: number | undefined;
  versionMax: number | undefined;
  agent: string | undefined;
  instance: string | undefined;
  readonly addresses: string[];
  readonly known: string[];
  readonly heard: string[];
  grant: string | undefined;
  refused: string | undefined;
  proof: string | undefined;
}

function readFields(bytes: Uint8Array): Fields | undefined {
  const fields: Fields = {
    versionMin: undefined,
    versionMax: undefined,
    agent: undefined,
    instance: undefined,
    addresses: [],
    known: [],
    heard: [],
    grant: undefined,
    refused: undefined,
    proof: undefined,
  };
  let offset = 0;
  for (let count = 0; offset < bytes.length; count += 1) {
    const tag = readVarint(bytes, offset);
    if (!tag.ok || count === HELLO_FIELDS_MAX) return undefined;
    const content = readVarint(bytes, tag.next);
    if (!content.ok) return undefined;
    const number = tag.value >>> 3;
    offset = content.next;
    if ((tag.value & 7) === WIRE_VARINT) {
      if (number === FIELD.lowest) fields.versionMin = content.value;
      if (number === FIELD.highest) fields.versionMax = content.value;
    } else if ((tag.value & 7) === WIRE_BYTES && content.value <= bytes.length - offset) {
      if (!takeBytes(fields, number, bytes.subarray(offset, offset + content.value)))
        return undefined;
      offset += content.value;
    } else return undefined;
  }
  return fields;
}

/** False when the field breaks a rule; an address of a kind not known here is skipped, it may be one of a later version. */
function takeBytes(fields: Fields, number: number, bytes: Uint8Array): boolean {
  switch (number) {
    case FIELD.agent:
      if (bytes.length > AGENT_BYTES_MAX) return false;
      fields.agent = readText(bytes);
      return fields.agent !== undefined;
    case FIELD.instance:
      fields.instance = Buffer.from(bytes).toString("hex");
      return bytes.length === INSTANCE_BYTES;
    case FIELD.address:
      return takeAddress(fields.addresses, bytes, OWN_ADDRESSES_MAX);
    case FIELD.known:
      return takeAddress(fields.known, bytes, KNOWN_ADDRESSES_MAX);
    case FIELD.heard:
      return takeAddress(fields.heard, bytes, KNOWN_ADDRESSES_MAX);
    case FIELD.grant:
      if (bytes.length > GRANT_LENGTH_MAX) return false;
      fields.grant = readText(bytes);
      return fields.grant !== undefined;
    case FIELD.refused:
      if (bytes.length > REFUSED_BYTES_MAX) return false;
      fields.refused = readText(bytes);
      return fields.refused !== undefined;
    case FIELD.proof:
      if (bytes.length > PROOF_BYTES_MAX) return false;
      fields.proof = readText(bytes);
      return fields.proof !== undefined;
    default:
      return true;
  }
}

function takeAddress(into: string[], bytes: Uint8Array, countMax: number): boolean {
  if (into.length === countMax) return false;
  const address = readAddress(bytes);
  if (address !== undefined) into.push(address.text);
  return true;
}

/** A grant that no reader would take is not sent. */
function grantField(grant: string | undefined): readonly Uint8Array[] {
  if (grant === undefined || Buffer.byteLength(grant) > GRANT_LENGTH_MAX) return [];
  return [bytesField(FIELD.grant, Buffer.from(grant))];
}

function proofField(proof: string | undefined): readonly Uint8Array[] {
  if (proof === undefined || Buffer.byteLength(proof) > PROOF_BYTES_MAX) return [];
  return [bytesField(FIELD.proof, Buffer.from(proof))];
}

/** Printable text only: it ends up in logs and terminals. */
function readText(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return /^\P{C}*$/u.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

function cutUtf8(text: string, bytesMax: number): Uint8Array {
  let kept = text;
  while (Buffer.byteLength(kept) > bytesMax) kept = kept.slice(0, -1);
  return Buffer.from(kept.toWellFormed());
}

function varintField(number: number, value: number): Uint8Array {
  return Buffer.concat([writeVarint((number << 3) | WIRE_VARINT), writeVarint(value)]);
}

function bytesField(number: number, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([writeVarint((number << 3) | WIRE_BYTES), writeVarint(bytes.length), bytes]);
}
