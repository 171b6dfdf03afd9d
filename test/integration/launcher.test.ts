/** The bin launcher, on this Node and on one that pretends to be old, with a stand-in for main.ts that shows what reaches it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { root } from "../tool.ts";

const standIn = `
export async function main(argv: string[]): Promise<number> {
  process.on("SIGTERM", () => process.exit(7));
  console.log(JSON.stringify({ pid: process.pid, argv, relayed: process.env["PULSEMESH_RELAYED"] ?? null }));
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
  readonly hello: () => Promise<{ pid: number; argv: string[]; relayed: string | null }>;
  readonly end: () => Promise<{ code: number | null; signal: string | null; stderr: string }>;
  readonly kill: (signal: NodeJS.Signals) => void;
}

function launch(oldNode: boolean, ...args: string[]): Launched {
  const bin = join(folder, "packages", "cli", "bin", "pulsemesh.js");
  const started = spawn(
    process.execPath,
    [...(oldNode ? ["--import", pretendOld] : []), bin, ...args],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  child = started;
  let stderr = "";
  started.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const first = once(started.stdout, "data");
  const exit = once(started, "close");
  return {
    hello: async () => JSON.parse(String((await first)[0])),
    end: async () => {
      const [code, signal] = await exit;
      return { code, signal, stderr };
    },
    kill: (signal) => started.kill(signal),
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

  test("passes SIGTERM on", async () => {
    const run = launch(oldNode, "wait");
    await run.hello();
    run.kill("SIGTERM");
    expect(await run.end()).toMatchObject({ code: 7 });
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

test("the launcher says what to run when there is no newer Node", async () => {
  rmSync(join(folder, "node_modules"));
  const { code, stderr } = await launch(true, "exit", "0").end();
  expect(code).toBe(2);
  expect(stderr).toContain("needs Node 24 or newer");
});
