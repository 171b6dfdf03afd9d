/**
 * The setup for a reload, made beside a node that is at work: reading 10,000 robots takes a second, in which it would send no pulse. So a
 * large file is read in a thread of its own, and one that has not changed, which whoever may ask for a reload could ask for without end, is
 * not read again.
 */
import { resolve } from "node:path";
import { Worker } from "node:worker_threads";
import { type ErrorCode, PulsemeshError } from "@pulsemesh/core";
import { type RunSetup, type RunWords, readSecrets, setUpRun } from "../commands/run-setup.ts";
import { readConfigFile } from "./read-config-file.ts";

/** What the thread says. */
export type SetupAnswer =
  | { readonly ok: true; readonly setup: RunSetup }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string };

/** As long as a thread takes to start, some 700 robots are read. */
const largeBytes = 64 * 1024;

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
  const read = await readConfigFile(resolve(config));
  if (!read.ok || read.text.length < largeBytes) return await setUpRun(words);
  if (read.hash === before.file?.hash) return { ...before, ...readSecrets(before.flags) };
  return await setUpAside(words, signal);
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
