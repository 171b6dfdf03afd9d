/**
 * Generates beats from a process of its own: `node beat-load-main.ts '{"port":7420,…}'` prints one JSON object.
 *
 * First every robot beats once, which registers it and is not counted; that is the records bench's subject.
 * Closed loop (no rate): each connection keeps `pipelined` requests under way. Open loop (with a rate): requests are due at fixed
 * dates, and their latency counts from there, so that a server that stalls cannot make its own figures better by being asked less.
 */
import { BeatConnection } from "./beat-connection.ts";
import { figuresOf, round, type Figures } from "./figures.ts";
import { usageOf } from "./process-usage.ts";

export interface BeatLoad {
  readonly port: number;
  readonly connections: number;
  readonly robots: number;
  readonly seconds: number;
  /** Before anything is counted. */
  readonly warmUpSeconds: number;
  /** Requests under way on each connection. @default 1 */
  readonly pipelined?: number | undefined;
  /** The server, whose CPU time is read at the same moments as the answers are counted. */
  readonly serverPid: number;
  /** Requests a second; undefined for as many as are answered. */
  readonly perSecond?: number | undefined;
}

export interface BeatLoadResult {
  readonly answersPerSecond: number;
  readonly latencyMs: Figures;
  /** Answers other than 200, by status. */
  readonly others: Readonly<Record<number, number>>;
  readonly serverCpuPercent: number;
  readonly serverCpuMicrosPerBeat: number;
  /** Time in which the server waited for a processor that others had: above a few percent the other figures say little. */
  readonly serverCrowdedOutPercent: number;
  /** Of the generator itself; close to 100% means that it is what limits. */
  readonly cpuPercent: number;
}

const load = JSON.parse(process.argv[2] ?? "{}") as BeatLoad;
const latencies: number[] = [];
const others: Record<number, number> = {};
let beats = 0;
let counting = false;
let primed = 0;
const allPrimed = Promise.withResolvers<void>();

function nextRobot(): string {
  beats += 1;
  return `robot-${beats % load.robots}`;
}

function answered(connection: BeatConnection, status: number, sentMs: number): void {
  if (primed < load.robots) {
    primed += 1;
    if (primed === load.robots) allPrimed.resolve();
    else if (beats < load.robots) connection.beat(nextRobot(), performance.now());
    return;
  }
  if (counting) {
    if (status === 200) latencies.push(performance.now() - sentMs);
    else others[status] = (others[status] ?? 0) + 1;
  }
  if (load.perSecond === undefined) connection.beat(nextRobot(), performance.now());
}

const connections = Array.from(
  { length: load.connections },
  () =>
    new BeatConnection({
      port: load.port,
      answered,
      failed: (error) => {
        throw error;
      },
    }),
);

/** Sends what is due by now, each on the connection whose turn it is. */
function sendDue(perSecond: number, startedMs: number): void {
  let sent = 0;
  setInterval(() => {
    const due = ((performance.now() - startedMs) * perSecond) / 1_000;
    for (; sent < due; sent += 1) {
      connections[sent % connections.length]?.beat(
        nextRobot(),
        startedMs + (sent * 1_000) / perSecond,
      );
    }
  }, 1);
}

for (const connection of connections)
  if (beats < load.robots) connection.beat(nextRobot(), performance.now());
await allPrimed.promise;
if (load.perSecond !== undefined) sendDue(load.perSecond, performance.now());
else {
  for (const connection of connections) {
    for (let index = 0; index < (load.pipelined ?? 1); index += 1)
      connection.beat(nextRobot(), performance.now());
  }
}
await new Promise((resolve) => setTimeout(resolve, load.warmUpSeconds * 1_000));
counting = true;
const startedMs = performance.now();
const startedCpu = process.cpuUsage();
const serverBefore = usageOf(load.serverPid);
await new Promise((resolve) => setTimeout(resolve, load.seconds * 1_000));
counting = false;
const elapsedMs = performance.now() - startedMs;
const serverAfter = usageOf(load.serverPid);
const serverSeconds = serverAfter.cpuSeconds - serverBefore.cpuSeconds;
const crowdedOutSeconds = serverAfter.crowdedOutSeconds - serverBefore.crowdedOutSeconds;
const { user, system } = process.cpuUsage(startedCpu);
const result: BeatLoadResult = {
  answersPerSecond: Math.round((latencies.length * 1_000) / elapsedMs),
  latencyMs: figuresOf(latencies),
  others,
  serverCpuPercent: round((serverSeconds * 100_000) / elapsedMs),
  serverCpuMicrosPerBeat: round((serverSeconds * 1e6) / latencies.length),
  serverCrowdedOutPercent: round((crowdedOutSeconds * 100_000) / elapsedMs),
  cpuPercent: round((user + system) / elapsedMs / 10),
};
process.stdout.write(JSON.stringify(result), () => process.exit());
