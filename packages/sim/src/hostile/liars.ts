/**
 * Hostile members. Each runs an honest core, so that it counts, and lies beside it: the accuser calls the living dead, the objector calls
 * the dead living, the replayer plays back what it recorded.
 */
import type { Fleet } from "../fleet/fleet.ts";
import type { SimNode } from "../fleet/sim-node.ts";
import { Forger, type ForgedStatement } from "./forger.ts";
import { Recorder } from "./recorder.ts";
import { Tamperer } from "./tampering.ts";

export type LiarKind = "accuser" | "objector" | "replayer" | "tamperer";

/** How often a liar speaks: often enough to catch every gap, seldom enough to stay below the rate that mutes it. */
const LIE_EVERY_MS = 500;
/** Whom it lies about at one time, at most. */
const VICTIMS = 5;

/** Makes a member hostile for the rest of the run. */
export function addLiar(fleet: Fleet, index: number, kind: LiarKind): void {
  fleet.hostile.add(index);
  if (kind === "tamperer") {
    fleet.add(new Tamperer(fleet, index));
    return;
  }
  const recorder = new Recorder(fleet, index);
  fleet.add(recorder);
  const forger = new Forger(fleet, index);
  const lie = (): void => {
    fleet.at(fleet.nowMs + LIE_EVERY_MS, lie);
    if (!fleet.truth.isLive(index)) return;
    if (kind === "replayer") replay(fleet, index, recorder);
    else speak(fleet, index, { forger, recorder, kind });
  };
  fleet.at(LIE_EVERY_MS, lie);
}

interface Tools {
  readonly forger: Forger;
  readonly recorder: Recorder;
  readonly kind: "accuser" | "objector";
}

/** Says the worst about everybody that it can back with a real header: the newest one, or none. */
function speak(fleet: Fleet, index: number, tools: Tools): void {
  const boot = fleet.node(index).core?.fleet(fleet.node(index).now).self.boot;
  if (boot === undefined || boot === 0) return;
  const statements: ForgedStatement[] = [];
  for (const { id, index: other } of victimsOf(fleet)) {
    if (other === index) continue;
    const newest = tools.recorder.of(other).at(-1);
    if (newest === undefined) continue;
    const { boot: of, seq } = newest;
    const evidence = tools.forger.headerOf(newest.bytes);
    if (tools.kind === "accuser")
      statements.push({ kind: "accuse", subject: id, boot: of, seq, evidence });
    else
      statements.push(
        { kind: "object", subject: id, boot: of, seq, evidence },
        { kind: "up", subject: id, boot: of, seq, evidence },
      );
  }
  const upMs = fleet.nowMs - fleet.truth.liveSinceMs(index);
  fleet.network.publish(
    index,
    "verdict",
    tools.forger.observation(boot, upMs, statements.slice(0, 40)),
  );
}

/** In small fleets everybody, in large ones a few in turn: everybody who knows better objects, and a run must come to an end. */
function victimsOf(fleet: Fleet): readonly SimNode[] {
  const { nodes } = fleet;
  if (nodes.length <= VICTIMS) return nodes;
  const first = Math.floor(fleet.nowMs / 10_000) * VICTIMS;
  return Array.from({ length: VICTIMS }, (_, i) => fleet.node((first + i) % nodes.length));
}

/** Plays back pulses: the newest again, and one from the past, each as if it were new. */
function replay(fleet: Fleet, index: number, recorder: Recorder): void {
  for (const { index: other } of victimsOf(fleet)) {
    const pulses = recorder.of(other);
    const past =
      pulses.length === 0
        ? undefined
        : pulses[Math.floor(fleet.nowMs / LIE_EVERY_MS) % pulses.length];
    for (const pulse of [pulses.at(-1), past]) {
      if (pulse !== undefined && other !== index)
        fleet.network.publish(index, "pulse", pulse.bytes);
    }
  }
}
