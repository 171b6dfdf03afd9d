/**
 * The identifiers that every other file speaks in, and the one rule for robot ids.
 * All are plain text, so that they can be map keys, JSON and log fields without conversion.
 */

/** A node: the text form (base58btc, `12D3Koo…`) of its Ed25519 libp2p peer id. */
export type NodeId = string;
/** A robot, see {@link ROBOT_ID_RULE}. */
export type RobotId = string;
/** A fleet: lower-case base32 (RFC 4648, no padding, 52 characters) of its first root's Ed25519 public key. */
export type FleetId = string;
/**
 * A CRDT document of the fleet: what nodes say of their robots; what operators want of them (comes later); which nodes are retired, by
 * node id. Nothing in chains and sync depends on which it is.
 */
export type DocumentName = "reported" | "desired" | "roster";
/** Documents that this version stores; entries of others are of a later version, and ignored (rule SG2). */
export const DOCUMENTS: readonly DocumentName[] = ["desired", "reported", "roster"];
/** Lower-case hex of a SHA-256. */
export type HashHex = string;
/** A key of the fleet's authority (root, issuer, charter) or of an audit log: its Ed25519 public key in the form of a {@link FleetId}. */
export type KeyId = string;

/** One start of a node; grows with every start (rule PU3). */
export type Boot = number;

/** One pulse for ever: the `seq`-th pulse of one boot of one node. */
export interface PulseName {
  readonly boot: Boot;
  readonly seq: number;
}

/** Longest robot id, in characters (rule CH7). */
export const ROBOT_ID_LENGTH_MAX: number = 128;
/** The rule in words, quoted by every error about a robot id. */
export const ROBOT_ID_RULE: string =
  "a robot id starts with a letter or digit, goes on with letters, digits, '.', '_', ':' or '-', and has at most 128 characters";

const ROBOT_ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;

/** Whether `text` is a valid robot id (rule CH7). */
export function isRobotId(text: unknown): text is RobotId {
  return typeof text === "string" && ROBOT_ID_PATTERN.test(text);
}

const NODE_ID_PATTERN = /^[A-Za-z0-9_-]{1,80}$/;

/** Whether `value` has the form of a node id; that it is a key, its first signature proves. */
export function isNodeId(value: unknown): value is NodeId {
  return typeof value === "string" && NODE_ID_PATTERN.test(value);
}

const KEY_ID_PATTERN = /^[a-z2-7]{52}$/;

/** Whether `value` has the form of a key of the authority, or of a fleet id, which is one. */
export function isKeyId(value: unknown): value is KeyId {
  return typeof value === "string" && KEY_ID_PATTERN.test(value);
}

/** Orders pulse names: negative when `a` is older than `b`, 0 when they are the same pulse. */
export function comparePulseNames(a: PulseName, b: PulseName): number {
  return a.boot === b.boot ? a.seq - b.seq : a.boot - b.boot;
}

/** Byte-wise order of two ids, the same on every machine (never `localeCompare`). */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
