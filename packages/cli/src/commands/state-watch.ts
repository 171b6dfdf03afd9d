/**
 * `state watch`: prints where every robot stands, then each change as the event stream tells it. The client opens a broken stream
 * again where it ended; when the node says that events are lost, everything is read anew.
 */
import type { EventJson, PulsemeshClient, RobotJson } from "@pulsemesh/client";
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
  /** Told once of each robot of `only` that the mesh does not know when the watch begins. */
  readonly missing?: ((robot: string) => void) | undefined;
}

/**
 * Runs until `signal` aborts. Rejects when the first connection already fails.
 *
 * The stream stands before anything is read, so no change can fall between. A robot that an event names while the first reading
 * is under way is read again instead of believing the event, which may be older than what was read.
 */
export async function watchState(client: PulsemeshClient, options: WatchOptions): Promise<void> {
  const lines = new Map<string, WatchLine>();
  const watcher: Watcher = { client, lines, emit: emitter(lines, options) };
  const touched = new Set<string>();
  const reading = Promise.withResolvers<void>();
  let caughtUp = false;
  const catchUp = async (): Promise<void> => {
    await readAll(watcher);
    for (const robot of touched) await readOne(robot, watcher);
    caughtUp = true;
    for (const robot of options.only ?? []) if (!lines.has(robot)) options.missing?.(robot);
  };
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const onOpen = (): void => {
    if (!caughtUp) catchUp().then(reading.resolve, reading.reject);
  };
  const stream = async (): Promise<void> => {
    for await (const event of client.events({ signal, onOpen })) {
      if (caughtUp) await take(event, watcher);
      else if (event.subject !== undefined) touched.add(event.subject);
    }
    reading.resolve();
  };
  try {
    await Promise.all([stream(), reading.promise]);
  } finally {
    stop.abort();
  }
}

interface Watcher {
  readonly client: PulsemeshClient;
  readonly lines: Map<string, WatchLine>;
  readonly emit: Emit;
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
    case "robot-retired":
      watcher.lines.delete(subject);
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
function watchLine(robot: RobotJson): WatchLine {
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
