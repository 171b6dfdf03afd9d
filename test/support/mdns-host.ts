/** A host of `mdns-host-main.ts` in a namespace, and what it has printed. */
import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { MdnsHostLine, MdnsHostOrder } from "./mdns-host-main.ts";
import type { Host } from "./namespaces.ts";

const MAIN = fileURLToPath(new URL("mdns-host-main.ts", import.meta.url));

export class MdnsHost implements AsyncDisposable {
  readonly lines: MdnsHostLine[] = [];
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;

  constructor(host: Host, order: Omit<MdnsHostOrder, "listen">, port: number) {
    const listen = `/ip4/${host.address}/tcp/${port}`;
    const args = [process.execPath, MAIN, JSON.stringify({ ...order, listen })];
    // `ip netns exec` replaces itself by the command, so the pid is the host's own.
    this.#child = spawn("ip", ["netns", "exec", host.namespace, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#exited = new Promise((resolve) => this.#child.once("exit", () => resolve()));
    if (this.#child.stdout !== null) {
      createInterface(this.#child.stdout).on("line", (line) =>
        this.lines.push(JSON.parse(line) as MdnsHostLine),
      );
    }
  }

  /** Its node id, once it has started. */
  get node(): string | undefined {
    return this.lines.find((line) => line.type === "started")?.node;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Dials begun so far. */
  get dials(): number {
    return this.lines.findLast((line) => line.type === "dials")?.begun ?? 0;
  }

  /** How often a line came that has these fields. */
  count(fields: Readonly<Record<string, unknown>>): number {
    return this.lines.filter((line) =>
      Object.entries(fields).every(([key, value]) => Reflect.get(line, key) === value),
    ).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isRunning) this.#child.kill("SIGKILL");
    await this.#exited;
  }
}
