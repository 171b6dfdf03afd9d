/**
 * The store on LevelDB. Three ideas:
 * - every commit is synced before it is acknowledged, in groups (`group-commit.ts`);
 * - every value carries a checksum (`record-frame.ts`); a row that fails it is moved aside under `quarantine/`, reported, and
 *   the rest loads;
 * - damage inside LevelDB's own files is repaired where it is met, once per reading, and reported (`level-database.ts`).
 *
 * Layout of the data directory: `store/` belongs to LevelDB, `pid` names the holder, `format.json` says the format in advance. Inside
 * LevelDB, rows live under `data/`, corrupt ones under `quarantine/`, and `meta/format` is the version of rows and layout.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type CorruptRow,
  type Migration,
  MIGRATION_BYTES_MAX,
  MIGRATIONS,
  PulsemeshError,
  STORE_FORMAT,
  type Store,
  type StoreOp,
  type StoreRange,
  type StoreRow,
} from "@pulsemesh/core";
import { prepareDataDirectory } from "./data-directory.ts";
import { readFormatNote, writeFormatNote } from "./format-file.ts";
import { GroupCommit } from "./group-commit.ts";
import {
  type Database,
  openDatabase,
  type OpenedDatabase,
  type PhysicalRange,
} from "./level-database.ts";
import { plannedOps } from "./migrate.ts";
import { holderPid, removePidFile, writePidFile } from "./pid-file.ts";
import { Quarantine, QUARANTINE_ROWS_MAX } from "./quarantine.ts";
import { frameValue, unframeValue } from "./record-frame.ts";
import {
  errorCode,
  isCorruption,
  isDiskFull,
  lockedError,
  newerError,
  openError,
  readError,
  rootCause,
} from "./store-error.ts";
import { syncDirectory } from "./sync-directory.ts";

export interface LevelStoreOptions {
  /** The node's data directory; created with mode 0700 when missing, else left as it is. */
  readonly dir: string;
  /** This release, such as `pulsemesh/0.2.0`: others name it where they find a store that they must not open. Absent: who wrote it last stays named. */
  readonly release?: string | undefined;
  /**
   * Leaves a store of this earlier format in it, for who only reads; a later one is refused.
   * @default this release's
   */
  readonly format?: number | undefined;
  /**
   * False acknowledges commits that are not on disk yet. Only for the tests that show what the sync is for.
   * @default true
   */
  readonly sync?: boolean | undefined;
}

export interface LevelStoreDeps {
  readonly openDatabase: (location: string, repairFirst: boolean) => Promise<OpenedDatabase>;
  /** Formats other than this release's, for tests. */
  readonly format?:
    | {
        readonly current: number;
        readonly migrations: readonly Migration[];
        readonly bytesMax?: number | undefined;
      }
    | undefined;
}

/** Of whoever only looks. */
const RELEASE_UNKNOWN = "pulsemesh";
/** Corrupt rows that are remembered at most; further ones are moved aside all the same. */
export const CORRUPT_REPORTED_MAX: number = 1_000;
/** Repairs during one reading at most; then the reading fails. */
export const SCAN_REPAIRS_MAX: number = 3;

const DATA = "data/";
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
  readonly #release: string | undefined;
  readonly #keptFormat: number | undefined;
  readonly #corrupt: CorruptRow[] = [];
  #database: Database | undefined;
  #commits: GroupCommit | undefined;
  #quarantine = new Quarantine();
  /** Unreadable rows as found, that wait for being moved aside. */
  readonly #spoiled = new Map<string, Uint8Array>();
  /** By earlier openings of this store. */
  #discardedBefore = 0;
  #opening: Promise<void> | undefined;
  /** What ended it, or kept it from being opened: readers hear of the full disk, and not that nobody opened the store. */
  #whyClosed: PulsemeshError | undefined;
  #repairing: Promise<void> | undefined;
  #damaged = false;
  /** Grows with every reopening, so that a reading can tell that its iterator was ended by one. */
  #generation = 0;

  constructor(deps: LevelStoreDeps, options: LevelStoreOptions) {
    this.#deps = deps;
    this.#dir = options.dir;
    this.#sync = options.sync ?? true;
    this.#release = options.release;
    this.#keptFormat = options.format;
  }

  get corrupt(): readonly CorruptRow[] {
    return this.#corrupt;
  }

  get discarded(): number {
    return this.#discardedBefore + this.#quarantine.discarded;
  }

  open(): Promise<void> {
    this.#opening ??= this.#open()
      .then(
        () => (this.#whyClosed = undefined),
        (error: unknown) => {
          if (error instanceof PulsemeshError) this.#whyClosed = error;
          throw error;
        },
      )
      .finally(() => {
        this.#opening = undefined;
      });
    return this.#opening;
  }

  commit(ops: readonly StoreOp[]): Promise<void> {
    if (this.#commits === undefined) return Promise.reject(this.#whyClosed ?? notOpen());
    return this.#commits.commit(ops.map(physicalOp));
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
    this.#whyClosed = this.#commits?.failure ?? this.#whyClosed;
    if (this.#database !== undefined) await this.close();
    // Before anything else: LevelDB would rewrite its files.
    const note = readFormatNote(this.#dir);
    if (note !== undefined && note.format > this.#format) throw this.#newer(note.format);
    prepareDataDirectory(this.#dir);
    await this.#openFiles();
    try {
      await this.#checkFormat();
      writePidFile(this.#dir);
    } catch (error) {
      await this.#database?.close();
      this.#database = undefined;
      throw isDiskFull(error) ? openError(this.#dir, error) : error;
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
      this.#discardedBefore = this.discarded;
      this.#quarantine = new Quarantine();
      for (const finding of findings) this.#report(finding);
    } catch (error) {
      if (errorCode(rootCause(error)) === "LEVEL_LOCKED")
        throw lockedError(this.#dir, await findHolder(this.#dir), error);
      throw openError(this.#dir, error);
    }
  }

  get #format(): number {
    return this.#keptFormat ?? this.#deps.format?.current ?? STORE_FORMAT;
  }

  async #checkFormat(): Promise<void> {
    const bytes = await this.#read((database) => database.get(FORMAT_KEY));
    const found = bytes === undefined ? undefined : this.#formatOf(bytes);
    if (found !== undefined && found > this.#format) throw this.#newer(found);
    if (found !== this.#format) await this.#bringToFormat(found);
    this.#noteFormat();
  }

  /** A damaged number: the hint beside the store, or the oldest, as each step leaves alone what it has changed before. */
  #formatOf(bytes: Uint8Array): number {
    const format = Number(new TextDecoder().decode(bytes));
    return Number.isSafeInteger(format) ? format : (readFormatNote(this.#dir)?.format ?? 1);
  }

  /** A fresh store has no rows to migrate. */
  async #bringToFormat(from: number | undefined): Promise<void> {
    const { migrations = MIGRATIONS, bytesMax = MIGRATION_BYTES_MAX } = this.#deps.format ?? {};
    const plan = { migrations, from: from ?? this.#format, to: this.#format, bytesMax };
    const ops = await plannedOps(plan, (range) => this.scan(range));
    const value = new TextEncoder().encode(String(this.#format));
    await this.#database?.write(
      [...ops.map(physicalOp), { type: "put", key: FORMAT_KEY, value }],
      this.#sync,
    );
    if (from === undefined) syncDirectory(this.#dir);
  }

  /** Last of all, and a hint only: what the store itself says counts, so a full disk costs nothing but the hint. */
  #noteFormat(): void {
    const held = readFormatNote(this.#dir);
    const release = this.#release ?? held?.release ?? RELEASE_UNKNOWN;
    const note = { format: this.#format, release };
    if (held?.format === note.format && held.release === note.release) return;
    try {
      writeFormatNote(this.#dir, note);
    } catch {
      // Written at the next opening.
    }
  }

  #newer(format: number): PulsemeshError {
    const ours = { format: this.#format, release: this.#release ?? RELEASE_UNKNOWN };
    return newerError(this.#dir, { format, release: readFormatNote(this.#dir)?.release }, ours);
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
    if (this.#database === undefined) throw this.#whyClosed ?? notOpen();
    return this.#database;
  }

  #unframe(key: string, bytes: Uint8Array): Uint8Array | undefined {
    const result = unframeValue(key, bytes);
    if (result.ok) return result.value;
    this.#report({ key, reason: result.reason });
    this.#setAside(key, bytes);
    return undefined;
  }

  /**
   * Moves the row aside, unless it was overwritten meanwhile; all that are read while one write is under way go with the next. That a row could
   * not be moved harms nobody: it stays unreadable, and whoever reads it next moves it.
   */
  #setAside(key: string, corrupt: Uint8Array): void {
    const isWaiting = this.#spoiled.size > 0;
    if (this.#commits === undefined || this.#spoiled.size >= QUARANTINE_ROWS_MAX) return;
    this.#spoiled.set(key, corrupt);
    if (isWaiting) return;
    this.#commits.commit([], () => this.#quarantineOps()).catch(() => this.#spoiled.clear());
  }

  async #quarantineOps(): Promise<readonly StoreOp[]> {
    const database = await this.#openDatabase();
    const rows = [...this.#spoiled];
    this.#spoiled.clear();
    const ops: StoreOp[] = [];
    for (const [key, corrupt] of rows) {
      const now = await database.get(DATA + key);
      if (now === undefined || Buffer.compare(now, corrupt) !== 0) continue;
      for (const op of await this.#quarantine.take(database, key, corrupt)) ops.push(op);
      ops.push({ type: "del", key: DATA + key });
    }
    return ops;
  }

  #report(finding: CorruptRow): void {
    const known = this.#corrupt.some(
      (row) => row.key === finding.key && row.reason === finding.reason,
    );
    if (!known && this.#corrupt.length < CORRUPT_REPORTED_MAX) this.#corrupt.push(finding);
  }
}

/** A change of a row as LevelDB gets it. */
function physicalOp(op: StoreOp): StoreOp {
  return op.type === "put"
    ? { type: "put", key: DATA + op.key, value: frameValue(op.key, op.value) }
    : { type: "del", key: DATA + op.key };
}

function notOpen(): PulsemeshError {
  return new PulsemeshError(
    "store-failed",
    "Cannot use the store as it is not open. Nothing was changed; open it first.",
  );
}

async function findHolder(dir: string): Promise<number | undefined> {
  for (let reads = 1; ; reads++) {
    const pid = holderPid(dir);
    if (pid !== undefined || reads >= PID_READS_MAX) return pid;
    await sleep(PID_READ_EVERY_MS);
  }
}
