/** Writes a backup: one pass, a part of the store in memory at a time. */
import { createHash } from "node:crypto";
import {
  BACKUP_FORMAT,
  CHECKSUMS_NAME,
  encodeManifest,
  MANIFEST_NAME,
  PART_BYTES,
  partName,
} from "./backup-format.ts";
import type { NodeFolder } from "./node-folder.ts";
import { RowDecoder } from "./row-frames.ts";
import { encodeTarHeader, paddingOf, TAIL_BYTES } from "./tar.ts";

/** Takes the bytes of a backup in order. */
export type BackupSink = (bytes: Uint8Array) => Promise<void>;

export interface WrittenBackup {
  readonly bytes: number;
  readonly rows: number;
}

/**
 * Writes the private files of a folder and the rows of its store, as `GET /api/v1/backup` or the store itself gives them.
 * @throws PulsemeshError `backup-damaged` when the rows break off; what was written until then is no whole backup
 */
export async function writeBackup(
  folder: NodeFolder,
  rows: AsyncIterable<Uint8Array>,
  sink: BackupSink,
  wallMs: number,
): Promise<WrittenBackup> {
  const tar = new TarWriter(sink, wallMs);
  const manifest = {
    format: BACKUP_FORMAT,
    node: folder.node,
    fleet: folder.fleet,
    made_at: new Date(wallMs).toISOString(),
  };
  await tar.add(MANIFEST_NAME, encodeManifest(manifest));
  for (const [name, bytes] of folder.files) await tar.add(name, bytes);
  const count = await writeRows(tar, rows);
  await tar.end();
  return { bytes: tar.bytes, rows: count };
}

async function writeRows(tar: TarWriter, rows: AsyncIterable<Uint8Array>): Promise<number> {
  const decoder = new RowDecoder();
  let waiting: Uint8Array[] = [];
  let bytes = 0;
  let parts = 0;
  const writePart = async (): Promise<void> => {
    parts += 1;
    const part = Buffer.concat(waiting);
    [waiting, bytes] = [[], 0];
    await tar.add(partName(parts), part);
  };
  for await (const portion of rows) {
    decoder.read(portion);
    waiting.push(portion);
    bytes += portion.length;
    if (bytes >= PART_BYTES) await writePart();
  }
  decoder.finish();
  if (bytes > 0) await writePart();
  return decoder.count;
}

class TarWriter {
  readonly #sink: BackupSink;
  readonly #wallMs: number;
  readonly #whole = createHash("sha256");
  #checksums = "";
  bytes = 0;

  constructor(sink: BackupSink, wallMs: number) {
    this.#sink = sink;
    this.#wallMs = wallMs;
  }

  async add(name: string, bytes: Uint8Array): Promise<void> {
    this.#checksums += `${createHash("sha256").update(bytes).digest("hex")}  ${name}\n`;
    await this.#write(name, bytes);
  }

  /** The list of checksums, with that of everything before it in a line that `sha256sum` passes over. */
  async end(): Promise<void> {
    const whole = this.#whole.copy().digest("hex");
    await this.#write(CHECKSUMS_NAME, new TextEncoder().encode(`${this.#checksums}# ${whole}\n`));
    await this.#put(new Uint8Array(TAIL_BYTES));
  }

  async #write(name: string, bytes: Uint8Array): Promise<void> {
    await this.#put(encodeTarHeader({ name, bytes: bytes.length }, this.#wallMs));
    await this.#put(bytes);
    await this.#put(new Uint8Array(paddingOf(bytes.length)));
  }

  async #put(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    this.#whole.update(bytes);
    this.bytes += bytes.length;
    await this.#sink(bytes);
  }
}
