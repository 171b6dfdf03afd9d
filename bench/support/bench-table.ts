/** Every bench: its file, and the lines that its result adds to the table in `docs/benchmarks.md`. */
import { list, pick, text } from "./pick.ts";

interface Row {
  readonly what: string;
  readonly goal: string;
  readonly measured: string;
  /** What the figure is compared with, measured in the same run where that is possible. */
  readonly baseLine: string;
}

export interface Bench {
  readonly name: string;
  /** In this folder's parent. */
  readonly file: string;
  readonly rows: (result: unknown) => readonly Row[];
}

export const BENCHES: readonly Bench[] = [
  { name: "first-use", file: "first-use.bench.ts", rows: firstUse },
  { name: "sidecar", file: "sidecar.bench.ts", rows: sidecar },
  { name: "beats", file: "beats.bench.ts", rows: beats },
  { name: "records", file: "records.bench.ts", rows: records },
  { name: "state-latency", file: "state-latency.bench.ts", rows: stateLatency },
  { name: "generations", file: "generations.bench.ts", rows: generations },
  { name: "documents", file: "documents.bench.ts", rows: documents },
  { name: "hosts", file: "hosts.ts", rows: hosts },
  { name: "gossip-latency", file: "gossip-latency.ts", rows: gossipLatency },
  { name: "detection", file: "detection.bench.ts", rows: detection },
];

function firstUse(result: unknown): readonly Row[] {
  return [
    {
      what: "`pulsemesh dev` with 3 nodes until its live view shows all of them and 3 robots up, warm",
      goal: "≤ 5 s",
      measured: ms(result, "dev.upMs"),
      baseLine: "",
    },
    {
      what: "`pulsemesh run`, unbundled, until ready (its first pulse is out)",
      goal: "≤ 800 ms",
      measured: `${ms(result, "run.cached.readyMs")}, CPU ${text(result, "run.cached.cpuMs.p50")} ms`,
      baseLine: `bare node ${text(result, "bareNodeMs")} ms; without kept compiled code ${ms(result, "run.uncached.readyMs")}, CPU ${text(result, "run.uncached.cpuMs.p50")} ms`,
    },
  ];
}

function sidecar(result: unknown): readonly Row[] {
  return [
    {
      what: `sidecar with ${text(result, "robots")} robots at 10 s, unbundled: memory`,
      goal: "≤ 150 MB RSS",
      measured: `${text(result, "rssMb.p50")} MB (most ${text(result, "rssMb.max")})`,
      baseLine: "libp2p alone idles at 109–122 MB",
    },
    {
      what: "the same: CPU of one core",
      goal: "≤ 3%",
      measured: `${text(result, "cpuPercent")}%`,
      baseLine: "",
    },
  ];
}

function beats(result: unknown): readonly Row[] {
  return [
    {
      what: "HTTP beats a second, durable, with the mesh on",
      goal: "≥ 10,000",
      measured: `${text(result, "mesh.most.answersPerSecond")} (${text(result, "mesh.most.serverCpuMicrosPerBeat")} µs CPU a beat; crowded out ${text(result, "mesh.most.serverCrowdedOutPercent")}% of the time)`,
      baseLine: `fastify + LevelDB group commit, no mesh: ${text(result, "bare.most.answersPerSecond")} (ratio ${text(result, "ratioToBare.perSecond")})`,
    },
    {
      what: "the same at 5,000 a second: latency, open loop",
      goal: "p99 ≤ 25 ms",
      measured: `${ms(result, "mesh.half.latencyMs")} (crowded out ${text(result, "mesh.half.serverCrowdedOutPercent")}%)`,
      baseLine: ms(result, "bare.half.latencyMs"),
    },
  ];
}

function records(result: unknown): readonly Row[] {
  const count = text(result, "records");
  return [
    {
      what: `${count} signed records: ingest`,
      goal: "≤ 5 s",
      measured: cost(result, "ingest"),
      baseLine: `sign and group commit alone ${cost(result, "bare")}; OrbitDB 103 s`,
    },
    {
      what: `${count} signed records: full sync to an empty node in another process`,
      goal: "≤ 3 s",
      measured: `${text(result, "sync.syncedMs")} ms (CPU ${text(result, "sync.cpuMs")} + ${text(result, "sync.writerCpuMs")} ms)`,
      baseLine: "OrbitDB 57 s",
    },
    ...list(result, "churn").map((each) => ({
      what: `${text(result, "updates")} updates of ${text(each, "robots")} robot(s) through a whole node: rows of chain and snapshot left`,
      goal: "bounded",
      measured: `chain ${text(each, "chain.bytes")} B in ${text(each, "chain.rows")} rows, snapshot ${text(each, "part.bytes")} B; ${cost(each, "cost")}`,
      baseLine: "",
    })),
  ];
}

function stateLatency(result: unknown): readonly Row[] {
  return [
    {
      what: `state change on one node → event on another, ${text(result, "nodes")} processes`,
      goal: "p50 ≤ 15 ms, p99 ≤ 60 ms",
      measured: ms(result, "changeToEventMs"),
      baseLine: `the change's own answer: ${ms(result, "patchAnswerMs")}`,
    },
  ];
}

function generations(result: unknown): readonly Row[] {
  const longest = (who: string): string =>
    list(result, "rounds")
      .map((round) => text(round, `${who}.longestMs`))
      .join(", ");
  return [
    {
      what: `a generation of ${text(result, "robots")} robots (${text(result, "onePiece.bytes")} B): longest input of its author, of a follower, of a newcomer`,
      goal: "≤ 100 ms",
      measured: `${longest("own")} ms; ${longest("follow")} ms; ${longest("adopt")} ms (rounds)`,
      baseLine: `its parts in one piece: written ${text(result, "onePiece.writeMs")} ms, adopted ${text(result, "onePiece.adoptMs")} ms`,
    },
  ];
}

function documents(result: unknown): readonly Row[] {
  const size = (robots: string, key: string): Row => ({
    what: `document of ${robots} after ${text(result, "updates")} updates`,
    goal: `≤ ${text(result, `${key}.goalBytes`)} B`,
    measured: `${text(result, `${key}.snapshotBytes`)} B`,
    baseLine: `plain Yjs ${text(result, `${key}.plainYjsBytes`)} B`,
  });
  return [
    size("one robot", "oneRobot"),
    size("100 robots in turn", "hundredRobots"),
    {
      what: "hostile update bytes, 16 KiB: CPU until refused, worst kind",
      goal: "≤ 2 ms",
      measured: `${text(result, "hostile.worstDeltaMs")} ms`,
      baseLine: "plain Yjs: 68 s from 685 KB",
    },
  ];
}

function hosts(result: unknown): readonly Row[] {
  return [
    {
      what: `${text(result, "hosts")} libp2p hosts in ${text(result, "processes")} processes until all know all`,
      goal: "≤ 10 s, no failed dial, ≤ 16 own connections",
      measured: `${text(result, "allKnowAllMs")} ms, ${text(result, "dialsFailed")} failed, ${text(result, "ownConnectionsLargest")} own`,
      baseLine: "library defaults: 5 of 16 dials succeed",
    },
  ];
}

function gossipLatency(result: unknown): readonly Row[] {
  return list(result, "results").map((each) => ({
    what: `gossip from one of ${text(result, "hosts")} processes to each other (flood publishing: ${text(each, "floodPublish")})`,
    goal: "p50 ≤ 15 ms, p99 ≤ 60 ms",
    measured: `p50 ${text(each, "p50Ms")} ms, p99 ${text(each, "p99Ms")} ms`,
    baseLine: "",
  }));
}

function detection(result: unknown): readonly Row[] {
  return Object.entries(pick(result, "results") ?? {}).map(([way, each]: [string, unknown]) => ({
    what: `death of a node (${way}) → verdict on 99% of ${text(result, "nodes")} processes`,
    goal: "p50 ≤ 3,500 ms, p99 ≤ 4,000 ms",
    measured:
      typeof each === "string"
        ? `not measured: ${each}`
        : `${ms(each, "fleet")}; wrong ${text(each, "falseVerdicts")}, missed ${text(each, "missed")}`,
    baseLine: "Serf 0.9.4, LAN profile: 7.3–11.7 s",
  }));
}

/** Figures of milliseconds. */
function ms(result: unknown, path: string): string {
  return `p50 ${text(result, `${path}.p50`)} ms, p99 ${text(result, `${path}.p99`)} ms`;
}

function cost(result: unknown, path: string): string {
  return `${text(result, `${path}.wallMs`)} ms (CPU ${text(result, `${path}.cpuMs`)} ms)`;
}
