/** The lines of `docs/benchmarks.md` about the simulator's likeness. */
import { number, text } from "./pick.ts";
import type { Row } from "./row.ts";

const GOAL = { most: 1.25, least: 0.75 } as const;

export function calibrationRows(result: unknown): readonly Row[] {
  const of = (path: string): string => text(result, path);
  return [
    {
      what: `simulator for libp2p, ${of("nodes")} nodes with a pulse every ${of("work.pulseEveryMs")} ms and a change of each robot every ${of("work.patchEveryMs")} ms: bytes that a node sends a second`,
      goal: "0.75 to 1.25 of the real",
      measured: `${of("ratio.bytesOut")}: ${of("simulated.bytesOut")}`,
      n: "1",
      bounds: [{ value: number(result, "ratio.bytesOut"), ...GOAL }],
      baseLine: `real hosts ${of("real.bytesOut")}, ${of("real.connections")} connections and ${of("real.cpuPercent")}% of a core each`,
    },
    {
      what: "the same: from a change until another node tells it, p50",
      goal: "0.75 to 1.25 of the real",
      measured: `${of("ratio.delayP50")}: ${of("simulated.delaysMs.p50")} ms, p99 ${of("simulated.delaysMs.p99")} ms`,
      n: of("simulated.delaysMs.n"),
      bounds: [{ value: number(result, "ratio.delayP50"), ...GOAL }],
      baseLine: `real hosts p50 ${of("real.delaysMs.p50")} ms, p99 ${of("real.delaysMs.p99")} ms`,
    },
  ];
}
