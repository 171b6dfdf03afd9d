/** The lines of the membership bench in `docs/benchmarks.md`. */
import { number, text } from "./pick.ts";
import type { Row } from "./row.ts";

export function membershipRows(result: unknown): readonly Row[] {
  return [
    {
      what: "a grant is read: signature and claims",
      goal: "≤ 0.15 ms",
      measured: `p50 ${text(result, "readMicros.p50")} µs, p99 ${text(result, "readMicros.p99")} µs`,
      n: text(result, "readMicros.n"),
      bounds: [{ value: number(result, "readMicros.p50"), most: 150 }],
      baseLine: "",
    },
    {
      what: "16 KiB that are no statement: CPU until refused, worst kind",
      goal: "≤ 2 ms",
      measured: `${text(result, "hostile.worstMs")} ms`,
      n: "200",
      bounds: [{ value: number(result, "hostile.worstMs"), most: 2 }],
      baseLine: "",
    },
    ...inVainRows(result),
    {
      what: "hello adds to a new connection: the protocol, and both grants read and judged",
      goal: "≤ 15 ms",
      measured: `p50 ${text(result, "hello.helloMs.p50")} ms, p99 ${text(result, "hello.helloMs.p99")} ms`,
      n: text(result, "hello.helloMs.n"),
      bounds: [{ value: number(result, "hello.helloMs.p99"), most: 15 }],
      baseLine: `the connection itself p50 ${text(result, "hello.dialMs.p50")} ms`,
    },
    {
      what: "`init`, `invite` and `join`: the three commands together",
      goal: "≤ 10 s",
      measured: `p50 ${text(result, "commandsMs.p50")} ms, worst ${text(result, "commandsMs.max")} ms`,
      n: text(result, "commandsMs.n"),
      bounds: [{ value: number(result, "commandsMs.max"), most: 10_000 }],
      baseLine: "",
    },
    {
      what: `a node is revoked: until it counts nowhere and is connected to nobody, ${text(result, "nodes")} nodes in ${text(result, "processes")} processes`,
      goal: "p99 ≤ 2 s",
      measured: `p50 ${text(result, "revocationMs.p50")} ms, p99 ${text(result, "revocationMs.p99")} ms, missed ${text(result, "revocationMs.missed")}`,
      n: text(result, "revocationMs.n"),
      bounds: [
        { value: number(result, "revocationMs.p99"), most: 2_000 },
        { value: number(result, "revocationMs.missed"), most: 0 },
      ],
      baseLine: "",
    },
  ];
}

/** Well-signed statements that count nowhere. */
function inVainRows(result: unknown): readonly Row[] {
  return [
    {
      what: "statements of a key that no root statement speaks of, offered as fast as they are asked for: CPU per 16 KiB",
      goal: "≤ 2 ms",
      measured: `${text(result, "inVain.unknown.cpuMsPerPiece")} ms`,
      n: text(result, "inVain.unknown.statements"),
      bounds: [{ value: number(result, "inVain.unknown.cpuMsPerPiece"), most: 2 }],
      baseLine: "",
    },
    {
      what: "the same of the key of an issuer that was replaced, where each signature is looked at",
      goal: "≤ 2 ms",
      measured: `${text(result, "inVain.replaced.cpuMsPerPiece")} ms; ${text(result, "inVain.replaced.cpuMsPerSecond")} ms in a second, which is all that one peer is asked for`,
      n: text(result, "inVain.replaced.statements"),
      bounds: [{ value: number(result, "inVain.replaced.cpuMsPerPiece"), most: 2 }],
      baseLine: "",
    },
  ];
}

/** The line of the bench of who was away. */
export function partitionedRows(result: unknown): readonly Row[] {
  return [
    {
      what: "a node was cut off while another was revoked: from the first pulse that it hears until it holds the revocation",
      goal: "≤ 1 s",
      measured: `p50 ${text(result, "afterConnectionMs.p50")} ms, worst ${text(result, "afterConnectionMs.max")} ms`,
      n: text(result, "afterConnectionMs.n"),
      bounds: [{ value: number(result, "afterConnectionMs.max"), most: 1_000 }],
      baseLine: `from the healing of the cable p50 ${text(result, "afterHealMs.p50")} ms, worst ${text(result, "afterHealMs.max")} ms`,
    },
  ];
}

/** The lines of the bench of nodes that are far apart and cannot be dialled. */
export function farRows(result: unknown): readonly Row[] {
  const where = `three nodes ${text(result, "delayMs")} ms apart one way, two of which nobody can dial`;
  return [
    {
      what: `${where}: from the answer to a write at the one until the other shows it`,
      goal: "",
      measured: `p50 ${text(result, "writeMs.p50")} ms, worst ${text(result, "writeMs.max")} ms`,
      n: text(result, "writeMs.n"),
      bounds: [],
      baseLine: "twice the way",
    },
    {
      what: `${where}: one of them is killed, until both others say so`,
      goal: "",
      measured: `p50 ${text(result, "killMs.p50")} ms, worst ${text(result, "killMs.max")} ms`,
      n: text(result, "killMs.n"),
      bounds: [],
      baseLine: "",
    },
  ];
}
