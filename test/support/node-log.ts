/** What a node's own log says, with the moments at which it came to it: so what is measured is the node, and not how often a test asks. */
import type { NodeProcess, ProcessFleet } from "./node-process.ts";

/** Of nodes with the settings of a new one. */
export const PULSE_EVERY_MS: number = 1_000;
/** A verdict that is on its way as a node wakes is said within this time. */
const SETTLED_MS = 3_000;

export interface Logged {
  /** The kind of event, or a sentence. */
  readonly message: string;
  /** By the wall clock, which all processes of one machine share. */
  readonly wallMs: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Everything that a node has logged since its process began, the oldest first. */
export function logOf(node: NodeProcess): readonly Logged[] {
  return node.output.split("\n").flatMap((line) => {
    const fields = parsed(line);
    if (fields === undefined) return [];
    const wallMs = fields["atWallMs"] ?? Date.parse(String(fields["time"]));
    return [{ message: String(fields["message"]), wallMs: Number(wallMs), fields }];
  });
}

/** Events of one kind since `sinceMs`, in which all of `fields` are as given. */
export function logged(
  node: NodeProcess,
  message: string,
  fields: Readonly<Record<string, unknown>> = {},
  sinceMs: number = 0,
): readonly Logged[] {
  return logOf(node).filter(
    (entry) =>
      entry.message === message &&
      entry.wallMs >= sinceMs &&
      Object.entries(fields).every(([key, value]) => entry.fields[key] === value),
  );
}

/**
 * How much later than on a quiet machine any of these nodes may have judged since `sinceMs`: who stood still for longer than an interval says so, and judges
 * nobody for that long and the interval after it (rule PU6).
 */
export function stoodStillMs(nodes: readonly NodeProcess[], sinceMs: number): number {
  return nodes
    .flatMap((node) => logged(node, "stalled", {}, sinceMs))
    .reduce((sum, { fields }) => sum + Number(fields["forMs"]) + PULSE_EVERY_MS, 0);
}

/** Whom a node ever called dead, by name, but for those that stood still with their machine, by their own word; `names` by node id. */
export function deadAt(
  fleet: ProcessFleet,
  at: string,
  names: ReadonlyMap<string, string>,
): readonly string[] {
  const dead = logged(fleet.node(at), "node-status", { to: "down" }).flatMap((event) => {
    const name = names.get(String(event.fields["node"])) ?? "";
    return hadStoodStill(fleet.node(name), event.wallMs) ? [] : [name];
  });
  return [...new Set(dead)];
}

/** Whether a node stood still, by its own word, shortly before `wallMs`: long enough to be called dead with right. */
function hadStoodStill(node: NodeProcess, wallMs: number): boolean {
  return logged(node, "stalled").some(({ wallMs: wokenMs, fields }) => {
    const fromMs = wokenMs - Number(fields["forMs"]) - PULSE_EVERY_MS;
    return fromMs <= wallMs && wallMs <= wokenMs + SETTLED_MS;
  });
}

function parsed(line: string): Readonly<Record<string, unknown>> | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    return JSON.parse(line) as Readonly<Record<string, unknown>>;
  } catch {
    // The end of what is kept of its output.
    return undefined;
  }
}
