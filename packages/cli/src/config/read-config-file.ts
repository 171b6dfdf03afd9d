/** From a path to text: everything that can be wrong with a config file before its first character is looked at. */
import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import type { ConfigFinding, Place } from "./config-finding.ts";

/** Largest config file. 10,000 robots with labels take less than half of it, and a second of a processor. */
export const CONFIG_BYTES_MAX: number = 2 * 1024 * 1024;

export type ConfigText =
  | { readonly ok: true; readonly text: string; readonly hash: string }
  | { readonly ok: false; readonly finding: ConfigFinding };

const lineFeed = 0x0a;
const othersWrite = 0o002;

/** The text of a config file, without a byte order mark, and the hex SHA-256 of its bytes. */
export async function readConfigFile(path: string): Promise<ConfigText> {
  try {
    const stats = await stat(path);
    if (!stats.isFile()) {
      const what = stats.isDirectory() ? "It is a folder." : "It is no regular file.";
      return refuse(what, "name the YAML file itself with --config");
    }
    // Who may change it decides what the node does, and with which certificate and token.
    if (process.platform !== "win32" && (stats.mode & othersWrite) !== 0) {
      return refuse("Every user of this machine may change it.", "close it with: chmod o-w FILE");
    }
    if (stats.size > CONFIG_BYTES_MAX) return tooLarge(stats.size);
    const bytes = await readFile(path);
    // It may have grown meanwhile.
    if (bytes.length > CONFIG_BYTES_MAX) return tooLarge(bytes.length);
    if (!isUtf8(bytes)) return notUtf8(bytes);
    const hash = createHash("sha256").update(bytes).digest("hex");
    return { ok: true, text: new TextDecoder().decode(bytes), hash };
  } catch (error) {
    return refuse(...unreadable(error));
  }
}

function unreadable(error: unknown): [string, string] {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") {
    return ["There is no such file.", "pulsemesh config init --out FILE   writes one"];
  }
  if (code === "EACCES" || code === "EPERM") {
    return ["This user may not read it.", "change its owner or mode, or start as its owner"];
  }
  const why = error instanceof Error ? error.message : String(error);
  return [`It cannot be read: ${why}.`, "name a YAML file with --config"];
}

function tooLarge(bytes: number): ConfigText {
  return refuse(
    `It has ${bytes} bytes, and ${CONFIG_BYTES_MAX} are the most.`,
    "leave robots to register themselves by their first heartbeat",
  );
}

function refuse(what: string, next: string, at?: Place): ConfigText {
  return { ok: false, finding: { what, next, at } };
}

function notUtf8(bytes: Buffer): ConfigText {
  const what = "The text is not UTF-8 from here on.";
  return refuse(what, "save the file as UTF-8, for instance with iconv -t UTF-8", placeOf(bytes));
}

/** The first character that is none. */
function placeOf(bytes: Buffer): Place {
  let line = 1;
  let start = 0;
  for (;;) {
    const end = bytes.indexOf(lineFeed, start);
    const part = bytes.subarray(start, end < 0 ? bytes.length : end);
    if (end < 0 || !isUtf8(part)) {
      return { line, column: 1 + Math.max(0, part.toString("utf8").indexOf("\uFFFD")) };
    }
    line += 1;
    start = end + 1;
  }
}
