/** The lines of `docs/benchmarks.md` about the evidence of verdicts. */
import { number, text } from "./pick.ts";
import type { Row } from "./row.ts";

export function verdictRows(result: unknown): readonly Row[] {
  return [
    {
      what: "a bundle that proves a verdict by three witnesses: bytes beyond the statements of the authority",
      goal: "≤ 2,048",
      measured: text(result, "bytesBeyondStatements"),
      n: "1",
      bounds: [{ value: number(result, "bytesBeyondStatements"), most: 2_048 }],
      baseLine: `${text(result, "bytes")} with its ${text(result, "statements")} statements`,
    },
    {
      what: "the same: to verify it, signatures and statements and all",
      goal: "≤ 5 ms",
      measured: `CPU p50 ${text(result, "verifyCpuMs.p50")} ms, p90 ${text(result, "verifyCpuMs.p90")} ms, p99 ${text(result, "verifyCpuMs.p99")} ms; p50 ${text(result, "verifyMs.p50")} ms by the clock, the first in a process ${text(result, "firstMs")} ms`,
      n: text(result, "verifyMs.n"),
      bounds: [{ value: number(result, "verifyCpuMs.p90"), most: 5 }],
      baseLine: `\`pulsemesh verify-verdict\` from start to end ${text(result, "commandMs.p50")} ms`,
    },
  ];
}
