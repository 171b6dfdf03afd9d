/**
 * Follows a log by its name, as `tail -F` does: through rotation, truncation, and times at which there is no such file. It looks four times
 * a second instead of asking the system for notices: those do not come on network file systems, and differ in what they say about a rename.
 */
import { stat } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { type FileIdentity, FollowedFile, NotAFile } from "./followed-file.ts";

/** Rotated files that are still read, as their writers may not know yet; of more the oldest is closed. */
export const ROTATED_FILES_MAX: number = 4;

/** How long a rotated file must be quiet before it is closed. */
const rotatedQuietMs = 5_000;
const lookEveryMs = 250;
const readsAtOnce = 16;

export interface FollowOptions {
  readonly path: string;
  /** Where to begin in the file that is there at the start; later ones are read from their start. */
  readonly from: "start" | "end";
  /** Reading waits for it. `changedWallMs`: these were there before, and written by then at the latest. */
  readonly onLines: (
    lines: readonly string[],
    changedWallMs: number | undefined,
  ) => void | Promise<void>;
  /** For people: that the file is not there, that it came, that it was rotated. */
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
  /** Waits between two looks; a parameter for tests. */
  readonly pause?: ((ms: number) => Promise<void>) | undefined;
  readonly monoMs?: (() => number) | undefined;
}

interface Rotated {
  readonly file: FollowedFile;
  activeMs: number;
}

/**
 * Hands over lines until the signal says stop.
 * @throws NotAFile when something else is at the path at the start
 */
export async function followFile(options: FollowOptions): Promise<void> {
  const follower = new FileFollower(options);
  const pause =
    options.pause ??
    ((ms: number) => wait(ms, undefined, { signal: options.signal }).catch(() => undefined));
  try {
    while (!options.signal.aborted) {
      const more = await follower.look();
      if (!more) await pause(lookEveryMs);
    }
  } finally {
    await follower.close();
  }
}

class FileFollower {
  readonly #options: FollowOptions;
  readonly #monoMs: () => number;
  readonly #rotated: Rotated[] = [];
  #current: FollowedFile | undefined;
  #looked = false;
  /** There was no file of this name: whatever comes is new from its first line on. */
  #wasMissing = false;
  #trouble = "";
  #readTrouble = "";

  constructor(options: FollowOptions) {
    this.#options = options;
    this.#monoMs = options.monoMs ?? (() => performance.now());
  }

  /** Reads what there is; true when there may be more at once. */
  async look(): Promise<boolean> {
    let more = false;
    for (const rotated of this.#rotated.slice()) {
      if (await this.#read(rotated.file)) {
        rotated.activeMs = this.#monoMs();
        more = true;
      } else if (this.#monoMs() - rotated.activeMs > rotatedQuietMs) await this.#drop(rotated);
    }
    if (this.#current !== undefined) more = (await this.#read(this.#current)) || more;
    const opened = await this.#followName();
    this.#looked = true;
    return more || opened;
  }

  async close(): Promise<void> {
    for (const rotated of this.#rotated.slice()) await this.#drop(rotated);
    await this.#current?.[Symbol.asyncDispose]();
    this.#current = undefined;
  }

  async #read(file: FollowedFile): Promise<boolean> {
    for (let at = 0; at < readsAtOnce; at++) {
      const { lines, more, changedWallMs } = await this.#readOnce(file);
      if (lines.length > 0) await this.#options.onLines(lines, changedWallMs);
      if (!more) return false;
      if (this.#options.signal.aborted) return true;
    }
    return true;
  }

  /** What a disk or a network cannot give now it may give later; meanwhile another file may come by the name. */
  async #readOnce(file: FollowedFile): ReturnType<FollowedFile["read"]> {
    try {
      const part = await file.read();
      this.#readTrouble = "";
      return part;
    } catch (error) {
      const trouble = error instanceof Error ? error.message : "unreadable";
      if (trouble !== this.#readTrouble) {
        this.#options.say(`cannot read ${this.#options.path}, trying again: ${trouble}`);
      }
      this.#readTrouble = trouble;
      return { lines: [], more: false };
    }
  }

  /** Whether another file than the one that is read bears the name now, and is open. */
  async #followName(): Promise<boolean> {
    const { path, from, say } = this.#options;
    try {
      const found = await identityOf(path);
      if (found === undefined) {
        this.#wasMissing = true;
        if (this.#current === undefined)
          this.#sayOnce(`waiting for ${path}: there is no such file`);
        return false;
      }
      if (this.#current !== undefined && isSame(found, this.#current.identity)) return false;
      const isNew = this.#current !== undefined || this.#wasMissing;
      const first = from === "start" ? "backlog" : from;
      const file = await FollowedFile.open(path, isNew ? "start" : first);
      if (this.#current !== undefined) {
        say(`${path} was rotated: reading the new file, and the old one to its end`);
        await this.#rotate(this.#current);
      } else if (this.#trouble !== "") say(`${path} is there now`);
      this.#trouble = "";
      this.#current = file;
      return true;
    } catch (error) {
      if (error instanceof NotAFile && !this.#looked) throw error;
      this.#sayOnce(
        `waiting for ${path}: ${error instanceof Error ? error.message : "unreadable"}`,
      );
      return false;
    }
  }

  async #rotate(file: FollowedFile): Promise<void> {
    this.#rotated.push({ file, activeMs: this.#monoMs() });
    const [oldest] = this.#rotated;
    if (this.#rotated.length > ROTATED_FILES_MAX && oldest !== undefined) await this.#drop(oldest);
  }

  async #drop(rotated: Rotated): Promise<void> {
    this.#rotated.splice(this.#rotated.indexOf(rotated), 1);
    await rotated.file[Symbol.asyncDispose]();
  }

  #sayOnce(trouble: string): void {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    this.#options.say(trouble);
  }
}

async function identityOf(path: string): Promise<FileIdentity | undefined> {
  try {
    return await stat(path, { bigint: true });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function isSame(a: FileIdentity, b: FileIdentity): boolean {
  return a.ino === b.ino && a.dev === b.dev;
}
