/**
 * Real `pulsemesh run` processes for tests: started on free loopback ports (or inside a network namespace), asked over HTTP,
 * stopped by pid. Every process that a test starts is registered and killed at the latest when the test ends.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../packages/cli/bin/pulsemesh.js", import.meta.url));
/** Output that is kept of one process for a failing test's message. */
const OUTPUT_BYTES_MAX = 200_000;

export interface NodeProcessOptions {
  readonly name: string;
  readonly region?: string | undefined;
  readonly dataDir: string;
  readonly meshPort: number;
  readonly httpPort: number;
  readonly join?: readonly string[] | undefined;
  readonly args?: readonly string[] | undefined;
  /** Arguments for node itself, such as `--import`. */
  readonly execArgv?: readonly string[] | undefined;
  /** Runs inside this network namespace, listening on this address there; asked through a unix socket relay. */
  readonly namespace?:
    | { readonly name: string; readonly address: string; readonly socketPath: string }
    | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** The program, where it is not that of this checkout. */
  readonly main?: string | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** A JSON value that tests reach into without types. */
export type Loose = { readonly [key: string]: Loose } & string & number;

export class NodeProcess {
  readonly options: NodeProcessOptions;
  #child: ChildProcess | undefined;
  #relay: ChildProcess | undefined;
  #output = "";

  constructor(options: NodeProcessOptions) {
    this.options = options;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error(`${this.options.name} is not running`);
    return pid;
  }

  get isRunning(): boolean {
    return (
      this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
    );
  }

  get output(): string {
    return this.#output;
  }

  /** Starts the process and waits until it is ready; fails with its output when it is not within 20 s. */
  async start(): Promise<this> {
    const { name, region, dataDir, meshPort, httpPort, namespace, env } = this.options;
    const address = namespace?.address ?? "127.0.0.1";
    const args = [
      ...(this.options.execArgv ?? []),
      this.options.main ?? MAIN,
      "run",
      "--data",
      dataDir,
      "--name",
      name,
      "--region",
      region ?? "eu",
      "--http",
      `127.0.0.1:${httpPort}`,
      "--listen",
      `/ip4/${address}/tcp/${meshPort}`,
      ...(this.options.join ?? []).flatMap((peer) => ["--join", peer]),
      ...(this.options.args ?? []),
    ];
    const command = namespace === undefined ? process.execPath : "ip";
    const prefix =
      namespace === undefined ? [] : ["netns", "exec", namespace.name, process.execPath];
    // `ip netns exec` replaces itself by the command, so the pid is the node's own.
    const child = spawn(command, [...prefix, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        if (this.#output.length < OUTPUT_BYTES_MAX) this.#output += chunk.toString();
      });
    }
    if (namespace !== undefined && this.#relay === undefined) this.#startRelay(namespace);
    await waitFor(`${name} to be ready`, 20_000, async () => {
      if (child.exitCode !== null)
        throw new Error(`${name} exited with ${child.exitCode}:\n${this.#output}`);
      return (await this.get("/readyz").catch(() => undefined))?.status === 200;
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.#output}`);
    });
    return this;
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal);
  }

  /** Sends a signal and waits until the process is gone; returns its exit code. */
  async end(signal: NodeJS.Signals = "SIGKILL"): Promise<number | null> {
    const child = this.#child;
    if (child === undefined) return null;
    if (child.exitCode === null && child.signalCode === null) {
      const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      child.kill(signal);
      await exited;
    }
    return child.exitCode;
  }

  /** Waits until the process has ended by itself; returns its exit code. */
  async ended(): Promise<number | null> {
    const child = this.#child;
    if (child === undefined) return null;
    if (child.exitCode === null && child.signalCode === null)
      await new Promise<void>((resolve) => child.once("exit", () => resolve()));
    return child.exitCode;
  }

  /** Kills the process and its relay. */
  async dispose(): Promise<void> {
    await this.end("SIGKILL");
    this.#relay?.kill("SIGKILL");
  }

  get(path: string): Promise<HttpAnswer> {
    return this.ask("GET", path);
  }

  async json(path: string): Promise<Loose> {
    const answer = await this.get(path);
    if (answer.status !== 200)
      throw new Error(`${this.options.name} answered ${answer.status} to ${path}: ${answer.text}`);
    return JSON.parse(answer.text) as Loose;
  }

  beat(robot: string): Promise<HttpAnswer> {
    return this.ask("POST", `/heartbeat/${robot}`);
  }

  patch(robot: string, state: object): Promise<HttpAnswer> {
    return this.ask("PATCH", `/api/v1/robots/${robot}/state`, state);
  }

  /** Statuses of all peers by name, as this node sees them. */
  async peerStatuses(): Promise<ReadonlyMap<string, string>> {
    const { peers } = (await this.json("/api/v1/peers")) as unknown as {
      readonly peers: readonly { readonly name: string; readonly status: string }[];
    };
    return new Map(peers.map(({ name, status }) => [name, status]));
  }

  /** Status of a peer by name, as this node sees it. */
  async peerStatus(name: string): Promise<string> {
    return (await this.peerStatuses()).get(name) ?? "none";
  }

  /** The multiaddr by which others join this node. */
  async joinAddress(): Promise<string> {
    const { self } = (await this.json("/api/v1/peers")) as unknown as {
      readonly self: { readonly addresses: readonly string[] };
    };
    const address = self.addresses[0];
    if (address === undefined) throw new Error(`${this.options.name} has no address`);
    return address;
  }

  ask(method: string, path: string, body?: object): Promise<HttpAnswer> {
    const { namespace, httpPort } = this.options;
    const target =
      namespace === undefined
        ? { host: "127.0.0.1", port: httpPort }
        : { socketPath: namespace.socketPath };
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      host: `127.0.0.1:${httpPort}`,
      connection: "close",
      ...(payload === undefined
        ? {}
        : { "content-type": "application/json", "content-length": Buffer.byteLength(payload) }),
    };
    return new Promise((resolve, reject) => {
      const outgoing = request({ ...target, method, path, headers, timeout: 5_000 }, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", reject);
        incoming.on("end", () =>
          resolve({
            status: incoming.statusCode ?? 0,
            text: Buffer.concat(chunks).toString(),
            headers: incoming.headers,
          }),
        );
      });
      outgoing.on("timeout", () => outgoing.destroy(new Error(`no answer to ${method} ${path}`)));
      outgoing.on("error", reject);
      outgoing.end(payload);
    });
  }

  #startRelay(namespace: { readonly name: string; readonly socketPath: string }): void {
    const relay = fileURLToPath(new URL("unix-relay-main.ts", import.meta.url));
    const args = [
      "netns",
      "exec",
      namespace.name,
      process.execPath,
      relay,
      namespace.socketPath,
      String(this.options.httpPort),
    ];
    this.#relay = spawn("ip", args, { stdio: ["pipe", "ignore", "inherit"] });
  }
}

/** Asks every 50 ms until the answer is true; returns the milliseconds it took. */
export async function waitFor(
  what: string,
  withinMs: number,
  ask: () => Promise<boolean>,
): Promise<number> {
  const startedMs = performance.now();
  for (;;) {
    if (await ask()) return performance.now() - startedMs;
    if (performance.now() - startedMs > withinMs)
      throw new Error(`waited ${withinMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A fleet of processes in one temporary folder; the first node made the fleet and takes everybody, the others joined by its one multiaddr. */
export class ProcessFleet implements AsyncDisposable {
  readonly dir: string = mkdtempSync(join(tmpdir(), "pulsemesh-test-"));
  readonly nodes: NodeProcess[] = [];

  /** Starts nodes one after the other: `names` with their regions. */
  async start(
    members: readonly { readonly name: string; readonly region: string }[],
    options: Partial<NodeProcessOptions> = {},
  ): Promise<void> {
    for (const member of members) await this.add(member, options);
  }

  async add(
    member: { readonly name: string; readonly region: string },
    options: Partial<NodeProcessOptions> = {},
  ): Promise<NodeProcess> {
    const first = this.nodes[0];
    const isFounder = first === undefined && !existsSync(join(this.dir, member.name));
    const node = new NodeProcess({
      ...member,
      dataDir: join(this.dir, member.name),
      meshPort: await freePort(),
      httpPort: await freePort(),
      join: first === undefined ? [] : [await first.joinAddress()],
      ...options,
      args: [...(isFounder ? ["--open"] : []), ...(options.args ?? [])],
    });
    this.nodes.push(node);
    return node.start();
  }

  node(name: string): NodeProcess {
    const node = this.nodes.find(({ options }) => options.name === name);
    if (node === undefined) throw new Error(`no node ${name}`);
    return node;
  }

  /** Waits until each of `names` sees each other one of them as `status`. */
  async allSee(names: readonly string[], status: string, withinMs: number): Promise<number> {
    return waitFor(`${names.join(", ")} to see each other ${status}`, withinMs, async () => {
      for (const at of names) {
        const statuses = await this.node(at).peerStatuses();
        for (const of of names) if (at !== of && statuses.get(of) !== status) return false;
      }
      return true;
    });
  }

  /** The document hashes of these nodes. */
  async hashes(names: readonly string[]): Promise<readonly string[]> {
    return Promise.all(
      names.map(async (name) => {
        const { view } = (await this.node(name).json("/api/v1/peers")) as unknown as {
          readonly view: { readonly document_hash: string };
        };
        return view.document_hash;
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.dispose()));
    rmSync(this.dir, { recursive: true, force: true });
  }
}
