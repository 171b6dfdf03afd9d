/**
 * Addresses to join by in a file (`--join-file`, rule DP3), and the file that a node leaves them in (`--address-file`). A member is named by
 * its id, which nobody knows before it has started once: where machines are started together, by compose or by a cluster, the first one
 * writes the file and the others wait for it. There is no secret in it, unless somebody put an invite there.
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
import { errorCodeOf } from "../failure.ts";
import { isInvite, mendInvites, parseJoin, wholeInvite } from "./address-flags.ts";

/** Longest file that is read; one address has some 100 bytes. */
export const JOIN_FILE_BYTES_MAX: number = 65_536;

/** Of an Ed25519 key, which all nodes have, in base58. */
const wholeId = /\/p2p\/12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/;
const lookAgainMs = 500;
/** A file that is bad and has not changed for so long is not one that is still being copied here. */
const stillMs = 10_000;

export interface JoinFileOptions {
  readonly path: string;
  readonly dataDir: string;
  /** Addresses that are known without it: with any, a file that is not there yet is not waited for. */
  readonly others: readonly string[];
  readonly signal: AbortSignal;
  /** Called once, when the file is not there yet and there is nothing else to join by. */
  readonly onWait: () => void;
  /** Called once, with what is wrong with a file that may still be being written. */
  readonly onUnsure: (why: string) => void;
  /** Called with what is wrong with the file, where the node knows its fleet and goes on without it. */
  readonly onSkip: (why: string) => void;
  /** Waits between two looks; a parameter for tests. */
  readonly pause?: ((ms: number, signal: AbortSignal) => Promise<void>) | undefined;
}

/**
 * The addresses in the file. Waits until there is one, unless the node has others to go by or knows its fleet, and so its members, from an
 * earlier start: then it takes from the file what there is.
 * A file that is bad may be half copied: it is refused once it has stood still for a while. A member is not kept from its fleet by a file that
 * has gone bad since.
 * @throws PulsemeshError `address-invalid` naming file and line, `data-dir-unusable` where the file cannot be read; an AbortError
 */
export async function readJoinFile(options: JoinFileOptions): Promise<readonly string[]> {
  const { path, dataDir, others, signal, onWait, onUnsure, onSkip } = options;
  const pause = options.pause ?? ((ms, stop) => wait(ms, undefined, { signal: stop }));
  const isMember = existsSync(join(dataDir, "fleet.json"));
  let before = "";
  let badMs = 0;
  for (let tries = 0; ; tries += 1) {
    let text = "";
    try {
      text = readAtMost(path);
      const addresses = parseJoinFile(text, path);
      if (addresses.length > 0 || others.length > 0 || isMember) return addresses;
      if (tries === 0) onWait();
      badMs = 0;
    } catch (error) {
      if (isMember) {
        onSkip(reasonOf(error));
        return [];
      }
      if (errorCodeOf(error) !== "address-invalid") throw error;
      badMs = text === before ? badMs + lookAgainMs : 0;
      if (badMs > stillMs) throw error;
      if (before === "") onUnsure(reasonOf(error));
      before = text;
    }
    // Who stops waiting must not end up with a fleet of its own.
    await pause(lookAgainMs, signal);
  }
}

/** One address a line, or an invite in one line or several; empty lines and what follows a `#` are for people. */
export function parseJoinFile(text: string, path: string): readonly string[] {
  const lines = text.split("\n").flatMap((line, i) => {
    const word = line.replace(/(?:^|\s)#[^]*/, "").trim();
    return word === "" ? [] : [{ text: word, place: `${path}:${i + 1}` }];
  });
  return mendInvites(lines).map((line) => parseWhole(line.text, line.place));
}

/** An id of which the end is missing looks like one; whoever dialled it would find nobody for ever. */
function parseWhole(text: string, place: string): string {
  const address = parseJoin(text, place);
  if (isInvite(address)) return wholeInvite(address, place);
  if (wholeId.test(address)) return address;
  throw new PulsemeshError(
    "address-invalid",
    `Cannot use ${place} '${text}' as the member's id at its end is not whole: it has 52 characters.`,
  );
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
