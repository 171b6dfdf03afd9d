/** `pulsemesh` as a process of its own, for tests: what it printed on which stream, how it ended, and what it left behind. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "../tool.ts";

const launcher = fileURLToPath(new URL("../../packages/cli/bin/pulsemesh.js", import.meta.url));
const pollMs = 25;

export interface CliEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly stdin?: string | undefined;
}

/** One running `pulsemesh`. Killed at the latest when disposed. */
export class CliProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<CliEnd>;
  #out = "";
  #err = "";

  constructor(args: readonly string[], { env, stdin }: CliOptions = {}) {
    const child = spawn(process.execPath, [launcher, ...args], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...withoutSettings(), ...env },
    });
    this.#child = child;
    child.stdout.on("data", (part: Buffer) => (this.#out += part.toString()));
    child.stderr.on("data", (part: Buffer) => (this.#err += part.toString()));
    child.stdin.on("error", () => {});
    child.stdin.end(stdin);
    this.#ended = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        resolve({ code, signal, out: this.#out, err: this.#err });
      });
    });
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error("pulsemesh did not start");
    return pid;
  }

  get out(): string {
    return this.#out;
  }

  get err(): string {
    return this.#err;
  }

  /** Resolves when it has ended and everything it printed is here. */
  get ended(): Promise<CliEnd> {
    return this.#ended;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Waits until stdout contains `text`; fails with both streams. */
  async untilPrinted(text: string, withinMs = 30_000): Promise<void> {
    await this.until(`'${text}' on stdout`, withinMs, () => this.#out.includes(text));
  }

  async until(what: string, withinMs: number, done: () => boolean): Promise<void> {
    const endMs = performance.now() + withinMs;
    while (!done()) {
      if (performance.now() > endMs || this.#child.exitCode !== null) {
        throw new Error(`no ${what} (exit ${this.#child.exitCode}):\n${this.#out}\n${this.#err}`);
      }
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.kill("SIGKILL");
    await this.#ended;
  }
}

/** Runs `pulsemesh ARGS` to its end. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliEnd> {
  return await new CliProcess(args, options).ended;
}

/** Pids of processes whose command line contains `text`; reads /proc, so Linux only. */
export function processesWith(text: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => commandLineOf(name).includes(text))
    .map(Number);
}

function commandLineOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

/**
 * The tests must not depend on what the developer has set for nodes of their own, or keep beats among the developer's. Each process has
 * a spool of its own: what one kept for a port would be delivered to whoever another test has at that port later.
 */
function withoutSettings(): Record<string, string | undefined> {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^PULSEMESH_|^NO_COLOR$|^FORCE_COLOR$/.test(name),
    ),
  );
  return { ...env, PULSEMESH_SPOOL: mkdtempSync(join(spoolsOfTests(), "of-")) };
}

let spools: string | undefined;

function spoolsOfTests(): string {
  if (spools !== undefined) return spools;
  const place = join(root, ".cache", "test");
  mkdirSync(place, { recursive: true });
  spools = mkdtempSync(join(place, "spools-"));
  return spools;
}

function removeSpools(): void {
  if (spools !== undefined) rmSync(spools, { recursive: true, force: true });
  spools = undefined;
}

// A worker of vitest is ended without a last word, so there the file's end is the time to clean up; benches end by themselves.
if (process.env["VITEST"] === undefined) process.on("exit", removeSpools);
else (await import("vitest")).afterAll(removeSpools);
