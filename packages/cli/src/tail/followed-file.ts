/**
 * One open log file, read as it grows. Every read begins a little before the place that was reached and must find there what was found
 * before: so a file that was cut and written anew is noticed, even when it has grown past the old place meanwhile (logrotate's
 * `copytruncate`), and by the very read that would have gone wrong.
 */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { LINE_BYTES_MAX, LineSplitter } from "./line-splitter.ts";

/** Tells files apart whatever they are called. */
export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
}

const chunkBytes = 64 * 1024;
const knownBytes = 256;
const newline = 0x0a;

export class FollowedFile implements AsyncDisposable {
  readonly identity: FileIdentity;
  readonly #handle: FileHandle;
  readonly #chunk: Buffer = Buffer.alloc(knownBytes + chunkBytes);
  #lines = new LineSplitter();
  #at = 0;
  /** The bytes in front of `#at`. */
  #known: Buffer = Buffer.alloc(0);
  /** What was there before anybody followed, and when it was written at the latest. */
  #backlog: { readonly bytes: number; readonly changedWallMs: number } | undefined;

  constructor(handle: FileHandle, identity: FileIdentity) {
    this.#handle = handle;
    this.identity = identity;
  }

  /**
   * Opens a file to be read from its start, or from the line that is being written at its end. A `backlog` is read from its start as well, but
   * what it holds now is history: nobody knows when each line came, only that it was not after the last change.
   * @throws NotAFile, or what the file system throws
   */
  static async open(path: string, from: "start" | "backlog" | "end"): Promise<FollowedFile> {
    // Opening a pipe would wait for its writer.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const stats = await handle.stat({ bigint: true });
      if (!stats.isFile()) throw new NotAFile(path);
      const file = new FollowedFile(handle, stats);
      if (from === "end") await file.#skipTo(Number(stats.size));
      if (from === "backlog")
        file.#backlog = { bytes: Number(stats.size), changedWallMs: Number(stats.mtimeMs) };
      return file;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /**
   * Reads on. A file that was cut is read from its start.
   * @returns the lines that were completed, whether there may be more, and for lines of a backlog when they were written at the latest
   */
  async read(): Promise<{
    readonly lines: readonly string[];
    readonly more: boolean;
    readonly changedWallMs?: number | undefined;
  }> {
    const known = this.#known.length;
    const { bytesRead } = await this.#handle.read({
      buffer: this.#chunk,
      position: this.#at - known,
      length: known + chunkBytes,
    });
    const read = this.#chunk.subarray(0, bytesRead);
    if (!read.subarray(0, known).equals(this.#known)) {
      this.#startAnew();
      return { lines: [], more: true };
    }
    const fresh = read.subarray(known);
    if (fresh.length === 0) return { lines: [], more: false };
    const { bytes, changedWallMs } = this.#backlog ?? { bytes: 0, changedWallMs: undefined };
    const isOld = this.#at < bytes;
    this.#at += fresh.length;
    this.#known = Buffer.from(read.subarray(-knownBytes));
    return {
      lines: this.#lines.push(fresh),
      more: true,
      changedWallMs: isOld ? changedWallMs : undefined,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }

  #startAnew(): void {
    this.#at = 0;
    this.#backlog = undefined;
    this.#known = Buffer.alloc(0);
    this.#lines = new LineSplitter();
  }

  /** A line without its newline is still being written: it is ours once it is complete. */
  async #skipTo(size: number): Promise<void> {
    const from = Math.max(0, size - LINE_BYTES_MAX);
    const { bytesRead } = await this.#handle.read({
      buffer: this.#chunk,
      position: from,
      length: size - from,
    });
    const end = this.#chunk.subarray(0, bytesRead);
    const last = end.lastIndexOf(newline);
    const isWithoutStart = last === -1 && from > 0;
    const kept = isWithoutStart ? bytesRead : last + 1;
    this.#lines = new LineSplitter({ skipFirst: isWithoutStart });
    this.#at = from + kept;
    this.#known = Buffer.from(end.subarray(Math.max(0, kept - knownBytes), kept));
  }
}

/** A folder, a pipe or a device. */
export class NotAFile extends Error {
  constructor(path: string) {
    super(`${path} is no regular file`);
    this.name = "NotAFile";
  }
}
