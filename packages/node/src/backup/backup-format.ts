/**
 * What a backup is: a tar file of `backup.json`, the private files of the data directory, the rows of the store in parts, and last
 * `checksums.txt`, which `sha256sum -c` understands. Without that last file, or with anything behind it, it is no whole backup.
 */
import { PulsemeshError } from "@pulsemesh/core";
import { AUTHORITY_FILES } from "../authority/authority-files.ts";

/** Format that this release writes, and the highest that it reads: 2 has the keys and statements of a closed fleet as well. */
export const BACKUP_FORMAT = 2;

export const MANIFEST_NAME = "backup.json";
export const CHECKSUMS_NAME = "checksums.txt";
/** Who this node is, which fleet it belongs to, and where members were last seen; the last two may be missing. */
const FIRST_FILES: readonly string[] = [
  "node.key",
  "fleet.json",
  "fleet-root.key",
  "addresses.json",
];
/**
 * What makes it a member, and an issuer; of the root what lies in the node's folder. Each may be missing. Never `invites.json`: what was used up since
 * would be open once more.
 */
export const PRIVATE_FILES: readonly string[] = [
  ...FIRST_FILES,
  AUTHORITY_FILES.statements,
  AUTHORITY_FILES.audit,
  AUTHORITY_FILES.cosign,
  AUTHORITY_FILES.issuer,
  AUTHORITY_FILES.nextRoot,
  AUTHORITY_FILES.rootStatements,
];
/** What a data directory must have to be one. */
export const NEEDED_FILES: readonly string[] = ["node.key", "fleet.json"];

/** Largest private file; an address file has at most as much. */
export const PRIVATE_FILE_BYTES_MAX: number = 4 * 1024 * 1024;
/** Bytes of the store in one part, at least all but the last. */
export const PART_BYTES: number = 1024 * 1024;

export interface BackupManifest {
  readonly format: number;
  readonly node: string;
  readonly fleet: string;
  /** When it was made, RFC 3339. */
  readonly made_at: string;
}

export function encodeManifest(manifest: BackupManifest): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(manifest, undefined, 2)}\n`);
}

/** @throws PulsemeshError `backup-damaged`, `store-newer` */
export function decodeManifest(bytes: Uint8Array): BackupManifest {
  const manifest = jsonOf(bytes);
  const { format, node, fleet, made_at: madeAt } = manifest;
  if (typeof format !== "number") throw damagedBackup(`${MANIFEST_NAME} names no format`);
  if (format > BACKUP_FORMAT) {
    throw new PulsemeshError(
      "store-newer",
      `Cannot read this backup: it has format ${format}, this release knows ${BACKUP_FORMAT}. Nothing was changed.`,
    );
  }
  if (typeof node !== "string" || typeof fleet !== "string" || typeof madeAt !== "string")
    throw damagedBackup(`${MANIFEST_NAME} does not say whose it is`);
  return { format, node, fleet, made_at: madeAt };
}

/** Private files that a backup of a format may hold. */
export function privateFilesOf({ format }: BackupManifest): readonly string[] {
  return format === 1 ? FIRST_FILES : PRIVATE_FILES;
}

/** Name of the part of the store that comes so many-th, from 1 on. */
export function partName(number: number): string {
  return `store/${String(number).padStart(6, "0")}.rows`;
}

export function damagedBackup(how: string): PulsemeshError {
  return new PulsemeshError(
    "backup-damaged",
    `This is no whole backup: ${how}. Nothing was changed.`,
  );
}

function jsonOf(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (typeof value === "object" && value !== null)
      return value as Readonly<Record<string, unknown>>;
  } catch {
    // Said below.
  }
  throw damagedBackup(`${MANIFEST_NAME} is no JSON`);
}
