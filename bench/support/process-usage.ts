/** What a process has used so far, as the kernel accounts it: its own word would not count what it does outside JavaScript. */
import { readFileSync } from "node:fs";

export interface ProcessUsage {
  readonly rssMb: number;
  /** User and system time of all threads. */
  readonly cpuSeconds: number;
  /** Time in which the main thread could have run and had no processor: what other work on the machine cost it. */
  readonly crowdedOutSeconds: number;
}

/** Linux counts CPU time in hundredths of a second. */
const TICKS_PER_SECOND = 100;

export function usageOf(pid: number): ProcessUsage {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const rssKb = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]);
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  const [, waitedNs] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, "utf8").split(" ");
  return {
    rssMb: rssKb / 1024,
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
    crowdedOutSeconds: Number(waitedNs) / 1e9,
  };
}
