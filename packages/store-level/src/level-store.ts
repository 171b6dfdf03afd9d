/**
 * The store on LevelDB. Three ideas:
 * - every commit is synced before it is acknowledged, in groups (`group-commit.ts`);
 * - every value carries a checksum (`record-frame.ts`); a row that fails it is moved aside under `quarantine/`, reported, and
 *   the rest loads;
 * - damage inside LevelDB's own files is repaired where it is met, once per reading, and reported (`level-database.ts`).
 *
 * Layout of the data directory: `store/` belongs to LevelDB, `pid` names the holder. Inside LevelDB, rows live under `data/`,
 * corrupt ones under `quarantine/`, and `meta/format` names the version of this layout.
 */
import { closeSync, fsyncSync, openSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type CorruptRow,
  PulsemeshError,
  type Store,
  type StoreOp,
  type StoreRange,
  type StoreRow,
} from "@pulsemesh/core";
import { prepareDataDirectory } from "./data-directory.ts";
import { GroupCommit } from "./group-commit.ts";
import {
  type Database,
  openDatabase,
  type OpenedDatabase,
  type PhysicalRange,
} from "./level-database.ts";
import { holderPid, removePidFile, writePidFile } from "./pid-file.ts";
import { frameValue, unframeValue } from "./record-frame.ts";
import {
  errorCode,
  isCorruption,
  lockedError,
  openError,
  readError,
  rootCause,
} from "./store-error.ts";

export interface LevelStoreOptions {
  /** The node's data directory; created with mode 0700 when missing, else left as it is. */
  readonly dir: string;
  /**
   * False acknowledges commits that are not on disk yet. Only for the tests that show what the sync is for.
   * @default true
   */
  readonly sync?: boolean | undefined;
}

export interface LevelStoreDeps {
  readonly openDatabase: (location: string, repairFirst: boolean) => Promise<OpenedDatabase>;
}

/** Version of the layout that this release reads and writes. */
const STORE_FORMAT = 1;
/** Corrupt rows that are remembered at most; further ones are quarantined all the same. */
export const CORRUPT_REPORTED_MAX: number = 1_000;
/** Repairs during one reading at most; then the reading fails. */
export const SCAN_REPAIRS_MAX: number = 3;

const DATA = "data/";
const QUARANTINE = "quarantine/";
const FORMAT_KEY = "meta/format";
/** A holder writes its pid just after taking the lock: how often to look for it, and how long to wait between. */
const PID_READS_MAX = 4;
const PID_READ_EVERY_MS = 25;

/** The durable store of one node. Nothing is opened before `open()`. */
export function createLevelStore(options: LevelStoreOptions): Store {
  return new LevelStore({ openDatabase }, options);
}

/** See {@link createLevelStore}; tests hand in a database that fails. */
export class LevelStore implements Store {
  readonly #deps: LevelStoreDeps;
  readonly #dir: string;
  readonly #sync: boolean;
  readonly #corrupt: CorruptRow[] = [];
  #database: Database | undefined;
  #commits: GroupCommit | undefined;
  #opening: Promise<void> | undefined;
  #repairing: Promise<void> | undefined;
  #damaged = false;
  /** Grows with every reopening, so that a reading can tell that its iterator was ended by one. */
  #generation = 0;

  constructor(deps: LevelStoreDeps, options: LevelStoreOptions) {
    this.#deps = deps;
    this.#dir = options.dir;
    this.#sync = options.sync ?? true;
  }

  get corrupt(): readonly CorruptRow[] {
    return this.#corrupt;
  }

  open(): Promise<void> {
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  commit(ops: readonly StoreOp[]): Promise<void> {
    if (this.#commits === undefined) return Promise.reject(notOpen());
    const physical = ops.map((op): StoreOp =>
      op.type === "put"
        ? { type: "put", key: DATA + op.key, value: frameValue(op.key, op.value) }
        : { type: "del", key: DATA + op.key },
    );
    return this.#commits.commit(physical);
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const bytes = await this.#read((database) => database.get(DATA + key));
    return bytes === undefined ? undefined : this.#unframe(key, bytes);
  }

  async *scan(range: StoreRange): AsyncIterable<StoreRow> {
    let rest: PhysicalRange = {
      gte: DATA + range.gte,
      lt: DATA + range.lt,
      reverse: range.reverse,
    };
    let left = range.limit ?? Number.POSITIVE_INFINITY;
    for (let repairs = 0; left > 0;) {
      const generation = this.#generation;
      const database = await this.#openDatabase();
      try {
        for await (const [physicalKey, bytes] of database.rows(rest)) {
          rest =
            range.reverse === true
              ? { ...rest, lt: physicalKey }
              : { ...rest, gte: `${physicalKey}\0` };
          const key = physicalKey.slice(DATA.length);
          const value = this.#unframe(key, bytes);
          if (value === undefined) continue;
          yield { key, value };
          left -= 1;
          if (left <= 0) return;
        }
        return;
      } catch (error) {
        repairs += 1;
        await this.#recoverRead(error, generation, repairs);
      }
    }
  }

  async close(): Promise<void> {
    await this.#opening?.catch(() => undefined);
    const commits = this.#commits;
    this.#commits = undefined;
    await commits?.idle();
    await this.#repairing?.catch(() => undefined);
    const database = this.#database;
    if (database === undefined) return;
    this.#database = undefined;
    this.#generation += 1;
    removePidFile(this.#dir);
    await database.close();
  }

  async #open(): Promise<void> {
    if (this.#database !== undefined && this.#commits?.failure === undefined) return;
    if (this.#database !== undefined) await this.close();
    prepareDataDirectory(this.#dir);
    await this.#openFiles();
    try {
      await this.#checkFormat();
      writePidFile(this.#dir);
    } catch (error) {
      await this.#database?.close();
      this.#database = undefined;
      throw error;
    }
    this.#commits = new GroupCommit((ops) => this.#write(ops));
  }

  async #openFiles(): Promise<void> {
    const location = join(this.#dir, "store");
    try {
      const { database, findings } = await this.#deps.openDatabase(location, this.#damaged);
      this.#database = database;
      this.#damaged = false;
      this.#generation += 1;
      for (const finding of findings) this.#report(finding);
    } catch (error) {
      if (errorCode(rootCause(error)) === "LEVEL_LOCKED")
        throw lockedError(this.#dir, await findHolder(this.#dir), error);
      throw openError(this.#dir, error);
    }
  }

  async #checkFormat(): Promise<void> {
    const bytes = await this.#read((database) => database.get(FORMAT_KEY));
    if (bytes === undefined) {
      const value = new TextEncoder().encode(String(STORE_FORMAT));
      await this.#database?.write([{ type: "put", key: FORMAT_KEY, value }], this.#sync);
      syncDirectory(this.#dir);
      return;
    }
    const format = Number(new TextDecoder().decode(bytes));
    if (format > STORE_FORMAT) {
      throw new PulsemeshError(
        "store-newer",
        `Cannot open the store in ${this.#dir}: it has format ${format}, this release knows ${STORE_FORMAT}. Nothing was changed; install the newer release.`,
      );
    }
  }

  async #write(ops: readonly StoreOp[]): Promise<void> {
    const database = await this.#openDatabase();
    try {
      await database.write(ops, this.#sync);
    } catch (error) {
      // LevelDB takes no more writes after a compaction that met damage: the next opening must repair.
      if (isCorruption(error)) this.#damaged = true;
      throw error;
    }
  }

  async #read<T>(read: (database: Database) => Promise<T>): Promise<T> {
    for (let repairs = 1; ; repairs++) {
      const generation = this.#generation;
      const database = await this.#openDatabase();
      try {
        return await read(database);
      } catch (error) {
        await this.#recoverRead(error, generation, repairs);
      }
    }
  }

  /** After a failed read: returns when it is worth trying again. */
  async #recoverRead(error: unknown, generation: number, repairs: number): Promise<void> {
    if (repairs > SCAN_REPAIRS_MAX) {
      throw readError(error);
    } else if (
      this.#repairing !== undefined ||
      (generation !== this.#generation && this.#database !== undefined)
    ) {
      // Somebody else's repair ended this reading.
      await this.#repairing;
    } else if (isCorruption(error)) {
      this.#repairing = this.#repair().finally(() => {
        this.#repairing = undefined;
      });
      await this.#repairing;
    } else {
      throw error instanceof PulsemeshError ? error : readError(error);
    }
  }

  async #repair(): Promise<void> {
    this.#damaged = true;
    await this.#database?.close();
    this.#database = undefined;
    await this.#openFiles();
  }

  async #openDatabase(): Promise<Database> {
    await this.#repairing;
    if (this.#database === undefined) throw notOpen();
    return this.#database;
  }

  #unframe(key: string, bytes: Uint8Array): Uint8Array | undefined {
    const result = unframeValue(key, bytes);
    if (result.ok) return result.value;
    this.#report({ key, reason: result.reason });
    this.#quarantine(key, bytes);
    return undefined;
  }

  /** Moves the row aside, unless it was overwritten meanwhile. That it could not be moved harms nobody: it stays unreadable. */
  #quarantine(key: string, corrupt: Uint8Array): void {
    const prepare = async (): Promise<readonly StoreOp[]> => {
      const now = await (await this.#openDatabase()).get(DATA + key);
      if (now === undefined || Buffer.compare(now, corrupt) !== 0) return [];
      return [
        { type: "put", key: QUARANTINE + key, value: corrupt },
        { type: "del", key: DATA + key },
      ];
    };
    void this.#commits?.commit([], prepare).catch(() => undefined);
  }

  #report(finding: CorruptRow): void {
    const known = this.#corrupt.some(
      (row) => row.key === finding.key && row.reason === finding.reason,
    );
    if (!known && this.#corrupt.length < CORRUPT_REPORTED_MAX) this.#corrupt.push(finding);
  }
}

function notOpen(): PulsemeshError {
  return new PulsemeshError(
    "store-failed",
    "Cannot use the store as it is not open. Nothing was changed; open it first.",
  );
}

/** Makes the names of new files in a directory durable; systems that cannot sync a directory need no such call. */
function syncDirectory(dir: string): void {
  if (process.platform === "win32") return;
  const file = openSync(dir, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

async function findHolder(dir: string): Promise<number | undefined> {
  for (let reads = 1; ; reads++) {
    const pid = holderPid(dir);
    if (pid !== undefined || reads >= PID_READS_MAX) return pid;
    await sleep(PID_READ_EVERY_MS);
  }
}
