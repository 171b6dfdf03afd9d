/** Every bench: its file, and the lines that its result adds to the table in `docs/benchmarks.md`. */
import { backupRows } from "./backup-rows.ts";
import type { Bound } from "./goal.ts";
import { healRows, soakRows, startRows } from "./lifetime-rows.ts";
import { farRows, membershipRows, partitionedRows } from "./membership-rows.ts";
import { calibrationRows } from "./calibration-rows.ts";
import { list, number, pick, text } from "./pick.ts";
import type { Row } from "./row.ts";
import { verdictRows } from "./verdict-rows.ts";

export interface Bench {
  readonly name: string;
  /** In this folder's parent. */
  readonly file: string;
  /** Given to it before those of the command line. */
  readonly options?: readonly string[] | undefined;
  readonly rows: (result: unknown) => readonly Row[];
  /** Takes so long that it only runs when it is named. @default false */
  readonly isLong?: boolean | undefined;
}

export const BENCHES: readonly Bench[] = [
  { name: "first-use", file: "first-use.bench.ts", rows: firstUse },
  { name: "sidecar", file: "sidecar.bench.ts", rows: sidecar },
  {
    name: "sidecar-bundled",
    file: "sidecar.bench.ts",
    options: ["--bundled"],
    rows: sidecarBundled,
  },
  { name: "beats", file: "beats.bench.ts", rows: beats },
  { name: "regularity", file: "regularity.bench.ts", rows: regularity },
  { name: "records", file: "records.bench.ts", rows: records },
  { name: "state-latency", file: "state-latency.bench.ts", rows: stateLatency },
  { name: "generations", file: "generations.bench.ts", rows: generations },
  { name: "documents", file: "documents.bench.ts", rows: documents },
  { name: "hosts", file: "hosts.ts", rows: hosts },
  { name: "gossip-latency", file: "gossip-latency.ts", rows: gossipLatency },
  { name: "detection", file: "detection.bench.ts", rows: detection },
  { name: "starved", file: "starved.bench.ts", rows: starved },
  { name: "backup", file: "backup.bench.ts", rows: backupRows },
  { name: "verdict", file: "verdict.bench.ts", rows: verdictRows },
  { name: "start", file: "start.bench.ts", rows: startRows },
  { name: "heal", file: "heal.bench.ts", rows: healRows },
  { name: "membership", file: "membership.bench.ts", rows: membershipRows },
  { name: "calibration", file: "calibration.bench.ts", rows: calibrationRows },
  { name: "partitioned", file: "partitioned.bench.ts", rows: partitionedRows },
  { name: "far", file: "far.bench.ts", rows: farRows },
  { name: "soak", file: "soak.bench.ts", rows: soakRows, isLong: true },
];

function firstUse(result: unknown): readonly Row[] {
  return [
    {
      what: "`pulsemesh dev` with 3 nodes until its live view shows all of them and 3 robots up, warm",
      goal: "≤ 5 s",
      measured: ms(result, "dev.upMs"),
      n: text(result, "dev.upMs.n"),
      bounds: [atMost(result, "dev.upMs.max", 5_000)],
      baseLine: "",
    },
    {
      what: "`pulsemesh run`, unbundled, until ready (its first pulse is out)",
      goal: "≤ 800 ms",
      measured: `${ms(result, "run.cached.readyMs")}, CPU ${text(result, "run.cached.cpuMs.p50")} ms`,
      n: text(result, "run.cached.readyMs.n"),
      bounds: [atMost(result, "run.cached.readyMs.max", 800)],
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
      n: text(result, "rssMb.n"),
      bounds: [atMost(result, "rssMb.max", 150)],
      baseLine: "libp2p alone idles at 109–122 MB",
    },
    {
      what: "the same: CPU of one core",
      goal: "≤ 3%",
      measured: `${text(result, "cpuPercent")}%`,
      n: "1",
      bounds: [atMost(result, "cpuPercent", 3)],
      baseLine: "",
    },
  ];
}

function sidecarBundled(result: unknown): readonly Row[] {
  return [
    {
      what: "the same, as images and services run it: memory",
      goal: "≤ 100 MB RSS",
      measured: `${text(result, "rssMb.p50")} MB (most ${text(result, "rssMb.max")})`,
      n: text(result, "rssMb.n"),
      bounds: [atMost(result, "rssMb.max", 100)],
      baseLine: "",
    },
    {
      what: "the same: start until ready",
      goal: "≤ 600 ms",
      measured: ms(result, "startToReadyMs"),
      n: text(result, "startToReadyMs.n"),
      bounds: [atMost(result, "startToReadyMs.max", 600)],
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
      n: text(result, "mesh.most.latencyMs.n"),
      bounds: [{ value: number(result, "mesh.most.answersPerSecond"), least: 10_000 }],
      baseLine: `fastify + LevelDB group commit, no mesh: ${text(result, "bare.most.answersPerSecond")} (ratio ${text(result, "ratioToBare.perSecond")})`,
    },
    {
      what: "the same at 5,000 a second: latency, open loop",
      goal: "p99 ≤ 25 ms",
      measured: `${ms(result, "mesh.half.latencyMs")} (crowded out ${text(result, "mesh.half.serverCrowdedOutPercent")}%)`,
      n: text(result, "mesh.half.latencyMs.n"),
      bounds: [atMost(result, "mesh.half.latencyMs.p99", 25)],
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
      n: "1",
      bounds: [atMost(result, "ingest.wallMs", 5_000)],
      baseLine: `sign and group commit alone ${cost(result, "bare")}; OrbitDB 103 s`,
    },
    {
      what: `${count} signed records: full sync to an empty node in another process`,
      goal: "≤ 3 s",
      measured: `${text(result, "sync.syncedMs")} ms (CPU ${text(result, "sync.cpuMs")} + ${text(result, "sync.writerCpuMs")} ms)`,
      n: "1",
      bounds: [atMost(result, "sync.syncedMs", 3_000)],
      baseLine: "OrbitDB 57 s",
    },
    ...list(result, "churn").map((each) => ({
      what: `${text(result, "updates")} updates of ${text(each, "robots")} robot(s) through a whole node: what is left on disk`,
      goal: `snapshot ≤ 1 KB + 1.1 × live bytes (${snapshotMost(each)?.toLocaleString("en") ?? "–"} B)`,
      measured: `snapshot ${text(each, "part.bytes")} B of ${text(each, "live.bytes")} live ones; chain after it ${text(each, "chain.bytes")} B in ${text(each, "chain.rows")} rows; ${cost(each, "cost")}`,
      n: "1",
      bounds: [{ value: number(each, "part.bytes"), most: snapshotMost(each) }],
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
      n: text(result, "changeToEventMs.n"),
      bounds: [
        atMost(result, "changeToEventMs.p50", 15),
        atMost(result, "changeToEventMs.p99", 60),
      ],
      baseLine: `the change's own answer: ${ms(result, "patchAnswerMs")}`,
    },
  ];
}

function generations(result: unknown): readonly Row[] {
  const longest = (who: string): string =>
    list(result, "rounds")
      .map(
        (round) => `${text(round, `${who}.longestMs`)} (CPU ${text(round, `${who}.longestCpuMs`)})`,
      )
      .join(", ");
  return [
    {
      what: `a generation of ${text(result, "robots")} robots (${text(result, "onePiece.bytes")} B): longest input of its author, of a follower, of a newcomer`,
      goal: "≤ 100 ms",
      measured: `ms in each round: ${longest("own")}; ${longest("follow")}; ${longest("adopt")}`,
      n: String(list(result, "rounds").length),
      bounds: list(result, "rounds").flatMap((round) =>
        ["own", "follow", "adopt"].map((who) => atMost(round, `${who}.longestMs`, 100)),
      ),
      baseLine: `its parts in one piece: written ${text(result, "onePiece.writeMs")} ms, adopted ${text(result, "onePiece.adoptMs")} ms`,
    },
  ];
}

function documents(result: unknown): readonly Row[] {
  const size = (robots: string, key: string): Row => ({
    what: `document of ${robots} after ${text(result, "updates")} updates`,
    goal: `≤ ${text(result, `${key}.goalBytes`)} B`,
    measured: `${text(result, `${key}.snapshotBytes`)} B`,
    n: "1",
    bounds: [atMost(result, `${key}.snapshotBytes`, number(result, `${key}.goalBytes`))],
    baseLine: `plain Yjs ${text(result, `${key}.plainYjsBytes`)} B`,
  });
  return [
    size("one robot", "oneRobot"),
    size("100 robots in turn", "hundredRobots"),
    {
      what: "hostile update bytes, 16 KiB: CPU until refused, worst kind",
      goal: "≤ 2 ms",
      measured: `${text(result, "hostile.worstDeltaMs")} ms`,
      n: text(result, "rounds"),
      bounds: [atMost(result, "hostile.worstDeltaMs", 2)],
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
      n: "1",
      bounds: [
        atMost(result, "allKnowAllMs", 10_000),
        atMost(result, "dialsFailed", 0),
        atMost(result, "ownConnectionsLargest", 16),
      ],
      baseLine: "library defaults: 5 of 16 dials succeed",
    },
  ];
}

function gossipLatency(result: unknown): readonly Row[] {
  return list(result, "results").map((each) => ({
    what: `gossip from one of ${text(result, "hosts")} processes to each other (flood publishing: ${text(each, "floodPublish")})`,
    goal: "p50 ≤ 15 ms, p99 ≤ 60 ms",
    measured: `p50 ${text(each, "p50Ms")} ms, p99 ${text(each, "p99Ms")} ms`,
    n: text(each, "messages"),
    bounds: [atMost(each, "p50Ms", 15), atMost(each, "p99Ms", 60)],
    baseLine: "",
  }));
}

function detection(result: unknown): readonly Row[] {
  return Object.entries(pick(result, "results") ?? {}).map(([way, each]: [string, unknown]) => ({
    what: `death of a node (${way}) → verdict on 99% of ${text(result, "nodes")} processes`,
    goal: "p50 ≤ 3,500 ms, p99 ≤ 4,000 ms, none wrong, none missed",
    measured:
      typeof each === "string"
        ? `not measured: ${each}`
        : `${ms(each, "fleet")}; wrong ${text(each, "falseVerdicts")}, missed ${text(each, "missed")}${wrongUntil(each)}`,
    n: `${text(each, "fleet.n")} rounds`,
    bounds: [
      atMost(each, "fleet.p50", 3_500),
      atMost(each, "fleet.p99", 4_000),
      atMost(each, "falseVerdicts", 0),
      atMost(each, "missed", 0),
    ],
    baseLine: serfLine(pick(pick(result, "serf"), way)),
  }));
}

/** What Serf took in the same run, if it was measured. */
function serfLine(serf: unknown): string {
  if (number(serf, "fleet.p50") === undefined) return "Serf 0.9.4, LAN profile: 7.3–11.7 s";
  const times = `${text(serf, "timesOurs.p50")} and ${text(serf, "timesOurs.p99")} times ours`;
  return `Serf 0.9.4, LAN profile, in the same run: ${ms(serf, "fleet")} (${times})`;
}

/** Results of before wrong verdicts were counted until all are up again say so. */
function wrongUntil(each: unknown): string {
  return number(each, "notUpAgain") === undefined ? " (counted until the verdict only)" : "";
}

/** What a snapshot may weigh; undefined where the live bytes were not measured. */
function snapshotMost(each: unknown): number | undefined {
  const live = number(each, "live.bytes");
  return live === undefined ? undefined : Math.round(1_024 + 1.1 * live);
}

function atMost(result: unknown, path: string, most: number | undefined): Bound {
  return { value: number(result, path), most };
}

/** Figures of milliseconds. */
function ms(result: unknown, path: string): string {
  return `p50 ${text(result, `${path}.p50`)} ms, p99 ${text(result, `${path}.p99`)} ms`;
}

function cost(result: unknown, path: string): string {
  return `${text(result, `${path}.wallMs`)} ms (CPU ${text(result, `${path}.cpuMs`)} ms)`;
}

function regularity(result: unknown): readonly Row[] {
  const robots = (number(result, "robots") ?? Number.NaN).toLocaleString("en");
  return [
    {
      what: `how regularly ${robots} robots beat, learned by their home: CPU that it adds to a beat, rows on disk encoded`,
      goal: "≤ 1 µs",
      measured: `mean ${text(result, "addedNs.mean")} ns (p50 of a round of all ${text(result, "addedNs.p50")} ns, worst ${text(result, "addedNs.max")} ns, when all rows are written)`,
      n: text(result, "addedNs.n"),
      bounds: [atMost(result, "addedNs.mean", 1_000)],
      baseLine: `the beat taken into the robot, and its row encoded: mean ${text(result, "baseNs.mean")} ns`,
    },
    {
      what: "the same: memory a robot",
      goal: "≤ 300 B",
      measured: `${text(result, "bytesPerRobot")} B; a row of ${text(result, "rowBytes")} B in 5 min at most; all of it worked out for a scrape in ${ms(result, "viewAllMs")}`,
      n: text(result, "robots"),
      bounds: [atMost(result, "bytesPerRobot", 300)],
      baseLine: "",
    },
  ];
}

function starved(result: unknown): readonly Row[] {
  return [
    {
      what: `${text(result, "nodes")} processes with ${text(result, "loops")} busy loops beside them, one cable pulled for ${text(result, "cutMs")} ms a round: wrong verdicts about the others`,
      goal: "0",
      measured: `${text(result, "wrongAboutOthers")} (second ones about the node that came back: ${text(result, "wrongAboutVictim")}; not noticed: ${text(result, "missed")})`,
      n: text(result, "rounds"),
      bounds: [atMost(result, "wrongAboutOthers", 0)],
      baseLine: "",
    },
    {
      what: "the same: until all see all up again",
      goal: "≤ 10 s",
      measured: `${ms(result, "upAgainMs")}; ${text(result, "busyCpuPercent.max")}% of a core a node`,
      n: text(result, "upAgainMs.n"),
      bounds: [atMost(result, "upAgainMs.max", 10_000)],
      baseLine: `${text(result, "quietCpuPercent")}% without the loops and the cut`,
    },
  ];
}
