/**
 * The second door: a Unix socket, for robots that should not need a port, and for machines where a port is open to every user. What comes
 * in by it is handed to the one HTTP server, so that every limit, route and error is the same. Who may knock is a matter of file modes.
 */
import { PulsemeshError } from "@pulsemesh/core";
import { randomBytes } from "node:crypto";
import { type BigIntStats, lstatSync, renameSync } from "node:fs";
import { chmod, lstat, mkdir, rename, stat, unlink } from "node:fs/promises";
import type { Server } from "node:http";
import { connect, createServer, type Server as NetServer, type Socket } from "node:net";
import { dirname, isAbsolute, resolve } from "node:path";
import { HTTP_CONNECTIONS_MAX } from "./limits.ts";
import { connectionEvent } from "./tls.ts";

/** What the system's address of a socket holds; a longer path would be cut. */
const SOCKET_PATH_BYTES_MAX = 107;

export interface UnixDoor {
  /** `unix:/run/pulsemesh/node.sock`. */
  readonly url: string;
  /** Takes no more connections and removes its file, not one that took its place; resolves when the connections that there are have ended. */
  close(): Promise<void>;
}

export interface UnixDoorOptions {
  /** Relative ones are taken from the working directory. */
  readonly path: string;
  /** Mode of the socket file: who may read and write there may do everything. @default 0o600 */
  readonly mode?: number | undefined;
}

const modeDefault = 0o600;
/** Only while the file comes about: nobody may knock before it has its mode. */
const ownerOnlyMask = 0o177;
const folderMode = 0o700;
const knockMs = 1_000;
const othersWrite = 0o002;
const sticky = 0o1000;

const fromSockets = new WeakSet<Socket>();

/** Whether a connection came by a Unix socket: no web page can open one (rule HT31). */
export function cameByUnixSocket(socket: Socket): boolean {
  return fromSockets.has(socket);
}

/**
 * Lets `http` serve a Unix socket as well. A socket file that nobody listens on any more is replaced.
 * @throws PulsemeshError `address-invalid`, or `address-in-use` when somebody listens there
 */
export async function openUnixDoor(http: Server, options: UnixDoorOptions): Promise<UnixDoor> {
  const path = resolve(options.path);
  const mode = options.mode ?? modeDefault;
  try {
    const stale = await lookBefore(options.path, path);
    await checkFolder(path);
    if (stale !== undefined) await removeStale(path, stale);
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      fromSockets.add(socket);
      // File modes guard this door: what comes by it is not encrypted once more.
      http.emit(connectionEvent(http), socket);
    });
    server.maxConnections = HTTP_CONNECTIONS_MAX;
    const own = await listen(server, path);
    // Again, as a folder's ACL may have overruled the mask.
    await chmod(path, mode).catch(async (error: unknown) => {
      // Another node that found the stale file looks at this one aside just now; it has the default from its beginning.
      if (mode === modeDefault && isMissing(error)) return;
      await closed(server, path, own);
      throw error;
    });
    return { url: `unix:${path}`, close: () => closed(server, path, own) };
  } catch (error) {
    throw doorError(error, path);
  }
}

/**
 * What would keep {@link openUnixDoor} from a path, without touching anything.
 * @throws PulsemeshError `address-invalid` or `address-in-use`
 */
export async function checkUnixDoor(options: UnixDoorOptions): Promise<void> {
  await lookBefore(options.path, resolve(options.path));
}

function checkPath(given: string, path: string): void {
  const bytes = Buffer.byteLength(path);
  if (given !== "" && isAbsolute(path) && !path.includes("\0") && bytes <= SOCKET_PATH_BYTES_MAX) {
    return;
  }
  throw new PulsemeshError(
    "address-invalid",
    bytes > SOCKET_PATH_BYTES_MAX
      ? `Cannot listen on the socket ${path}: its path has ${bytes} bytes, and systems take ${SOCKET_PATH_BYTES_MAX}. Choose a shorter one, such as /run/pulsemesh/node.sock.`
      : `Cannot listen on a socket as '${given}' is no path of a file.`,
  );
}

/** Whoever may write to the folder may put a socket of their own in place of ours. */
async function checkFolder(path: string): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: folderMode });
  const { mode } = await stat(folder);
  if ((mode & othersWrite) === 0 || (mode & sticky) !== 0) return;
  throw new PulsemeshError(
    "address-invalid",
    `Cannot listen on the socket ${path}: every user may write to ${folder}. Choose a folder of your own, or take that right away with: chmod o-w ${folder}`,
  );
}

/** The socket file that a killed process left at the path; undefined where nothing is. */
async function lookBefore(given: string, path: string): Promise<BigIntStats | undefined> {
  checkPath(given, path);
  const before = await lstat(path, { bigint: true }).catch(() => undefined);
  if (before === undefined) return undefined;
  if (!before.isSocket()) {
    throw new PulsemeshError(
      "address-invalid",
      `Cannot listen on the socket ${path}: a file that is no socket is there. Choose another path, or remove it.`,
    );
  }
  if (await somebodyListens(path)) throw inUse(path);
  return before;
}

/**
 * Between the look and the removal somebody else may have put a living socket there, so the file is first moved aside and must be the one
 * that was looked at: by its date too, as file systems give the number of a file that is gone to the next one.
 */
async function removeStale(path: string, before: BigIntStats): Promise<void> {
  const aside = asideOf(path);
  try {
    // A living one is not moved even for a moment, if that can be helped.
    if (!isSame(await lstat(path, { bigint: true }), before)) throw inUse(path);
    await rename(path, aside);
  } catch (error) {
    // Somebody else removed it just now, and listens there soon.
    throw isMissing(error) ? inUse(path) : error;
  }
  if (isSame(await lstat(aside, { bigint: true }), before)) {
    await unlink(aside);
    return;
  }
  await rename(aside, path);
  throw inUse(path);
}

function asideOf(path: string): string {
  return `${path}.${process.pid}-${randomBytes(4).toString("hex")}`;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

function isSame(a: BigIntStats, b: BigIntStats): boolean {
  return a.ino === b.ino && a.mtimeNs === b.mtimeNs;
}

function somebodyListens(path: string): Promise<boolean> {
  const { promise, resolve: resolveWith } = Promise.withResolvers<boolean>();
  const socket = connect(path);
  socket.setTimeout(knockMs, () => socket.destroy(new Error("no answer, so somebody is there")));
  socket.once("connect", () => {
    socket.destroy();
    resolveWith(true);
  });
  socket.once("error", (error: NodeJS.ErrnoException) => {
    resolveWith(error.code !== "ECONNREFUSED" && error.code !== "ENOENT");
  });
  return promise;
}

/** Returns what the file is that came about; while it is listened on, no other file gets its number. */
async function listen(server: NetServer, path: string): Promise<BigIntStats | undefined> {
  const { promise, resolve: resolveWith, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.once("listening", resolveWith);
  const mask = process.umask(ownerOnlyMask);
  let own: BigIntStats | undefined;
  try {
    // Binds before it returns; only the event comes later.
    server.listen(path);
    own = fileAt(path);
  } finally {
    process.umask(mask);
  }
  await promise;
  server.off("error", reject);
  return own;
}

async function closed(
  server: NetServer,
  path: string,
  own: BigIntStats | undefined,
): Promise<void> {
  const { promise, resolve: resolveWith } = Promise.withResolvers<void>();
  const putBack = stepAside(path, own);
  server.close(() => resolveWith());
  putBack();
  await promise;
}

/**
 * Closing removes whatever has the name by then. Where somebody removed our file, another node may listen at its place: its file steps aside
 * for as long as that takes, which is one system call.
 */
function stepAside(path: string, own: BigIntStats | undefined): () => void {
  const there = fileAt(path);
  if (there === undefined || (there.ino === own?.ino && there.dev === own.dev)) return () => {};
  const aside = asideOf(path);
  try {
    renameSync(path, aside);
  } catch {
    // Whoever may not move it may not remove it either.
    return () => {};
  }
  return () => renameSync(aside, path);
}

function fileAt(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function inUse(path: string): PulsemeshError {
  return new PulsemeshError(
    "address-in-use",
    `Cannot listen on the socket ${path}: another process listens there. Stop it, or choose another path with --socket.`,
  );
}

function doorError(error: unknown, path: string): PulsemeshError {
  if (error instanceof PulsemeshError) return error;
  if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") return inUse(path);
  return new PulsemeshError(
    "address-invalid",
    `Cannot listen on the socket ${path}: ${error instanceof Error ? error.message : String(error)}.`,
    { cause: error },
  );
}
