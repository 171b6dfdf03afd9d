/**
 * The bearer token of a node, kept in a file (rule CFG12): read by `run` at its start and at each reload, and by every command that asks.
 */
import { type Stats, closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { type ErrorCode, PulsemeshError } from "@pulsemesh/core";

/** Shortest and longest token, in characters. */
export const TOKEN_LENGTH_MIN: number = 16;
export const TOKEN_LENGTH_MAX: number = 1_024;

/** Largest file with a token, certificate or key. */
export const SECRET_FILE_BYTES_MAX: number = 1024 * 1024;

const worldBits = 0o007;
const tokenText = /^[\w.~+/-]+=*$/;

/** Who reads. */
export interface ReadOptions {
  /** Text may come through a pipe, for which a node cannot wait. @default false */
  readonly mayBePipe?: boolean | undefined;
}

/**
 * The token in a file: one line, as RFC 6750 allows it in a header.
 * @throws PulsemeshError `token-file-invalid`
 */
export function readTokenFile(path: string, what: string, options: ReadOptions = {}): string {
  const token = readSecret(path, what, "token-file-invalid", options).trim();
  const fault =
    token.length < TOKEN_LENGTH_MIN || token.length > TOKEN_LENGTH_MAX
      ? `it holds ${token.length} characters, and a token has ${TOKEN_LENGTH_MIN} to ${TOKEN_LENGTH_MAX}`
      : tokenText.test(token)
        ? undefined
        : "a token is one line of letters, digits and -._~+/ with = at its end";
  if (fault === undefined) return token;
  throw new PulsemeshError(
    "token-file-invalid",
    `Cannot use ${what} '${path}' as ${fault}. Make one with: umask 077; head -c 32 /dev/urandom | base64 > ${path}`,
  );
}

/**
 * The text of a file that not every user of this machine may read.
 * @throws PulsemeshError `code`
 */
export function readSecret(
  path: string,
  what: string,
  code: ErrorCode,
  options: ReadOptions = {},
): string {
  const { text, mode } = readWhole(path, what, code, options);
  if (process.platform === "win32" || (mode & worldBits) === 0) return text;
  throw new PulsemeshError(
    code,
    `Cannot use ${what} '${path}' as every user of this machine may read or change it (mode ${mode.toString(8).padStart(4, "0")}). Close it with: chmod o= ${path}`,
  );
}

/**
 * The text of a file.
 * @throws PulsemeshError `code`
 */
export function readText(
  path: string,
  what: string,
  code: ErrorCode,
  options: ReadOptions = {},
): string {
  return readWhole(path, what, code, options).text;
}

/** Text and permission bits of one and the same file, whatever takes its place meanwhile. */
function readWhole(
  path: string,
  what: string,
  code: ErrorCode,
  { mayBePipe = false }: ReadOptions,
): { readonly text: string; readonly mode: number } {
  let fd: number | undefined;
  try {
    // Not even the opening of a pipe waits then.
    fd = openSync(path, mayBePipe ? "r" : constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stats = fstatSync(fd);
    const fault = faultOf(stats, mayBePipe);
    if (fault !== undefined) throw new Error(fault);
    return { text: readFileSync(fd, "utf8"), mode: stats.mode & 0o777 };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PulsemeshError(code, `Cannot read ${what} '${path}': ${why}.`, { cause });
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function faultOf(stats: Stats, mayBePipe: boolean): string | undefined {
  if (stats.isDirectory()) return "it is a folder";
  if (mayBePipe && stats.isFIFO()) return undefined;
  if (!stats.isFile()) return "it is no regular file";
  return stats.size > SECRET_FILE_BYTES_MAX ? `it has ${stats.size} bytes` : undefined;
}
