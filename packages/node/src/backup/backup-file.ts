/** The file that a backup is written to: aside and for its owner alone, and in place only when it is whole and on disk. */
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, lstat, open, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { PulsemeshError } from "@pulsemesh/core";
import { syncDirectory } from "../keys/private-file.ts";
import type { BackupSink } from "./write-backup.ts";

export interface BackupDraft {
  readonly write: BackupSink;
  /** Puts the whole file in place of whatever had its name. */
  finish(): Promise<void>;
  /** Leaves nothing behind. */
  discard(): Promise<void>;
}

/** @throws PulsemeshError `backup-unwritable`, also by its functions; so for what is no plain file, as that would be replaced by one */
export async function openBackupFile(path: string): Promise<BackupDraft> {
  const target = await orUnwritable(path, () => plainFileAt(resolve(path)));
  const draft = `${target}.${randomBytes(4).toString("hex")}.part`;
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
  const file = await orUnwritable(path, () => open(draft, flags, 0o600));
  return {
    write: (bytes) => orUnwritable(path, () => writeAll(file, bytes)),
    finish: () =>
      orUnwritable(path, async () => {
        await file.sync();
        await file.close();
        await rename(draft, target);
        syncDirectory(dirname(target));
      }),
    discard: async () => {
      await file.close().catch(() => undefined);
      await rm(draft, { force: true });
    },
  };
}

/** Where a file of this name is, or will be: links are followed. */
async function plainFileAt(path: string): Promise<string> {
  if ((await lstat(path).catch(ifAny)) === undefined) return path;
  const target = await realpath(path);
  if (!(await stat(target)).isFile())
    throw new Error("it is no plain file, and would be replaced by one; backup - writes to stdout");
  return target;
}

function ifAny(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, at);
    at += bytesWritten;
  }
}

async function orUnwritable<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new PulsemeshError(
      "backup-unwritable",
      `Cannot write ${path}: ${cause instanceof Error ? cause.message : String(cause)}. Nothing was changed.`,
      { cause },
    );
  }
}
