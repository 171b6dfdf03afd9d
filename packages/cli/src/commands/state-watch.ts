/**
 * `state watch`: prints where every robot stands, then each change as the event stream tells it. A stream that breaks is opened
 * again and everything is read anew, so no change stays unseen for longer than the gap.
 */
import { setTimeout as wait } from "node:timers/promises";
import type { EventJson, MeshClient, RobotJson } from "../client-flags.ts";
import { errorCodeOf } from "../failure.ts";

/** A line of output. */
export interface WatchLine {
  readonly robot_id: string;
  /** The robot's own `state.status`. */
  readonly status: unknown;
  /** The mesh's verdict. */
  readonly liveness: string;
  readonly last_check: string | null;
}

export interface WatchOptions {
  /** All robots when undefined. */
  readonly only: ReadonlySet<string> | undefined;
  /** Also emit when nothing but `last_check` changed. */
  readonly beats: boolean;
  readonly signal: AbortSignal;
  readonly emit: (line: WatchLine) => void;
  readonly say: (line: string) => void;
}

const reopenMs = 1_000;
/** A second reading closes the gap in which the first was answered before the stream stood. */
const secondReadingMs = 300;

/** Runs until `signal` aborts. Rejects when the first connection already fails. */
export async function watchState(client: MeshClient, options: WatchOptions): Promise<void> {
  const lines = new Map<string, WatchLine>();
  const watcher: Watcher = { client, lines, emit: emitter(lines, options), options };
  let opened = false;
  while (!options.signal.aborted) {
    try {
      await watchOnce(watcher, () => (opened = true));
    } catch (error) {
      if (options.signal.aborted) return;
      if (!opened || !isPassing(error)) throw error;
    }
    if (options.signal.aborted) return;
    options.say("The event stream ended; opening it again.");
    await wait(reopenMs, undefined, { signal: options.signal }).catch(() => {});
  }
}

interface Watcher {
  readonly client: MeshClient;
  readonly lines: Map<string, WatchLine>;
  readonly emit: Emit;
  readonly options: WatchOptions;
}

function isPassing(error: unknown): boolean {
  const code = errorCodeOf(error);
  return code === "node-unreachable" || code === "timed-out" || code === "not-ready";
}

/** One connection: the stream and the reading at once; robots that events name meanwhile are read again afterwards. */
async function watchOnce(watcher: Watcher, onOpen: () => void): Promise<void> {
  const done = new AbortController();
  const signal = AbortSignal.any([watcher.options.signal, done.signal]);
  const touched = new Set<string>();
  let caughtUp = false;
  const stream = async (): Promise<void> => {
    for await (const event of watcher.client.events({ signal })) {
      if (caughtUp) await take(event, watcher);
      else if (event.subject !== undefined) touched.add(event.subject);
    }
  };
  const read = async (): Promise<void> => {
    await readAll(watcher);
    onOpen();
    for (const robot of touched) await readOne(robot, watcher);
    caughtUp = true;
    await wait(secondReadingMs, undefined, { signal }).catch(() => {});
    if (!signal.aborted) await readAll(watcher);
  };
  const reading = read();
  try {
    await Promise.all([stream().finally(() => done.abort()), reading]);
  } finally {
    done.abort();
    await reading.catch(() => {});
  }
}

async function readAll({ client, emit }: Watcher): Promise<void> {
  for (const robot of await client.robots()) emit(watchLine(robot));
}

async function readOne(robot: string, { client, emit, lines }: Watcher): Promise<void> {
  try {
    emit(watchLine(await client.robot(robot)));
  } catch (error) {
    // A subject that is no robot, or a robot that is gone.
    if (errorCodeOf(error) !== "robot-unknown") throw error;
    lines.delete(robot);
  }
}

async function take(event: EventJson, watcher: Watcher): Promise<void> {
  const { subject, data } = event;
  const type = event.type.replace(/^pulsemesh\./, "");
  if (type === "lost") return await readAll(watcher);
  if (subject === undefined || !type.startsWith("robot-")) return;
  const known = watcher.lines.get(subject);
  if (known === undefined) return await readOne(subject, watcher);
  switch (type) {
    case "robot-status":
      watcher.emit({ ...known, liveness: String(data["to"]) });
      break;
    case "robot-state":
      watcher.emit({ ...known, status: ownStatus(data["state"]) });
      break;
    case "robot-beat":
      watcher.emit({ ...known, last_check: event.time });
      break;
    default:
      break;
  }
}

type Emit = (line: WatchLine) => void;

function emitter(lines: Map<string, WatchLine>, options: WatchOptions): Emit {
  return (line) => {
    if (options.only !== undefined && !options.only.has(line.robot_id)) return;
    const before = lines.get(line.robot_id);
    lines.set(line.robot_id, line);
    const changed =
      before === undefined ||
      JSON.stringify(before.status) !== JSON.stringify(line.status) ||
      before.liveness !== line.liveness ||
      (options.beats && before.last_check !== line.last_check);
    if (changed) options.emit(line);
  };
}

/** A robot as a line. */
export function watchLine(robot: RobotJson): WatchLine {
  return {
    robot_id: robot.robot_id,
    status: ownStatus(robot.state),
    liveness: robot.status,
    last_check: robot.last_check,
  };
}

function ownStatus(state: unknown): unknown {
  if (typeof state !== "object" || state === null || !Object.hasOwn(state, "status")) return null;
  return "status" in state ? (state.status ?? null) : null;
}
