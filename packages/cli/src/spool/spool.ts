/**
 * Beats that no node took, kept on disk with their own time until one does. One small file each, written aside, synced and renamed: so a
 * command may exit 0 for a beat that is in here (promise P5), and any number of commands may add at once without a lock.
 */
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { openFolder, syncFolder } from "./spool-folder.ts";
import {
  decodeBeat,
  encodeBeat,
  entryOf,
  nameOf,
  type SpooledBeat,
  SPOOLED_BEAT_BYTES_MAX,
  type SpoolEntry,
} from "./spooled-beat.ts";

/** Beats that wait, of all robots and nodes together; of more the oldest go. */
export const SPOOL_BEATS_MAX: number = 1_000;
/** Their bytes. */
export const SPOOL_BYTES_MAX: number = 4 * 1024 * 1024;
/** Beats that cannot be delivered and are kept for people to look at; of more the oldest go. */
export const SPOOL_ASIDE_MAX: number = 100;

const fileMode = 0o600;
const asideEnd = ".aside";
const unfinishedStart = ".new-";
const unfinishedMs = 3_600_000;
/** A pipe would wait for its writer, and a link leads away from what was kept. */
const readFlags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0);
/** This process has too much open: the file may be in order. */
const ownFaults: ReadonlySet<unknown> = new Set(["EMFILE", "ENFILE", "ENOMEM"]);

/** Writes a file and makes its content durable; a parameter, so that tests can have a full disk. */
export type WriteDurably = (path: string, text: string) => Promise<void>;

export class Spool {
  readonly folder: string;
  readonly #write: WriteDurably;

  constructor(folder: string, write: WriteDurably = writeDurably) {
    this.folder = folder;
    this.#write = write;
  }

  /**
   * Keeps a beat; it is durable when this resolves. An older plain beat of the same robot at the same node has said nothing more and goes.
   * @returns the reports and beats that had to go because the spool is full, the oldest first
   * @throws what the file system throws; nothing is left of the beat then
   */
  async keep(beat: SpooledBeat): Promise<readonly SpoolEntry[]> {
    await openFolder(this.folder);
    const text = encodeBeat(beat);
    const name = nameOf(beat, Buffer.byteLength(text));
    const aside = join(
      this.folder,
      `${unfinishedStart}${process.pid}-${randomBytes(6).toString("hex")}`,
    );
    const path = join(this.folder, name);
    try {
      await this.#write(aside, text);
      await rename(aside, path);
      await syncFolder(this.folder);
    } catch (error) {
      for (const left of [aside, path]) await rm(left, { force: true }).catch(() => {});
      throw error;
    }
    // The beat is durable: what is wrong with others is no reason to say that it is not.
    return await this.#makeRoom(name).catch(() => []);
  }

  /** What waits, the oldest first; of one node, or of all. An unknown folder is an empty one. */
  async list(urlKey?: string): Promise<readonly SpoolEntry[]> {
    const names = await this.#names();
    return names
      .flatMap((name) => entryOf(name) ?? [])
      .filter((entry) => urlKey === undefined || entry.urlKey === urlKey);
  }

  /** Names of the files that were set aside. */
  async asides(): Promise<readonly string[]> {
    return (await this.#names()).filter((name) => name.endsWith(asideEnd));
  }

  /** The beat; `gone` when somebody else delivered it meanwhile; `damaged` when its file is not what was written. */
  async read({ name }: Pick<SpoolEntry, "name">): Promise<SpooledBeat | "gone" | "damaged"> {
    try {
      const text = await readRegular(join(this.folder, name));
      return text === undefined ? "damaged" : (decodeBeat(text) ?? "damaged");
    } catch (error) {
      const code = codeOf(error);
      if (ownFaults.has(code)) throw error;
      return code === "ENOENT" ? "gone" : "damaged";
    }
  }

  async remove({ name }: Pick<SpoolEntry, "name">): Promise<void> {
    await rm(join(this.folder, name), { force: true, recursive: true });
  }

  /** Takes a file out of the way that must not hold up the others, and keeps it for people. */
  async setAside({ name }: Pick<SpoolEntry, "name">): Promise<void> {
    const path = join(this.folder, name);
    await rename(path, path + asideEnd).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
    });
    const asides = await this.asides();
    for (const old of asides.slice(0, -SPOOL_ASIDE_MAX)) await this.remove({ name: old });
  }

  /** Removes everything that waits or was set aside; returns how many files. */
  async clear(): Promise<number> {
    const names = [...(await this.list()).map(({ name }) => name), ...(await this.asides())];
    for (const name of names) await this.remove({ name });
    return names.length;
  }

  async #names(): Promise<readonly string[]> {
    let names: string[];
    try {
      names = await readdir(this.folder);
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
    return names.toSorted();
  }

  async #makeRoom(kept: string): Promise<readonly SpoolEntry[]> {
    await this.#removeUnfinished();
    const mine = entryOf(kept);
    let entries = await this.list();
    if (mine?.plain === true) {
      const said = entries.filter(
        ({ name, plain, robot, urlKey }) =>
          plain && name < kept && robot === mine.robot && urlKey === mine.urlKey,
      );
      for (const entry of said) await this.remove(entry);
      entries = entries.filter((entry) => !said.includes(entry));
    }
    let bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
    let count = entries.length;
    const dropped: SpoolEntry[] = [];
    for (const entry of entries) {
      if (count <= SPOOL_BEATS_MAX && bytes <= SPOOL_BYTES_MAX) break;
      if (entry.name === kept) continue;
      await this.remove(entry);
      dropped.push(entry);
      count -= 1;
      bytes -= entry.bytes;
    }
    return dropped;
  }

  /** What a process that was killed in the middle of writing has left. */
  async #removeUnfinished(): Promise<void> {
    const before = Date.now() - unfinishedMs;
    for (const name of await this.#names()) {
      if (!name.startsWith(unfinishedStart)) continue;
      const { mtimeMs } = await stat(join(this.folder, name)).catch(() => ({ mtimeMs: 0 }));
      if (mtimeMs < before) await this.remove({ name });
    }
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const handle = await open(path, "wx", fileMode);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Undefined for what no spool wrote. */
async function readRegular(path: string): Promise<string | undefined> {
  const handle = await open(path, readFlags);
  try {
    const stats = await handle.stat();
    if (!stats.isFile() || stats.size > SPOOLED_BEAT_BYTES_MAX) return undefined;
    return await handle.readFile("utf8");
  } finally {
    await handle.close();
  }
}

function isMissing(error: unknown): boolean {
  return codeOf(error) === "ENOENT";
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
