/**
 * Text from stdin in bounded memory, for commands that take `-`. Whoever waits for a terminal, or for a program that does not end, says so: a
 * command that stands still without a word looks broken.
 */
import { PulsemeshError } from "@pulsemesh/core";
import type { Cli } from "./cli.ts";

/** Longest JSON that is read from stdin; with blanks and line breaks a patch takes more room than on its way. */
export const PATCH_TEXT_BYTES_MAX: number = 1024 * 1024;

const patienceMs = 5_000;

/**
 * The first `bytesKept` bytes of stdin, which may end within a character. The rest is read as well, and dropped: a job whose output goes in by a
 * pipe would be ended by the system if nobody read it, and telling that it lives must not end it.
 */
export async function readBeginning(cli: Cli, bytesKept: number): Promise<string> {
  const kept: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of patiently(cli)) {
    if (bytes < bytesKept) kept.push(part.subarray(0, bytesKept - bytes));
    bytes += part.length;
  }
  return Buffer.concat(kept).toString("utf8");
}

/**
 * All of stdin.
 * @throws PulsemeshError `state-too-large` beyond {@link PATCH_TEXT_BYTES_MAX}, without reading further
 */
export async function readPatchText(cli: Cli): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of patiently(cli)) {
    bytes += part.length;
    if (bytes > PATCH_TEXT_BYTES_MAX) {
      throw new PulsemeshError(
        "state-too-large",
        `Cannot read the state from stdin as it has more than ${PATCH_TEXT_BYTES_MAX} bytes.`,
      );
    }
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

async function* patiently({ terminal, context }: Cli): AsyncGenerator<Uint8Array> {
  const say = (what: string): void => terminal.say(`${context.command}: ${what}`);
  if (terminal.inIsTty) say("reading from the terminal; Ctrl-D at the start of a line ends it.");
  const late = (): void => say("still reading stdin, until whoever writes to it ends.");
  const timer = terminal.inIsTty ? undefined : setTimeout(late, patienceMs);
  try {
    yield* terminal.stdin();
  } finally {
    clearTimeout(timer);
  }
}
