/**
 * Builds what our Dockerfile says and runs it, without a container engine: each stage is a folder that a mount namespace turns into a root
 * file system, with this machine's `/usr` in place of the base image and this Node and npm in its `/usr/local`. So every step is run as it is
 * written, and the image's process is the first of its pid namespace, without root, on a root file system that cannot be written.
 *
 * Two things are not as an engine does them: the tools' `npm ci` of the build stage is the `node_modules` of this checkout, which the same
 * command made, and the base image's own Node, npm and libraries are not tried. Needs root.
 */
import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, posix } from "node:path";
import { root } from "../tool.ts";
import { contextFiles } from "./docker-context.ts";
import { environmentOf, last, readDockerfile, type Stage, words } from "./dockerfile.ts";

const outputBytesMax = 1 << 24;
const systemLinks = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];
const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** What the build stage's `npm ci` makes is here already. */
const toolsInstall = /^npm ci --ignore-scripts$/;

export interface ImageRun extends AsyncDisposable {
  /** Of the node, as this machine counts. */
  readonly pid: number;
  readonly output: () => string;
  /** As `docker exec` does: in the namespaces of the node, as its user. */
  exec(
    command: readonly string[],
    user?: string,
  ): { readonly status: number | null; readonly out: string };
  /** Sends SIGTERM as `docker stop` does, and waits for the end. */
  stop(): Promise<{ readonly code: number | null; readonly tookMs: number }>;
}

export class Image implements Disposable {
  readonly #dir: string = mkdtempSync(join(tmpdir(), "pulsemesh-image-"));
  readonly #stages = new Map<string, string>();
  readonly stage: Stage;
  /** The root file system. */
  readonly rootDir: string;

  constructor() {
    if (process.getuid?.() !== 0)
      throw new Error("This test makes root file systems. Run it as root.");
    const stages = readDockerfile(readFileSync(join(root, "Dockerfile"), "utf8"));
    const image = stages.at(-1);
    if (image === undefined) throw new Error("the Dockerfile has no stage");
    this.stage = image;
    try {
      this.rootDir = stages.map((stage) => this.#build(stage)).at(-1) ?? "";
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  get env(): Readonly<Record<string, string>> {
    return environmentOf(this.stage);
  }

  get healthcheck(): readonly string[] {
    return words(last(this.stage, "HEALTHCHECK"));
  }

  /** A folder that stands for a named volume: it takes over owner and mode of the place where it is mounted. */
  volume(name: string, mountedAt: string): string {
    const folder = join(this.#dir, `volume-${name}`);
    const { uid, gid, mode } = statSync(join(this.rootDir, mountedAt));
    mkdirSync(folder);
    execFileSync("chown", [`${uid}:${gid}`, folder]);
    chmodSync(folder, mode & 0o7777);
    return folder;
  }

  /** Starts ENTRYPOINT with CMD, or with `command` in its place. */
  async run(
    volumes: Readonly<Record<string, string>>,
    {
      env = {},
      command,
    }: { env?: Readonly<Record<string, string>>; command?: readonly string[] } = {},
  ): Promise<ImageRun> {
    const program = [
      ...words(last(this.stage, "ENTRYPOINT")),
      ...(command ?? words(last(this.stage, "CMD"))),
    ];
    const inside = ["env", "-i", `PATH=${path}`, "HOME=/", ...pairs({ ...this.env, ...env })];
    const workdir = last(this.stage, "WORKDIR") ?? "/";
    const user = last(this.stage, "USER") ?? "0:0";
    const script = [
      ...this.#mounts(this.rootDir),
      ...Object.entries(volumes).map(
        ([at, folder]) => `mount --bind ${folder} ${this.rootDir}${at}`,
      ),
      `mount -o remount,bind,ro ${this.rootDir}`,
      "ip link set lo up",
      `exec chroot ${this.rootDir} sh -c 'cd "$0" && exec "$@"' ${workdir} setpriv ${privileges(user)} "$@"`,
    ];
    const child = spawn(
      "unshare",
      [
        "-m",
        "-p",
        "-n",
        "-f",
        "--kill-child",
        "sh",
        "-ec",
        script.join("\n"),
        "sh",
        ...inside,
        ...program,
      ],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    return await running(child, user);
  }

  [Symbol.dispose](): void {
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #build(stage: Stage): string {
    const rootDir = join(this.#dir, `stage-${stage.name}`);
    this.#stages.set(stage.name, rootDir);
    makeSkeleton(rootDir);
    let workdir = "/";
    for (const { name, text } of stage.instructions) {
      if (name === "WORKDIR") workdir = text;
      if (name === "WORKDIR") mkdirSync(join(rootDir, workdir), { recursive: true });
      if (name === "COPY") this.#copy(rootDir, workdir, text);
      if (name === "RUN") this.#execute(rootDir, workdir, text, environmentOf(stage));
    }
    return rootDir;
  }

  #copy(rootDir: string, workdir: string, text: string): void {
    const [, from, rest = ""] = /^(?:--from=(\S+) )?(.*)$/.exec(text) ?? [];
    const places = rest.split(/\s+/);
    const to = join(rootDir, posix.resolve(workdir, places.at(-1) ?? ""));
    for (const place of places.slice(0, -1)) {
      const base = from === undefined ? root : (this.#stages.get(from) ?? "");
      const source = join(base, place);
      const isFolder = statSync(source).isDirectory();
      const target = !isFolder && rest.endsWith("/") ? join(to, posix.basename(place)) : to;
      mkdirSync(dirname(target), { recursive: true });
      if (from !== undefined || !isFolder)
        cpSync(source, target, { recursive: true, verbatimSymlinks: true });
      else
        for (const file of contextFiles(place)) {
          const copied = join(target, posix.relative(place, file));
          mkdirSync(dirname(copied), { recursive: true });
          cpSync(join(root, file), copied, { verbatimSymlinks: true });
        }
    }
  }

  #execute(
    rootDir: string,
    workdir: string,
    line: string,
    env: Readonly<Record<string, string>>,
  ): void {
    if (toolsInstall.test(line)) {
      mkdirSync(join(rootDir, workdir, "node_modules"));
      return;
    }
    const modules = join(rootDir, workdir, "node_modules");
    const script = [
      ...this.#mounts(rootDir),
      `mount --bind /etc ${rootDir}/etc`,
      `test -d ${npmCache()} && mount --bind ${npmCache()} ${rootDir}/root/.npm`,
      ...(existsSync(modules) ? [`mount --bind ${join(root, "node_modules")} ${modules}`] : []),
      `exec chroot ${rootDir} env -i PATH=${path} HOME=/root ${pairs({ ...npmSettings(), ...env }).join(" ")} sh -ec 'cd "$0" && eval "$1"' "$@"`,
    ];
    execFileSync("unshare", ["-m", "sh", "-ec", script.join("\n"), "sh", workdir, line], {
      stdio: ["ignore", "ignore", "pipe"],
      maxBuffer: outputBytesMax,
    });
  }

  #mounts(rootDir: string): readonly string[] {
    return [
      `mount --bind ${rootDir} ${rootDir}`,
      `mount --bind /usr ${rootDir}/usr`,
      `mount -o remount,bind,ro ${rootDir}/usr`,
      `mount --bind ${rootDir}/.local ${rootDir}/usr/local`,
      `mount --bind ${dirname(process.execPath)} ${rootDir}/.node`,
      `mount --bind ${npmFolder()} ${rootDir}/.npm`,
      `mount --rbind /dev ${rootDir}/dev`,
      `mount -t proc proc ${rootDir}/proc`,
    ];
  }
}

/** What is there before the first step: the places for mounts, and Node and npm where the official images have them. */
function makeSkeleton(rootDir: string): void {
  const folders = ["usr", "etc", "proc", "dev", "tmp", "root/.npm", ".node", ".npm", ".local/bin"];
  for (const folder of folders) mkdirSync(join(rootDir, folder), { recursive: true });
  for (const name of systemLinks) {
    if (existsSync(`/${name}`)) symlinkSync(`usr/${name}`, join(rootDir, name));
  }
  writeFileSync(join(rootDir, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  writeFileSync(join(rootDir, "etc/hosts"), "127.0.0.1 localhost\n");
  symlinkSync("/.node/node", join(rootDir, ".local/bin/node"));
  const npm = join(rootDir, ".local/bin/npm");
  writeFileSync(npm, '#!/bin/sh\nexec /usr/local/bin/node /.npm/bin/npm-cli.js "$@"\n', {
    mode: 0o755,
  });
}

function npmFolder(): string {
  const npm = execFileSync("sh", ["-c", "command -v npm"], { encoding: "utf8" }).trim();
  return dirname(dirname(realpathSync(npm)));
}

function npmCache(): string {
  return npmConfig("cache");
}

/** Packages come from where this machine gets them. */
function npmSettings(): Readonly<Record<string, string>> {
  return { npm_config_registry: npmConfig("registry"), npm_config_prefer_offline: "true" };
}

function npmConfig(key: string): string {
  return execFileSync("npm", ["config", "get", key], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  }).trim();
}

function pairs(env: Readonly<Record<string, string>>): string[] {
  return Object.entries(env).map(([key, value]) => `${key}=${value}`);
}

function privileges(user: string): string {
  const [uid = "0", gid = "0"] = user.split(":");
  return `--reuid=${uid} --regid=${gid} --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all`;
}

async function running(child: ChildProcess, user: string): Promise<ImageRun> {
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (part: Buffer) => (output += part.toString()));
  }
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const outer = child.pid ?? 0;
  const children = `/proc/${outer}/task/${outer}/children`;
  let pid = 0;
  for (let tries = 0; tries < 500 && pid === 0; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    pid = existsSync(children) ? Number(readFileSync(children, "utf8").trim()) : 0;
  }
  if (pid === 0) throw new Error(`the image did not start:\n${output}`);
  return {
    pid,
    output: () => output,
    exec: (command, as = user) => {
      const enter = ["-t", String(pid), "-m", "-p", "-n", "-r", "-w"];
      const inside = [
        "setpriv",
        ...privileges(as).split(" "),
        "env",
        "-i",
        `PATH=${path}`,
        "HOME=/",
      ];
      const { status, stdout, stderr } = spawnSync("nsenter", [...enter, ...inside, ...command], {
        encoding: "utf8",
      });
      return { status, out: `${stdout}${stderr}` };
    },
    stop: async () => {
      const startMs = performance.now();
      process.kill(pid, "SIGTERM");
      return { code: await ended, tookMs: performance.now() - startMs };
    },
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await ended;
    },
  };
}
