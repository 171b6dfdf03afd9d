/** Nodes of a fleet as an operator runs them: `pulsemesh run` in folders of one temporary folder, and commands at their addresses. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CliEnd, CliProcess, runCli } from "./cli-process.ts";
import { freePort } from "./free-port.ts";

export interface RunningNode {
  readonly url: string;
  readonly process: CliProcess;
}

export class CliFleet {
  readonly dir: string = mkdtempSync(join(tmpdir(), "pulsemesh-cli-fleet-"));
  readonly #running: CliProcess[] = [];

  /** A folder or file of this fleet. */
  path(name: string): string {
    return join(this.dir, name);
  }

  /** `pulsemesh run` in a folder of its own, until it is there. */
  async start(name: string, ...args: readonly string[]): Promise<RunningNode> {
    const port = await freePort();
    const process = new CliProcess([
      "run",
      `--data=${this.path(name)}`,
      `--name=${name}`,
      "--profile=local",
      `--http=127.0.0.1:${port}`,
      `--listen=/ip4/127.0.0.1/tcp/${await freePort()}`,
      ...args,
    ]);
    this.#running.push(process);
    await process.untilPrinted("try: curl");
    return { url: `http://127.0.0.1:${port}`, process };
  }

  async end(): Promise<void> {
    await Promise.all(this.#running.map((process) => process[Symbol.asyncDispose]()));
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** A command that asks a node. */
export const cliAt = (at: RunningNode, ...args: readonly string[]): Promise<CliEnd> =>
  runCli([...args, "--url", at.url]);

/**
 * What a command prints.
 * @throws Error with what it says, where it fails
 */
export async function outOf(end: Promise<CliEnd>): Promise<string> {
  const { code, out, err } = await end;
  if (code !== 0) throw new Error(`exit ${code}: ${err}`);
  return out.trim();
}
