/**
 * The setup for a reload, made beside a node that is at work: reading 10,000 robots takes a second, in which it would send no pulse. So a
 * large file is read in a thread of its own, and one that has not changed, which whoever may ask for a reload could ask for without end, is
 * not read again.
 *
 * A reload may also come while somebody writes the file, which a start does not: a file that has been emptied for that is good YAML, and says that
 * everything has its default.
 */
import { resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { type ErrorCode, PulsemeshError } from "@pulsemesh/core";
import { type RunSetup, type RunWords, readSecrets, setUpRun } from "../commands/run-setup.ts";
import { findingLines } from "./config-finding.ts";
import { type ConfigText, readConfigFile } from "./read-config-file.ts";

/** What the thread says. */
export type SetupAnswer =
  | { readonly ok: true; readonly setup: RunSetup }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };

/** As long as a thread takes to start, some 700 robots are read. */
const largeBytes = 64 * 1024;
/** How long a file that may be half written must stay the same. */
const stillMs = 500;
const looksMost = 10;
const stillWritten = "The file is still being written.";

/**
 * What {@link setUpRun} makes of the words now; of a large file without its values.
 * @param before - what the same words made of the file before
 * @param signal - ends the thread
 * @throws PulsemeshError as `setUpRun` does, or `stopped`
 */
export async function setUpAgain(
  words: RunWords,
  before: RunSetup,
  signal: AbortSignal,
): Promise<RunSetup> {
  const { config } = words.flags;
  if (config === undefined) return await setUpRun(words);
  const path = resolve(config);
  for (let looks = 1; looks <= looksMost; looks += 1) {
    const read = await readWritten(path, before.file?.hash, signal);
    const isLarge = read.ok && read.text.length >= largeBytes;
    if (isLarge && read.hash === before.file?.hash)
      return { ...before, ...readSecrets(before.flags) };
    const setup = isLarge ? await setUpAside(words, signal) : await setUpRun(words);
    // It was read once more for that, and somebody may have begun to write it meanwhile.
    if (read.ok && setup.file?.hash === read.hash) return setup;
  }
  throw refusal(path, stillWritten);
}

/**
 * Reads a file that is not being written. One that ends within a line, or has nothing in it, is looked at again until it stays as it is.
 * @throws PulsemeshError `config-invalid` where it has been emptied or does not come to rest, or `stopped`
 */
async function readWritten(
  path: string,
  hashBefore: string | undefined,
  signal: AbortSignal,
): Promise<ConfigText> {
  let read = await readConfigFile(path);
  for (let looks = 1; mayBeUnderWay(read, hashBefore); looks += 1) {
    const hash = read.ok ? read.hash : "";
    if (looks > looksMost) throw refusal(path, stillWritten);
    await wait(stillMs, undefined, { signal }).catch(() => {
      throw new PulsemeshError("stopped", "Cannot read the config file as the node is stopping.");
    });
    read = await readConfigFile(path);
    if (read.ok && read.hash === hash) break;
  }
  if (read.ok && read.hash !== hashBefore && read.text.trim() === "") {
    throw refusal(path, "The file has been emptied, as while it is being written.");
  }
  return read;
}

function mayBeUnderWay(read: ConfigText, hashBefore: string | undefined): boolean {
  return read.ok && read.hash !== hashBefore && !read.text.endsWith("\n");
}

function refusal(path: string, what: string): PulsemeshError {
  const next =
    "write the new file beside it and rename it (mv), then reload; a file without settings has a comment in it";
  return new PulsemeshError("config-invalid", findingLines(path, [{ what, next }]).join("\n"));
}

async function setUpAside(words: RunWords, signal: AbortSignal): Promise<RunSetup> {
  const name = `./setup-main.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`;
  const { env, ...said } = words;
  const { promise, resolve: done, reject } = Promise.withResolvers<SetupAnswer>();
  const thread = new Worker(new URL(name, import.meta.url), {
    workerData: { ...said, env: { ...env } },
  });
  thread.once("message", done);
  thread.once("error", reject);
  thread.once("exit", () => {
    reject(new PulsemeshError("stopped", "Cannot read the config file as the node is stopping."));
  });
  const end = (): void => void thread.terminate();
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  try {
    const answer = await promise;
    if (answer.ok) return answer.setup;
    throw new PulsemeshError(answer.code, answer.message);
  } finally {
    signal.removeEventListener("abort", end);
    end();
  }
}
