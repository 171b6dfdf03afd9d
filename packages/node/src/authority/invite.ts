/** An invite as one word (rule ME7): where its issuer is, and the secret that makes whoever shows it there a member. */
import { hash } from "node:crypto";
import {
  type FleetId,
  type HashHex,
  isKeyId,
  isNodeId,
  type NodeId,
  PulsemeshError,
} from "@pulsemesh/core";
import { readPasted, writePasted } from "./pasted-text.ts";

/** Longest invite, in characters. */
export const INVITE_LENGTH_MAX: number = 4 * 1024;
/** Addresses of the issuer in one. */
export const INVITE_ADDRESSES_MAX: number = 8;
/** Of the secret: nobody guesses 160 bits, however often he may try. */
export const SECRET_BYTES: number = 20;

const PREFIX = "pulsemesh:";
const VERSION = 1;
const ADDRESS_LENGTH_LIMIT = 320;

export interface Invite {
  readonly fleet: FleetId;
  /** Who made it, and alone can take it. */
  readonly issuer: NodeId;
  /** Where that node listens, as multiaddrs. */
  readonly addresses: readonly string[];
  readonly secret: Uint8Array;
  /** Unix seconds. */
  readonly expS: number;
  /** Its fleet is a private network: who lacks that network's key reaches nobody. */
  readonly isPrivate: boolean;
}

/** @throws PulsemeshError `invite-malformed` when there is no room for so many addresses */
export function writeInvite(invite: Invite): string {
  const { fleet, issuer, addresses, secret, expS, isPrivate } = invite;
  const named = { v: VERSION, fleet, issuer, addresses, secret, exp: expS };
  // Left out where it is none: earlier releases read the one form, and pass over the field in the other.
  const text = writePasted(PREFIX, isPrivate ? { ...named, private: true } : named);
  readInvite(text);
  return text;
}

/** @throws PulsemeshError `invite-malformed` */
export function readInvite(text: string): Invite {
  const invite = parseInvite(text);
  if (invite !== undefined) return invite;
  throw new PulsemeshError(
    "invite-malformed",
    "Cannot take this as an invite: it is cut or changed. Nothing was changed.",
  );
}

/** By which the issuer knows a secret without keeping it. */
export function secretHash(secret: Uint8Array): HashHex {
  return hash("sha256", Buffer.concat([Buffer.from("pulsemesh/1/invite\0"), secret]), "hex");
}

function parseInvite(text: string): Invite | undefined {
  const pasted = readPasted(PREFIX, text, INVITE_LENGTH_MAX) ?? {};
  const { v, fleet, issuer, addresses, secret, exp, private: isPrivate = false } = pasted;
  if (v !== VERSION || !isKeyId(fleet) || !isNodeId(issuer)) return undefined;
  if (!(secret instanceof Uint8Array) || secret.length !== SECRET_BYTES) return undefined;
  if (typeof exp !== "number" || !Number.isSafeInteger(exp) || exp < 0) return undefined;
  // Said where it is so, and left out where it is not.
  if (isPrivate !== true && "private" in pasted) return undefined;
  if (!Array.isArray(addresses) || addresses.length > INVITE_ADDRESSES_MAX) return undefined;
  if (!addresses.every(isAddress)) return undefined;
  return { fleet, issuer, addresses, secret, expS: exp, isPrivate: isPrivate === true };
}

/** That it is one, whoever dials it finds out. */
function isAddress(value: unknown): value is string {
  return (
    typeof value === "string" &&
    /^\/[\x21-\x7e]+$/.test(value) &&
    value.length <= ADDRESS_LENGTH_LIMIT
  );
}
