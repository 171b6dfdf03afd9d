/**
 * Reads `strace -f -y` output into what matters about durability: which bytes of which file were written, which were synced,
 * and in what order relative to everything else. The page cache hides a missing sync from `kill -9`; this does not.
 */
import { spawnSync } from "node:child_process";

export type TracedCall =
  | { readonly type: "write"; readonly path: string; readonly text: string; readonly bytes: number }
  | { readonly type: "sync"; readonly path: string };

/** The options that make strace show writes and syncs with file names. */
export const STRACE_OPTIONS: readonly string[] = [
  "-f",
  "-y",
  "-qq",
  "-s",
  "64",
  "-e",
  "trace=write,pwrite64,writev,fdatasync,fsync",
];

/** @throws Error with the one line to run when strace is not there. */
export function requireStrace(): void {
  const found = spawnSync("strace", ["-V"], { stdio: "ignore" });
  if (found.error !== undefined) {
    throw new Error("This test needs strace. Run: apt-get install --yes strace");
  }
}

/** Completed calls in the order in which they ended. LevelDB has one write or sync of its log under way at a time. */
export function parseTrace(trace: string): readonly TracedCall[] {
  const calls: TracedCall[] = [];
  const unfinished = new Map<string, string>();
  for (const line of trace.split("\n")) {
    const [, pid, rest] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    if (pid === undefined || rest === undefined) continue;
    if (rest.endsWith("<unfinished ...>")) {
      unfinished.set(pid, rest.slice(0, -"<unfinished ...>".length).trimEnd());
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    const whole = resumed === null ? rest : `${unfinished.get(pid) ?? ""}${resumed[1] ?? ""}`;
    const call = parseCall(whole);
    if (call !== undefined) calls.push(call);
  }
  return calls;
}

function parseCall(line: string): TracedCall | undefined {
  const sync = /^(?:fdatasync|fsync)\(\d+<([^>]*)>\)\s+= 0/.exec(line);
  if (sync?.[1] !== undefined) return { type: "sync", path: sync[1] };
  const write = /^(?:write|pwrite64|writev)\(\d+<([^>]*)>, (.*)\)\s+= (\d+)$/.exec(line);
  if (write?.[1] === undefined) return undefined;
  return { type: "write", path: write[1], text: write[2] ?? "", bytes: Number(write[3]) };
}
