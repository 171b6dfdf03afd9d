/**
 * Reads a backup from its beginning to its end and believes nothing before it has seen the checksum of it: first all of it is verified, then
 * it may be read again. What is wrong is named with its place.
 */
import { createHash, type Hash } from "node:crypto";
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { PulsemeshError, type StoreRow } from "@pulsemesh/core";
import {
  type BackupManifest,
  CHECKSUMS_NAME,
  damagedBackup,
  decodeManifest,
  MANIFEST_NAME,
  NEEDED_FILES,
  PART_BYTES,
  partName,
  PRIVATE_FILE_BYTES_MAX,
  privateFilesOf,
} from "./backup-format.ts";
import { ROW_BYTES_MAX, RowDecoder } from "./row-frames.ts";
import { BLOCK_BYTES, decodeTarHeader, paddingOf, TAIL_BYTES } from "./tar.ts";

/** Largest list of checksums: of a store of 100 GB. */
export const CHECKSUMS_BYTES_MAX: number = 16 * 1024 * 1024;

/** Of a line of the list: a SHA-256 in hex and two spaces, then comes the name. */
const CHECKSUM_CHARACTERS = 66;

export interface BackupContent {
  readonly manifest: BackupManifest;
  readonly rows: number;
  /** Format of the rows. */
  readonly rowsFormat: number;
  readonly bytes: number;
  /** Private files that it holds. */
  readonly files: readonly string[];
}

/** Is handed what a backup holds, in order. Nothing of it is verified before {@link readBackup} has returned. */
export interface BackupVisitor {
  file?(name: string, bytes: Uint8Array): void;
  rows?(rows: readonly StoreRow[]): Promise<void>;
}

/**
 * Reads the whole file.
 * @throws PulsemeshError `backup-damaged` with the place, `store-newer`
 */
export async function readBackup(
  path: string,
  visitor: BackupVisitor = {},
): Promise<BackupContent> {
  const file = new BackupFile(path);
  try {
    const content = await readEntries(file, visitor);
    file.readTail();
    return { ...content, bytes: file.position };
  } finally {
    file.close();
  }
}

async function readEntries(
  file: BackupFile,
  visitor: BackupVisitor,
): Promise<Omit<BackupContent, "bytes">> {
  let checksums = "";
  let manifest: BackupManifest | undefined;
  let parts = 0;
  const files: string[] = [];
  const taken = new TakenRows();
  for (;;) {
    const before = file.digest();
    const { name, bytes } = file.readEntry();
    if (name === CHECKSUMS_NAME) {
      compareChecksums(new TextDecoder().decode(bytes), checksums, before);
      break;
    }
    checksums += `${createHash("sha256").update(bytes).digest("hex")}  ${name}\n`;
    if (manifest === undefined) {
      if (name !== MANIFEST_NAME) throw damagedBackup(`it begins with ${name}`);
      manifest = decodeManifest(bytes);
    } else if (privateFilesOf(manifest).includes(name) && !files.includes(name) && parts === 0) {
      files.push(name);
      visitor.file?.(name, bytes);
    } else if (name === partName(parts + 1)) {
      parts += 1;
      await taken.take(bytes, visitor);
    } else throw damagedBackup(`${name} has no place in it`);
  }
  const { count: rows, format: rowsFormat } = taken.finish();
  const missing = NEEDED_FILES.find((name) => !files.includes(name));
  if (manifest === undefined || missing !== undefined)
    throw damagedBackup(`${missing ?? MANIFEST_NAME} is missing`);
  return { manifest, rows, rowsFormat, files };
}

/** The rows of the parts. What is wrong with them waits until the checksums have been compared, which say in which part it is. */
class TakenRows {
  readonly #rows = new RowDecoder();
  #fault: Error | undefined;

  async take(part: Uint8Array, visitor: BackupVisitor): Promise<void> {
    if (this.#fault !== undefined) return;
    let rows: readonly StoreRow[];
    try {
      rows = this.#rows.read(part);
    } catch (error) {
      this.#fault = error instanceof Error ? error : new Error(String(error));
      return;
    }
    await visitor.rows?.(rows);
  }

  finish(): { readonly count: number; readonly format: number } {
    if (this.#fault !== undefined) throw this.#fault;
    this.#rows.finish();
    const { count, format = 0 } = this.#rows;
    return { count, format };
  }
}

/** Names the first file whose checksum is another one. */
function compareChecksums(given: string, found: string, whole: string): void {
  const lines = given.split("\n");
  const wrong = found.split("\n").find((line, at) => line !== "" && line !== lines[at]);
  if (wrong !== undefined) throw damagedBackup(`${wrong.slice(CHECKSUM_CHARACTERS)} was changed`);
  if (given !== `${found}# ${whole}\n`)
    throw damagedBackup(`${CHECKSUMS_NAME} does not fit what is before it`);
}

class BackupFile {
  readonly #fd: number;
  readonly #hash: Hash = createHash("sha256");
  position = 0;

  constructor(path: string) {
    try {
      if (statSync(path).isDirectory()) throw new Error("it is a directory");
      this.#fd = openSync(path, "r");
    } catch (cause) {
      throw new PulsemeshError(
        "option-invalid",
        `Cannot read ${path}: ${cause instanceof Error ? cause.message : String(cause)}. Nothing was changed.`,
        { cause },
      );
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** SHA-256 of everything read so far. */
  digest(): string {
    return this.#hash.copy().digest("hex");
  }

  readEntry(): { readonly name: string; readonly bytes: Uint8Array } {
    const at = this.position;
    const header = decodeTarHeader(this.#read(BLOCK_BYTES, "the next file"));
    if (header === undefined) throw damagedBackup(`no file begins at byte ${at}`);
    const { name, bytes } = header;
    if (bytes > bytesMaxOf(name)) throw damagedBackup(`${name} at byte ${at} is too long`);
    const content = this.#read(bytes, name);
    const padding = this.#read(paddingOf(bytes), name);
    if (padding.some((byte) => byte !== 0)) throw damagedBackup(`${name} was changed at its end`);
    return { name, bytes: content };
  }

  /** Two empty blocks and nothing else. */
  readTail(): void {
    const at = this.position;
    const tail = this.#read(TAIL_BYTES, "its end");
    if (tail.some((byte) => byte !== 0) || readSync(this.#fd, new Uint8Array(1)) !== 0)
      throw damagedBackup(`there is more behind byte ${at}`);
  }

  #read(length: number, what: string): Uint8Array {
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const count = readSync(this.#fd, bytes, filled, length - filled, null);
      if (count === 0)
        throw damagedBackup(`it is cut at byte ${this.position + filled}, within ${what}`);
      filled += count;
    }
    this.position += length;
    this.#hash.update(bytes);
    return bytes;
  }
}

function bytesMaxOf(name: string): number {
  if (name === CHECKSUMS_NAME) return CHECKSUMS_BYTES_MAX;
  return name.startsWith("store/") ? PART_BYTES + 2 * ROW_BYTES_MAX : PRIVATE_FILE_BYTES_MAX;
}
