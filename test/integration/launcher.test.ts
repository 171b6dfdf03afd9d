/** The bin launcher, on this Node and on one that pretends to be old, with a stand-in for main.ts that shows what reaches it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RUN_NODE_FLAGS } from "../../packages/cli/src/run-node-flags.ts";
import { root } from "../tool.ts";

const standIn = `
export async function main(argv: string[]): Promise<number> {
  process.on("SIGTERM", () => process.exit(7));
  process.on("SIGUSR1", () => process.exit(9));
  const relayed = process.env["PULSEMESH_RELAYED"] ?? null;
  console.log(JSON.stringify({ pid: process.pid, argv, relayed, flags: process.execArgv }));
  if (argv[0] === "wait") setInterval(() => {}, 1_000);
  return argv[0] === "exit" ? Number(argv[1]) : 0;
}
`;

/** Loaded before the launcher: the first process takes itself for Node 20, the one that it starts does not. */
const pretendOld =
  'data:text/javascript,if (process.env.PULSEMESH_RELAYED !== "1") Object.defineProperty(process.versions, "node", { value: "20.0.0" })';

let folder = "";
let child: ChildProcess | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pulsemesh-launcher-"));
  const cli = join(folder, "packages", "cli");
  mkdirSync(join(cli, "src"), { recursive: true });
  writeFileSync(join(cli, "package.json"), '{ "type": "module" }');
  writeFileSync(join(cli, "src", "main.ts"), standIn);
  cpSync(join(root, "packages", "cli", "bin"), join(cli, "bin"), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
});

afterEach(() => {
  child?.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

interface Launched {
  /** What the stand-in printed first. */
  readonly hello: () => Promise<Hello>;
  readonly end: () => Promise<{ code: number | null; signal: string | null; stderr: string }>;
  readonly kill: (signal: NodeJS.Signals) => void;
  /** Of the process that was started. */
  readonly pid: number | undefined;
}

interface Hello {
  readonly pid: number;
  readonly argv: readonly string[];
  readonly relayed: string | null;
  /** Node's own. */
  readonly flags: readonly string[];
}

interface LaunchOptions {
  readonly oldNode: boolean;
  readonly nodeOptions?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Whether the parent holds a channel to it, as `dev` does. */
  readonly channel?: boolean | undefined;
}

function launch(on: boolean | LaunchOptions, ...args: string[]): Launched {
  const options = typeof on === "boolean" ? { oldNode: on } : on;
  const { oldNode, nodeOptions = "", channel = false, env }: LaunchOptions = options;
  const bin = join(folder, "packages", "cli", "bin", "pulsemesh.js");
  const started = spawn(
    process.execPath,
    [...(oldNode ? ["--import", pretendOld] : []), bin, ...args],
    {
      stdio: ["ignore", "pipe", "pipe", channel ? "ipc" : "ignore"],
      env: { ...process.env, NODE_OPTIONS: nodeOptions, ...env },
    },
  );
  child = started;
  let stderr = "";
  const { stdout, stderr: errors } = started;
  if (stdout === null || errors === null) throw new Error("the launcher has no output");
  errors.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const first = once(stdout, "data");
  const exit = once(started, "close");
  return {
    hello: async () => JSON.parse(String((await first)[0])),
    end: async () => {
      const [code, signal] = await exit;
      return { code, signal, stderr };
    },
    kill: (signal) => started.kill(signal),
    pid: started.pid,
  };
}

describe.each([
  { title: "on a Node that is new enough", oldNode: false },
  { title: "on an old Node", oldNode: true },
])("the launcher $title", ({ oldNode }) => {
  test("passes arguments on, the exit code back, and leaves no trace in the environment", async () => {
    const run = launch(oldNode, "exit", "5", "--x");
    expect(await run.hello()).toMatchObject({ argv: ["exit", "5", "--x"], relayed: null });
    expect(await run.end()).toMatchObject({ code: 5, signal: null });
  });

  test("CLI20 gives run a Node that takes less memory, and no other command", async () => {
    const run = launch(oldNode, "run", "--x");
    const hello = await run.hello();
    expect(hello.flags).toEqual(expect.arrayContaining([...RUN_NODE_FLAGS]));
    expect(hello).toMatchObject({ argv: ["run", "--x"], relayed: null });
    expect(hello.pid === run.pid).toBe(!oldNode);
    expect(await run.end()).toMatchObject({ code: 0, stderr: "" });
    const other = await launch(oldNode, "exit", "0").hello();
    expect(other.flags).not.toEqual(expect.arrayContaining([...RUN_NODE_FLAGS]));
  });

  test("CLI20 leaves the memory of run alone where the user has chosen", async () => {
    const nodeOptions = "--max-semi-space-size=16";
    const { flags } = await launch({ oldNode, nodeOptions }, "run").hello();
    expect(flags).not.toEqual(expect.arrayContaining([...RUN_NODE_FLAGS]));
  });

  test.runIf(existsSync("/proc/self"))(
    "CLI20 starts also where no folder can be made in the home and the system says ENOENT to it",
    async () => {
      const env = { HOME: "/proc", XDG_CACHE_HOME: "", NODE_COMPILE_CACHE: undefined };
      expect(await launch({ oldNode, env }, "exit", "5").end()).toMatchObject({ code: 5 });
    },
  );

  test("passes SIGTERM on", async () => {
    const run = launch(oldNode, "wait");
    await run.hello();
    run.kill("SIGTERM");
    expect(await run.end()).toMatchObject({ code: 7 });
  });

  test("passes SIGUSR1 on, and opens no inspector", async () => {
    const run = launch(oldNode, "wait");
    await run.hello();
    run.kill("SIGUSR1");
    expect(await run.end()).toMatchObject({ code: 9, stderr: "" });
  });

  test("CLI22 takes the end of the shell that npm started it with for SIGTERM", async () => {
    const bin = join(folder, "packages", "cli", "bin", "pulsemesh.js");
    const node = [process.execPath, ...(oldNode ? ["--import", pretendOld] : []), bin, "wait"];
    // A shell that does not become the program, as that of npm may not.
    const shell = spawn("sh", ["-c", '"$@"; echo "ended with $?"', "sh", ...node], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, npm_command: "exec" },
    });
    child = shell;
    const closed = once(shell, "close");
    await once(shell.stdout, "data");
    shell.kill("SIGTERM");
    // Ends only when nobody holds the pipe any more.
    expect(await closed).toEqual([null, "SIGTERM"]);
  });

  test("leaves no node behind when it is killed with SIGKILL", async () => {
    const run = launch(oldNode, "wait");
    await run.hello();
    run.kill("SIGKILL");
    // Ends only when the pipes close, and they close when every process that holds them is gone. The pid would say less:
    // where nobody reaps orphans it stays taken.
    expect(await run.end()).toMatchObject({ signal: "SIGKILL" });
  });

  test("reports the signal that ended the node", async () => {
    const run = launch(oldNode, "wait");
    process.kill((await run.hello()).pid, "SIGKILL");
    expect(await run.end()).toMatchObject({ signal: "SIGKILL" });
  });

  test("says what is missing when there is nothing to start", async () => {
    rmSync(join(folder, "packages", "cli", "src"), { recursive: true });
    const { code, stderr } = await launch(oldNode).end();
    expect(code).toBe(2);
    expect(stderr).toContain("npm ci");
  });
});

test("DP1 the first process of a container ends by a signal that comes while it loads", async () => {
  const cli = join(folder, "packages", "cli");
  // Loading takes for ever, and nobody listens for signals meanwhile.
  const loading = 'console.log("loading"); await new Promise(() => setInterval(() => {}, 1_000));';
  writeFileSync(join(cli, "src", "main.ts"), loading);
  expect(await endedAsFirst(cli)).toEqual([143, null]);
});

/** How `run` ends that is the first process of a container, by a SIGTERM once it has printed something. */
async function endedAsFirst(cli: string): Promise<unknown> {
  const node = [process.execPath, join(cli, "bin", "pulsemesh.js"), "run"];
  const outer = spawn("unshare", ["-U", "-r", "-p", "-f", "--kill-child", ...node], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  child = outer;
  const ended = once(outer, "exit");
  await once(outer.stdout, "data");
  const { pid } = outer;
  const first = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8"));
  process.kill(first, "SIGTERM");
  const never = wait(10_000, "deaf", { ref: false });
  return await Promise.race([ended, never]);
}

test.each([
  ["run", "loading heard"],
  ["wait", null],
])(
  "CFG8 a SIGHUP while '%s' loads waits for who can tell what it means: %j",
  async (command, heard) => {
    const cli = join(folder, "packages", "cli");
    const main = `
import { existsSync } from "node:fs";
process.stdout.write("loading ");
while (!existsSync(${JSON.stringify(join(folder, "go"))})) await new Promise((go) => setTimeout(go, 5));
export function main() {
  return new Promise((end) => {
    const limit = setTimeout(end, 5_000, 99);
    process.on("SIGHUP", () => {
      process.stdout.write("heard");
      clearTimeout(limit);
      setTimeout(end, 20, process.listenerCount("SIGHUP"));
    });
  });
}`;
    writeFileSync(join(cli, "src", "main.ts"), main);
    const run = spawn(process.execPath, [join(cli, "bin", "pulsemesh.js"), command], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    child = run;
    const ended = once(run, "close");
    let out = "";
    run.stdout.on("data", (part: Buffer) => (out += part.toString()));
    await once(run.stdout, "data");
    process.kill(run.pid ?? 0, "SIGHUP");
    // Whoever has not died of it by then never will.
    await Promise.race([ended, wait(200, undefined, { ref: false })]);
    writeFileSync(join(folder, "go"), "");
    expect(await ended).toEqual(heard === null ? [null, "SIGHUP"] : [1, null]);
    if (heard !== null) expect(out).toBe(heard);
  },
);

test("DP1 the first process of a container ends by a signal that comes while its command starts", async () => {
  const cli = join(folder, "packages", "cli");
  const starting =
    'export async function main() { console.log("starting"); await new Promise(() => setInterval(() => {}, 1_000)); }';
  writeFileSync(join(cli, "src", "main.ts"), starting);
  expect(await endedAsFirst(cli)).toEqual([143, null]);
});

test("CLI20 a process with a channel to its parent keeps it", async () => {
  const run = launch({ oldNode: false, channel: true }, "run");
  expect((await run.hello()).flags).toEqual([]);
  expect(await run.end()).toMatchObject({ code: 0 });
});

test("the launcher says what to run when there is no newer Node", async () => {
  rmSync(join(folder, "node_modules"));
  const { code, stderr } = await launch(true, "exit", "0").end();
  expect(code).toBe(2);
  expect(stderr).toContain("needs Node 24 or newer");
});
