/**
 * What documents cost, beside plain Yjs in the same run: size after many updates of one robot and of 100 in turn, hostile bytes, and
 * an honest delta's way through the gate. `node bench/documents.bench.ts [updates] [rounds]` prints one JSON object; times are
 * medians of CPU time.
 */
import type { DocumentsPort, GenerationRef, Json, RobotId } from "@pulsemesh/core";
import { createYjsDocuments } from "@pulsemesh/doc-yjs";
import { decodePlainV2, plainYjs } from "../packages/doc-yjs/src/plain-yjs.bench.ts";
import {
  any,
  collected,
  content,
  firstItem,
  forgeUpdate,
  nextItem,
  varUint,
} from "../packages/testkit/src/forged-update.ts";

const updates = Number(process.argv[2] ?? 100_000);
const rounds = Number(process.argv[3] ?? 7);
const SNAPSHOT_EVERY = 1_000;
const REPLAYED = 10_000;
const PART_BYTES = 256 * 1024;
const CLIENT = 2 ** 32 + 1_234_567_890_123;
const GENERATION: GenerationRef = {
  document: "reported",
  author: "12D3KooWBenchBenchBenchBenchBenchBenchBenchBenchBen1",
  epoch: 1,
};
const ROOT = GENERATION.author.slice(-8);

process.stdout.write(
  `${JSON.stringify({
    bench: "documents",
    updates,
    rounds,
    oneRobot: sizes(1),
    hundredRobots: sizes(100),
    honest: honest(),
    hostile: hostile(),
    goals: {
      snapshotBytes: "<= 1024 + 1.1 x live bytes",
      hostileDeltaMs: 2,
      hostilePartMs: 25,
      replay10000Ms: 100,
    },
  })}\n`,
);

/** A record as core writes it: fields with stamps, tombstones. */
function record(index: number): Json {
  const hlc = 1_900_000_000_000_000 + index;
  return { f: { "/status": [hlc, "scanning"], "/progress": [hlc, index % 100] }, t: {} };
}

function sizes(robots: number): object {
  const documents = opened();
  const baseline = plainYjs(7);
  let generation = 0;
  let snapshotBytes = 0;
  let snapshotMs = 0;
  for (let index = 0; index < updates; index++) {
    const robot = `robot-${index % robots}`;
    documents.write(GENERATION, [{ robot, value: record(index) }]);
    baseline.set(robot, record(index));
    if ((index + 1) % SNAPSHOT_EVERY !== 0) continue;
    generation++;
    snapshotMs += timedMs(() => {
      snapshotBytes = compact(documents, CLIENT + generation);
    });
  }
  const liveBytes = [...documents.read(GENERATION)].reduce(
    (sum, [robot, value]) => sum + robot.length + JSON.stringify(value).length,
    0,
  );
  return {
    liveBytes,
    snapshotBytes,
    goalBytes: Math.round(1_024 + 1.1 * liveBytes),
    plainYjsBytes: baseline.stateBytes(),
    snapshotAndAdoptMs: round3(snapshotMs / Math.max(1, generation)),
  };
}

function compact(documents: DocumentsPort, clientId: number): number {
  const values = [...documents.read(GENERATION)].map(([robot, value]: [RobotId, Json]) => ({
    robot,
    value,
  }));
  const parts = documents.snapshot(GENERATION, clientId, values, PART_BYTES);
  if (!documents.adopt(GENERATION, clientId, parts).ok) throw new Error("own snapshot refused");
  return parts.reduce((sum, part) => sum + part.length, 0);
}

/** Microseconds per delta of about 90 bytes over 12 robots in turn: written, taken by a replica, taken by plain Yjs. */
function honest(): object {
  const [writeUs, applyUs, plainUs, replayMs]: [number[], number[], number[], number[]] = [
    [],
    [],
    [],
    [],
  ];
  let deltaBytes = 0;
  for (let round = 0; round < rounds; round++) {
    const author = opened();
    const deltas: Uint8Array[] = [];
    writeUs.push(
      timedMs(() => {
        for (let index = 0; index < REPLAYED; index++) {
          deltas.push(
            author.write(GENERATION, [{ robot: `robot-${index % 12}`, value: record(index) }]),
          );
        }
      }) *
        (1_000 / REPLAYED),
    );
    const replica = opened();
    const ms = timedMs(() => {
      for (const delta of deltas)
        if (!replica.apply(GENERATION, delta).ok) throw new Error("honest delta refused");
    });
    replayMs.push(ms);
    applyUs.push(ms * (1_000 / REPLAYED));
    const plain = plainYjs(7);
    plainUs.push(timedMs(() => deltas.forEach((delta) => plain.apply(delta))) * (1_000 / REPLAYED));
    deltaBytes = deltas.at(-1)?.length ?? 0;
  }
  return {
    deltaBytes,
    writeUs: median(writeUs),
    gateAndApplyUs: median(applyUs),
    plainYjsApplyUs: median(plainUs),
    replay10000Ms: median(replayMs),
  };
}

function hostile(): object {
  const delta = Object.fromEntries(
    Object.entries(hostileDeltas()).map(([name, update]) => [
      name,
      { bytes: update.length, ms: refusalMs(update) },
    ]),
  );
  const worst = Math.max(...Object.values(delta).map(({ ms }) => ms));
  return { delta, worstDeltaMs: worst, parts: hostileParts(), plainYjs: plainHostile() };
}

/** About 16 KiB each, wrong only at the end wherever the gate reads that far. */
function hostileDeltas(): Readonly<Record<string, Uint8Array>> {
  const times = (
    count: number,
    unit: (index: number) => readonly number[],
  ): readonly (readonly number[])[] => Array.from({ length: count }, (_, index) => unit(index));
  const value = (...bytes: readonly (readonly number[])[]): Uint8Array =>
    own(firstItem(ROOT, "arm", content.any(any.array(...bytes, any.undefined))));
  const keys = times(2_000, (index) => [
    ...varUint(5),
    ...new TextEncoder().encode(`k${1_000 + index}`),
    ...any.null,
  ]);
  return {
    emptyLists: value(...times(8_100, () => any.array())),
    oneKeyObjects: value(...times(2_600, () => any.object(["k", any.integer(1)]))),
    manyKeys: value([118, ...varUint(keys.length), ...keys.flat()]),
    longText: value(any.text("é".repeat(8_000))),
    foreignClients: forgeUpdate(
      times(1_700, () => []).map((_, i) => ({
        client: CLIENT + i,
        clock: 1,
        structs: [collected(1)],
      })),
    ),
    goodButTheLast: own(
      ...times(7, (index) =>
        firstItem(ROOT, `r${index}`, content.any(any.text("x".repeat(2_200)))),
      ),
      nextItem({ origin: [CLIENT + 1, 0] }, content.any(any.null)),
    ),
    clockAhead: forgeUpdate([{ client: CLIENT, clock: 2 ** 53 - 1, structs: [[]] }]),
  };
}

/** The fullest parts there are: as many structs as may be, and as many bytes. */
function hostileParts(): object {
  const part = (count: number, text: number): Uint8Array =>
    own(
      ...Array.from({ length: count }, (_, i) =>
        firstItem(ROOT, `r${i}`, content.any(any.text("x".repeat(text)))),
      ),
    );
  const damaged = (bytes: Uint8Array): Uint8Array => Uint8Array.from([...bytes.slice(0, -1), 1]);
  const [mostStructs, mostBytes] = [part(4_096, 40), part(118, 2_190)];
  return {
    mostStructs: partMs(mostStructs, true),
    mostStructsRefused: partMs(damaged(mostStructs), false),
    mostBytes: partMs(mostBytes, true),
    mostBytesRefused: partMs(damaged(mostBytes), false),
  };
}

function own(...structs: readonly (readonly number[])[]): Uint8Array {
  return forgeUpdate([{ client: CLIENT, clock: 0, structs }]);
}

function refusalMs(update: Uint8Array): number {
  const documents = opened();
  const ms = repeatedMs(() => {
    if (documents.apply(GENERATION, update).ok) throw new Error("hostile delta taken");
  });
  if (documents.read(GENERATION).size > 0) throw new Error("hostile delta changed the document");
  return ms;
}

function partMs(part: Uint8Array, ok: boolean): object {
  const documents = opened();
  const ms = repeatedMs(() => {
    if (documents.adopt(GENERATION, CLIENT, [part]).ok !== ok)
      throw new Error("unexpected answer of the gate");
  });
  return { bytes: part.length, ms };
}

/** The same kinds of bytes on plain Yjs, scaled down so that the run ends: both grow faster than their input. */
function plainHostile(): object {
  const clients = 10_000;
  const bomb = forgeUpdate(
    Array.from({ length: clients }, (_, i) => ({
      client: 2 ** 32 + i,
      clock: 1,
      structs: [collected(1)],
    })),
  );
  const v2 = v2Bomb(1_000_000);
  return {
    pendingBomb: {
      bytes: bomb.length,
      clients,
      ms: median([timedMs(() => plainYjs(7).apply(bomb))]),
    },
    v2Bomb: {
      bytes: v2.length,
      structs: 1_000_000,
      ms: median([timedMs(() => void decodePlainV2(v2))]),
    },
  };
}

/** Run lengths of V2 that make `count` structs out of a handful of bytes. */
function v2Bomb(count: number): Uint8Array {
  const repeated = [0x41, ...varUint(count - 2)];
  const head = [0, 0, 1, 5, 0, 0, 1, 0, 3, 1, 0, 0, 0, 0];
  return Uint8Array.from([...head, repeated.length, ...repeated, 1, ...varUint(count), 0, 0]);
}

function opened(): DocumentsPort {
  const documents = createYjsDocuments();
  documents.open(GENERATION, CLIENT);
  return documents;
}

/** Median over rounds of the mean of many calls: the clock of CPU time ticks in milliseconds. */
function repeatedMs(work: () => void): number {
  const calls = 25;
  const times = Array.from({ length: rounds }, () =>
    timedMs(() => {
      for (let call = 0; call < calls; call++) work();
    }),
  );
  return round3(median(times) / calls);
}

/** CPU of this thread: wall time would measure the neighbours. */
function timedMs(work: () => void): number {
  const before = process.threadCpuUsage();
  work();
  const spent = process.threadCpuUsage(before);
  return (spent.user + spent.system) / 1_000;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return round3(sorted[Math.floor(sorted.length / 2)] ?? 0);
}

function round3(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
