/** The thread that reads a large config file for a reload: see `set-up-again.ts`. */
import { parentPort, workerData } from "node:worker_threads";
import { PulsemeshError } from "@pulsemesh/core";
import { type RunWords, setUpRun } from "../commands/run-setup.ts";
import type { SetupAnswer } from "./set-up-again.ts";

async function answer(words: RunWords): Promise<SetupAnswer> {
  try {
    const setup = await setUpRun(words);
    const { file } = setup;
    // Every value with its place is most of what there is, and only who says faults needs it.
    return { ok: true, setup: { ...setup, file: file && { ...file, values: new Map() } } };
  } catch (error) {
    if (!(error instanceof PulsemeshError)) throw error;
    return { ok: false, code: error.code, message: error.message };
  }
}

parentPort?.postMessage(await answer(workerData as RunWords));
