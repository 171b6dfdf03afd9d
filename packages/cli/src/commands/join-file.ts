/**
 * Addresses to join by in a file (`--join-file`, rule DP3), and the file that a node leaves them in (`--address-file`). A member is named by
 * its id, which nobody knows before it has started once: where machines are started together, by compose or by a cluster, the first one
 * writes the file and the others wait for it. There is no secret in it.
 */
import { PulsemeshError } from "@pulsemesh/core";
import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseMember } from "./run-options.ts";

/** Longest file that is read; one address has some 100 bytes. */
export const JOIN_FILE_BYTES_MAX: number = 65_536;

const lookAgainMs = 500;

export interface JoinFileOptions {
  readonly path: string;
  readonly dataDir: string;
  /** Addresses that are known without it: with any, a file that is not there yet is not waited for. */
  readonly others: readonly string[];
  readonly signal: AbortSignal;
  /** Called once, when the file is not there yet and there is nothing else to join by. */
  readonly onWait: () => void;
  /** Called with what is wrong with the file, where the node knows its fleet and goes on without it. */
  readonly onSkip: (why: string) => void;
}

/**
 * The addresses in the file. Waits until there is one, unless the node has others to go by or knows its fleet, and so its members, from an
 * earlier start: then it takes from the file what there is.
 * A member is not kept from its fleet by a file that has gone bad since.
 * @throws PulsemeshError `address-invalid` naming file and line, `data-dir-unusable` where the file cannot be read; an AbortError
 */
export async function readJoinFile(options: JoinFileOptions): Promise<readonly string[]> {
  const { path, dataDir, others, signal, onWait, onSkip } = options;
  const mayGoOn = others.length > 0 || existsSync(join(dataDir, "fleet.json"));
  for (let tries = 0; ; tries += 1) {
    let addresses: readonly string[] = [];
    try {
      addresses = parseJoinFile(readAtMost(path), path);
    } catch (error) {
      if (!existsSync(join(dataDir, "fleet.json"))) throw error;
      onSkip(reasonOf(error));
    }
    if (addresses.length > 0 || mayGoOn) return addresses;
    if (tries === 0) onWait();
    // Who stops waiting must not end up with a fleet of its own.
    await wait(lookAgainMs, undefined, { signal });
  }
}

/** One address a line; empty lines and what follows a `#` are for people. */
export function parseJoinFile(text: string, path: string): readonly string[] {
  return text.split("\n").flatMap((line, i) => {
    const address = line.replace(/(?:^|\s)#[^]*/, "").trim();
    return address === "" ? [] : [parseMember(address, `${path}:${i + 1}`)];
  });
}

/**
 * Leaves the addresses for others, whole or not at all.
 * @throws PulsemeshError `data-dir-unusable`
 */
export function writeAddressFile(path: string, addresses: readonly string[]): void {
  const aside = `${path}.${process.pid}.part`;
  try {
    // Made anew: what somebody else put there, a link for instance, is not written through.
    rmSync(aside, { force: true });
    writeFileSync(aside, `${addresses.join("\n")}\n`, { mode: 0o644, flag: "wx" });
    renameSync(aside, path);
  } catch (error) {
    rmSync(aside, { force: true });
    throw new PulsemeshError(
      "data-dir-unusable",
      `Cannot write --address-file '${path}': ${reasonOf(error)}.`,
      { cause: error },
    );
  }
}

/** Empty where the file is not there (yet). */
function readAtMost(path: string): string {
  try {
    // A pipe is refused then; waiting for its writer would stand still, signals and all.
    const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      const buffer = Buffer.alloc(JOIN_FILE_BYTES_MAX + 1);
      const bytes = readSync(file, buffer, 0, buffer.length, 0);
      if (bytes <= JOIN_FILE_BYTES_MAX) return buffer.toString("utf8", 0, bytes);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw new PulsemeshError(
      "data-dir-unusable",
      `Cannot read --join-file '${path}': ${reasonOf(error)}.`,
      { cause: error },
    );
  }
  throw new PulsemeshError(
    "option-invalid",
    `Cannot use --join-file '${path}' as it must have at most ${JOIN_FILE_BYTES_MAX} bytes, one address a line.`,
  );
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
