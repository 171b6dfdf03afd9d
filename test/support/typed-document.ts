/**
 * Types a document's code blocks as a stranger would (rule DOC1): one shell for the plain ones, a process of its own for each terminal, on
 * the ports that the document names. So that these are free, and nothing reaches or meets a mesh of this machine, it happens in a network
 * namespace with nothing but its own loopback, in a folder that looks like a fresh clone, with an empty home.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../tool.ts";
import { type DocumentBlock, missingLine } from "./document-blocks.ts";
import { until } from "./until.ts";

const TYPED_MS_MAX = 60_000;
const PRINTED_MS_MAX = 30_000;
const ENDED_MS_MAX = 10_000;
/** What a clone has and a reader's own work may not change. */
const HIDDEN = new Set([".git", ".cache", "coverage"]);

export class TypedDocument implements AsyncDisposable {
  readonly #namespace: string;
  readonly #home: string;
  readonly #shell: Typist;
  readonly #terminals: Typist[] = [];
  #typed = 0;

  constructor() {
    this.#namespace = `pmdoc${process.pid % 100_000}`;
    this.#home = mkdtempSync(join(tmpdir(), "pulsemesh-typed-"));
    execFileSync("ip", ["netns", "add", this.#namespace]);
    execFileSync("ip", ["-n", this.#namespace, "link", "set", "lo", "up"]);
    mkdirSync(this.#clone);
    for (const name of readdirSync(root))
      if (!HIDDEN.has(name)) symlinkSync(join(root, name), join(this.#clone, name));
    this.#shell = this.#open(["bash", "--noprofile", "--norc"]);
  }

  /** Types one block and reads what it prints; rejects with the block's line and everything that was printed. */
  async type(block: DocumentBlock): Promise<void> {
    if (block.mode === "example") return;
    if (block.mode === "terminal") await this.#typeInTerminal(block);
    else await this.#typeInShell(block);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const typist of [...this.#terminals, this.#shell]) await typist.end();
    execFileSync("ip", ["netns", "del", this.#namespace]);
    rmSync(this.#home, { recursive: true, force: true });
  }

  get #clone(): string {
    return join(this.#home, "clone");
  }

  async #typeInShell(block: DocumentBlock): Promise<void> {
    this.#typed += 1;
    const mark = `typed ${this.#typed} ended:`;
    const from = this.#shell.output.length;
    const printed = (): string => this.#shell.output.slice(from);
    // Each line by itself, as at a prompt; the first that fails is named and ends the block.
    this.#shell.write(`set -eE -o pipefail; trap 'echo "failed: $BASH_COMMAND"' ERR\n`);
    this.#shell.write(`${block.text}\nset +eE; trap - ERR; echo "${mark} 0"\n`);
    const over = (): boolean => printed().includes(mark) || this.#shell.hasEnded;
    await until(`the block of line ${block.line} is done`, over, TYPED_MS_MAX).catch(
      (cause: unknown) => {
        throw new Error(`line ${block.line} goes on for ever, having printed:\n${printed()}`, {
          cause,
        });
      },
    );
    if (!printed().includes(`${mark} 0`))
      throw new Error(`line ${block.line} failed:\n${printed()}`);
    const missing = missingLine(printed(), block.prints);
    if (missing !== undefined)
      throw new Error(`line ${block.line} does not print '${missing}', but:\n${printed()}`);
  }

  async #typeInTerminal(block: DocumentBlock): Promise<void> {
    const terminal = this.#open(["bash", "--noprofile", "--norc", "-c", block.text]);
    this.#terminals.push(terminal);
    const ready = (): boolean =>
      terminal.hasEnded || missingLine(terminal.output, block.prints) === undefined;
    await until(`line ${block.line} prints what it says`, ready, PRINTED_MS_MAX).catch(
      (cause: unknown) => {
        throw new Error(`line ${block.line} prints something else:\n${terminal.output}`, { cause });
      },
    );
    if (terminal.hasEnded) throw new Error(`line ${block.line} ended:\n${terminal.output}`);
  }

  #open(command: readonly string[]): Typist {
    const settings = Object.entries(process.env).filter(
      ([name]) => !name.startsWith("PULSEMESH_") && !name.startsWith("XDG_") && name !== "CI",
    );
    const env = { ...Object.fromEntries(settings), HOME: this.#home, NO_COLOR: "1" };
    return new Typist(["ip", "netns", "exec", this.#namespace, ...command], this.#clone, env);
  }
}

/** One shell: what it was given to read, and what it and its children printed. */
class Typist {
  readonly #child: ChildProcess;
  #output = "";
  #hasEnded = false;

  constructor(command: readonly string[], cwd: string, env: NodeJS.ProcessEnv) {
    const [program = "", ...args] = command;
    // A group of its own: Ctrl-C reaches everything that was started in it.
    this.#child = spawn(program, args, { cwd, env, detached: true, stdio: "pipe" });
    this.#child.stdout?.on("data", (part: Buffer) => (this.#output += part.toString()));
    this.#child.stderr?.on("data", (part: Buffer) => (this.#output += part.toString()));
    this.#child.stdin?.on("error", () => {});
    // Not "exit": what it printed last may come after that.
    this.#child.once("close", () => (this.#hasEnded = true));
  }

  get output(): string {
    return this.#output;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  write(text: string): void {
    this.#child.stdin?.write(text);
  }

  async end(): Promise<void> {
    const ended = this.hasEnded ? undefined : once(this.#child, "close");
    const timer = setTimeout(() => this.#signal("SIGKILL"), ENDED_MS_MAX);
    this.#signal("SIGINT");
    this.#child.stdin?.end();
    await ended;
    clearTimeout(timer);
    this.#signal("SIGKILL");
  }

  #signal(signal: NodeJS.Signals): void {
    try {
      process.kill(-(this.#child.pid ?? 0), signal);
    } catch {
      // The whole group has ended by itself.
    }
  }
}
