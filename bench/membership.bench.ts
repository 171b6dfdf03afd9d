/**
 * What membership costs: reading a grant, refusing hostile bytes, saying hello, three commands from nothing to two members, and how long a revoked
 * node is heard by the others.
 *
 *   node bench/membership.bench.ts [--nodes 64] [--processes 4] [--rounds 10]
 */
import { type ChildProcess, fork, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createFleetAuthority, createNode, type PulsemeshNode } from "@pulsemesh/node";
import { freePort } from "../test/support/free-port.ts";
import { figuresOf, progress, report, type Figures } from "./support/figures.ts";
import type { MemberAnswer, MemberCommand } from "./support/member-worker-main.ts";
import { UNHURRIED } from "./support/unhurried.ts";
import { type HelloCost, helloCost } from "./support/hello-cost.ts";
import { floodCosts } from "./support/statement-flood.ts";
import { hostileCpuMs, readMs } from "./support/token-costs.ts";

const { values } = parseArgs({
  options: {
    nodes: { type: "string", default: "64" },
    processes: { type: "string", default: "4" },
    rounds: { type: "string", default: "10" },
  },
});
const nodes = Number(values.nodes);
const processes = Number(values.processes);
const rounds = Number(values.rounds);

const launcher = join(import.meta.dirname, "..", "packages/cli/bin/pulsemesh.js");
const UP_MS_MAX = 180_000;
const EXPELLED_MS_MAX = 30_000;
const HELLOS = 100;
/** A look at a whole fleet costs each node some of the time that it needs to be up. */
const LOOK_EVERY_MS = 1_000;
const LOOK_AT_ONE_EVERY_MS = 20;

/** `init`, `invite` and `join`, with the issuer's node running in between: what a person waits for the three, not for the node. */
async function threeCommandsMs(): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), "pulsemesh-bench-"));
  const cli = (...args: readonly string[]): string => {
    const done = spawnSync(process.execPath, [launcher, ...args], { encoding: "utf8" });
    if (done.status !== 0) throw new Error(done.stderr);
    return done.stdout.trim();
  };
  let ms = 0;
  const timed = (...args: readonly string[]): string => {
    const begunMs = performance.now();
    const out = cli(...args);
    ms += performance.now() - begunMs;
    return out;
  };
  try {
    timed("init", "--data", join(dir, "a"), "--root", join(dir, "root"));
    const port = await freePort();
    const places = ["--http", `127.0.0.1:${port}`, "--listen", "/ip4/127.0.0.1/tcp/0"];
    const run = spawn(process.execPath, [launcher, "run", "--data", join(dir, "a"), ...places], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    try {
      for await (const part of run.stdout) if (String(part).includes("address  /")) break;
      const invite = timed("invite", "--url", `http://127.0.0.1:${port}`);
      timed("join", invite, "--data", join(dir, "b"));
    } finally {
      run.kill("SIGKILL");
    }
    return ms;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

async function hello(): Promise<HelloCost> {
  const dir = mkdtempSync(join(tmpdir(), "pulsemesh-bench-"));
  const listen = ["/ip4/127.0.0.1/tcp/0"];
  const node = await createNode({ dataDir: join(dir, "a"), name: "a", listen });
  try {
    return await helloCost(node, HELLOS);
  } finally {
    await node.stop();
    rmSync(dir, { recursive: true });
  }
}

/** A fleet of real nodes in a few processes, all invited by one. */
class MemberFleet {
  readonly dir: string = mkdtempSync(join(tmpdir(), "pulsemesh-bench-"));
  readonly #workers: readonly ChildProcess[];
  #issuer: PulsemeshNode | undefined;

  constructor() {
    const script = join(import.meta.dirname, "support", "member-worker-main.ts");
    this.#workers = Array.from({ length: processes - 1 }, () =>
      fork(script, { stdio: ["ignore", "inherit", "inherit", "ipc"] }),
    );
  }

  get issuer(): PulsemeshNode {
    if (this.#issuer === undefined) throw new Error("The fleet has not started.");
    return this.#issuer;
  }

  async start(): Promise<void> {
    const dir = join(this.dir, "issuer");
    const nowS = Date.now() / 1_000;
    await createFleetAuthority({ dir, rootDir: join(this.dir, "root"), region: "eu", nowS });
    this.#issuer = await createNode({
      dataDir: dir,
      name: "issuer",
      listen: ["/ip4/127.0.0.1/tcp/0"],
      ...UNHURRIED,
    });
    const terms = { roles: ["robot"], robots: ["*"], ttlMs: 3_600_000, uses: 100 } as const;
    const invite = (await this.issuer.issuer?.invite(terms)) ?? "";
    const share = Math.ceil((nodes - 1) / this.#workers.length);
    await Promise.all(
      this.#workers.map((worker, at) => {
        const count = Math.min(share, nodes - 1 - at * share);
        const names = Array.from({ length: count }, (_, i) => `n${at * share + i}`);
        return ask(worker, { type: "start", dir: this.dir, names, invite });
      }),
    );
    await this.#until(
      "all to see all",
      { limitMs: UP_MS_MAX, everyMs: LOOK_EVERY_MS },
      async () => {
        const answers = await this.#askAll({ type: "smallest-roster" });
        return answers.every((answer) => answer.type === "roster" && answer.smallest >= nodes);
      },
    );
  }

  /** From the command until the node counts nowhere: for each node that should know. */
  async revoke(index: number): Promise<readonly number[]> {
    const { node } = this.issuer.fleetView().nodes[index] ?? { node: "" };
    const watching = this.#askAll({ type: "watch", node, limitMs: EXPELLED_MS_MAX });
    const begunMs = Date.now();
    await this.issuer.issuer?.revoke(node, "bench");
    const ownMs = await this.#outHere(node, begunMs);
    const seen = (await watching).flatMap((answer) =>
      answer.type === "out" ? answer.atWallMs : [],
    );
    return [ownMs, ...seen.map((atMs) => atMs - begunMs)];
  }

  async stop(): Promise<void> {
    await this.#askAll({ type: "stop" }).catch(() => []);
    for (const worker of this.#workers) worker.kill();
    await this.#issuer?.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }

  async #outHere(node: string, begunMs: number): Promise<number> {
    const often = { limitMs: EXPELLED_MS_MAX, everyMs: LOOK_AT_ONE_EVERY_MS };
    await this.#until("the issuer to have it out", often, () =>
      Promise.resolve(!this.issuer.fleetView().nodes.some((other) => other.node === node)),
    );
    return Date.now() - begunMs;
  }

  #askAll(command: MemberCommand): Promise<readonly MemberAnswer[]> {
    return Promise.all(this.#workers.map((worker) => ask(worker, command)));
  }

  async #until(
    what: string,
    { limitMs, everyMs }: { readonly limitMs: number; readonly everyMs: number },
    holds: () => Promise<boolean>,
  ): Promise<void> {
    const endMs = performance.now() + limitMs;
    while (!(await holds())) {
      if (performance.now() > endMs) throw new Error(`Waited ${limitMs} ms in vain for ${what}.`);
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  }
}

function ask(worker: ChildProcess, command: MemberCommand): Promise<MemberAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<MemberAnswer>();
  const onExit = (): void => reject(new Error("a worker has ended"));
  worker.once("exit", onExit);
  worker.once("message", (answer) => {
    worker.off("exit", onExit);
    resolve(answer as MemberAnswer);
  });
  worker.send(command);
  return promise;
}

async function revocation(): Promise<Figures & { readonly missed: number }> {
  const fleet = new MemberFleet();
  try {
    await fleet.start();
    progress(`${nodes} nodes in ${processes} processes are up`);
    const samples: number[] = [];
    let missed = 0;
    for (let round = 0; round < rounds; round++) {
      const seen = await fleet.revoke(0);
      samples.push(...seen);
      // Each round there is one node less, and the revoked ones need not know.
      missed += nodes - 1 - round - seen.length;
      progress(`revocation ${round + 1}/${rounds}: ${JSON.stringify(figuresOf(seen))}`);
    }
    return { ...figuresOf(samples), missed };
  } finally {
    await fleet.stop();
  }
}

const read = await readMs();
progress(`a grant is read in (µs): ${JSON.stringify(read)}`);
const hostile = await hostileCpuMs();
progress(`16 KiB are refused in (ms): ${JSON.stringify(hostile)}`);
const inVain = await floodCosts();
progress(`statements that count nowhere cost: ${JSON.stringify(inVain)}`);
const helloMs = await hello();
progress(`a hello takes: ${JSON.stringify(helloMs)}`);
const commands: number[] = [];
for (let i = 0; i < 5; i++) commands.push(await threeCommandsMs());
const commandsMs = figuresOf(commands);
progress(`init, invite and join take: ${JSON.stringify(commandsMs)}`);
const revocationMs = await revocation();
const costs = { readMicros: read, hostile, inVain, hello: helloMs, commandsMs };
report("membership", { ...costs, nodes, processes, revocationMs });
process.exit(0);
