/**
 * Agents of Serf on loopback, as the peer that detection is measured beside: the package of Debian, unpacked and run from the cache folder, with its LAN
 * profile. Each agent says on its output what it holds for failed, which is what a user's event handler would be told at that moment.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { unpackDebianPackages } from "../../test/support/debian-packages.ts";
import { freePort } from "../../test/support/free-port.ts";

/** `serf: EventMemberFailed: n3 127.0.0.1`. */
const FAILED = /EventMemberFailed: (\S+)/;
const JOINED = /EventMemberJoin: (\S+)/;

interface Said {
  readonly atMs: number;
  readonly failed: string;
}

export class SerfAgent {
  readonly name: string;
  readonly port: number;
  readonly #rpcPort: number;
  readonly #program: string;
  #process: ChildProcess | undefined;
  #said: Said[] = [];
  /** Whom it holds for members that live, itself among them. */
  readonly #up = new Set<string>();

  constructor(
    program: string,
    name: string,
    ports: { readonly bind: number; readonly rpc: number },
  ) {
    this.#program = program;
    this.name = name;
    this.port = ports.bind;
    this.#rpcPort = ports.rpc;
  }

  start(joinPort: number | undefined): void {
    this.#up.clear();
    const args = ["agent", `-node=${this.name}`, `-bind=127.0.0.1:${this.port}`, "-profile=lan"];
    args.push(`-rpc-addr=127.0.0.1:${this.#rpcPort}`, "-log-level=info");
    if (joinPort !== undefined)
      args.push(`-retry-join=127.0.0.1:${joinPort}`, "-retry-interval=1s");
    const child = spawn(this.#program, args, { stdio: ["ignore", "pipe", "ignore"] });
    this.#process = child;
    createInterface({ input: child.stdout }).on("line", (line) => this.#read(line));
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  /** Resolves once the process is gone. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill(signal);
    await exit;
  }

  sees(names: readonly string[]): boolean {
    return names.every((name) => this.#up.has(name));
  }

  /** When it said that `name` failed, since `sinceMs`. */
  failedAtMs(name: string, sinceMs: number): number | undefined {
    return this.#said.find(({ atMs, failed }) => failed === name && atMs >= sinceMs)?.atMs;
  }

  /** Of whom it said that since. */
  failed(sinceMs: number): readonly string[] {
    return this.#said.filter(({ atMs }) => atMs >= sinceMs).map(({ failed }) => failed);
  }

  #read(line: string): void {
    const atMs = performance.now();
    const failed = FAILED.exec(line)?.[1];
    const joined = JOINED.exec(line)?.[1];
    if (failed !== undefined) {
      this.#up.delete(failed);
      this.#said.push({ atMs, failed });
    }
    if (joined !== undefined) this.#up.add(joined);
  }
}

export class SerfFleet implements AsyncDisposable {
  readonly agents: readonly SerfAgent[];

  private constructor(agents: readonly SerfAgent[]) {
    this.agents = agents;
  }

  /** @throws {Error} where the package cannot be downloaded */
  static async start(size: number): Promise<SerfFleet> {
    const program = join(unpackDebianPackages(["serf"]), "usr/bin/serf");
    const agents: SerfAgent[] = [];
    for (let index = 0; index < size; index += 1) {
      const ports = { bind: await freePort(), rpc: await freePort() };
      agents.push(new SerfAgent(program, `n${index}`, ports));
    }
    for (const agent of agents) agent.start(agents[0] === agent ? undefined : agents[0]?.port);
    return new SerfFleet(agents);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.agents.map((agent) => agent.end("SIGKILL")));
  }
}
