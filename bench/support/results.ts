/** Results on disk: one JSON file a bench, with when and on what it was measured. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem, type } from "node:os";
import { fileURLToPath } from "node:url";

export interface StoredResult {
  /** ISO date. */
  readonly measuredOn: string;
  readonly machine: string;
  /** What a reader must know of the run, written in by hand: what disturbed it, what was not measured. */
  readonly remark?: string | undefined;
  readonly result: unknown;
}

const FOLDER = fileURLToPath(new URL("../results/", import.meta.url));

export function storeResult(name: string, result: unknown): void {
  mkdirSync(FOLDER, { recursive: true });
  const stored: StoredResult = {
    measuredOn: new Date().toISOString().slice(0, 10),
    machine: machineText(),
    result,
  };
  writeFileSync(`${FOLDER}${name}.json`, `${JSON.stringify(stored, null, 2)}\n`);
}

/** Undefined when the bench was never run here. */
export function readResult(name: string): StoredResult | undefined {
  try {
    return JSON.parse(readFileSync(`${FOLDER}${name}.json`, "utf8")) as StoredResult;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function machineText(): string {
  const cores = cpus();
  const model = cores[0]?.model.trim() ?? "unknown processor";
  const memoryGib = Math.round(totalmem() / 2 ** 30);
  return `${cores.length} × ${model}, ${memoryGib} GiB, ${type()} ${release()}, Node ${process.version}`;
}
