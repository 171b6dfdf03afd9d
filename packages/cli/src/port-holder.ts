/** Who listens on a TCP port of this machine, as far as this user may see; Linux only. */
import { readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";

const listening = "0A";
const tables = ["/proc/net/tcp", "/proc/net/tcp6"];

export interface PortHolder {
  readonly pid: number;
  readonly name: string;
}

/** The process that listens on `port`, on whatever address; undefined where none is seen. */
export async function listenerOf(port: number): Promise<PortHolder | undefined> {
  const texts = await Promise.all(tables.map((path) => readFile(path, "utf8").catch(() => "")));
  const inodes = new Set(texts.flatMap((text) => listeningInodes(text, port)));
  if (inodes.size === 0) return undefined;
  const names = await readdir("/proc").catch((): string[] => []);
  for (const pid of names.filter((name) => /^\d+$/.test(name))) {
    if (await holdsOne(pid, inodes)) {
      const name = await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "");
      return { pid: Number(pid), name: name.trim() || "a process" };
    }
  }
  return undefined;
}

/** Inodes of sockets that listen on `port`, out of a table of the kernel's. */
export function listeningInodes(table: string, port: number): string[] {
  const portText = port.toString(16).toUpperCase().padStart(4, "0");
  return table
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((row) => row[1]?.endsWith(`:${portText}`) === true && row[3] === listening)
    .flatMap((row) => row[9] ?? []);
}

async function holdsOne(pid: string, inodes: ReadonlySet<string>): Promise<boolean> {
  const folder = join("/proc", pid, "fd");
  // Processes of other users keep theirs to themselves.
  const files = await readdir(folder).catch((): string[] => []);
  const targets = await Promise.all(
    files.map((file) => readlink(join(folder, file)).catch(() => "")),
  );
  return targets.some((target) => inodes.has(/^socket:\[(\d+)\]$/.exec(target)?.[1] ?? ""));
}
