/**
 * A hostile member that is the only link between a victim and the rest, keeps the victim's pulses, and hands them out later at the pace of
 * living ones, when the victim is long dead or cut off (promise P3, rule PU4).
 */
import type { Fleet } from "../fleet/fleet.ts";
import { Recorder } from "./recorder.ts";

export interface HolderOptions {
  readonly holder: number;
  readonly victim: number;
  /** From when on pulses are kept. */
  readonly fromMs: number;
  /** From when on they are handed out, oldest first, one an interval. */
  readonly dripFromMs: number;
}

export function addHolder(fleet: Fleet, options: HolderOptions): void {
  const { holder, victim, fromMs, dripFromMs } = options;
  const recorder = new Recorder(fleet, holder);
  fleet.add(recorder);
  fleet.hostile.add(holder);
  // What the victim gets to see is the holder's choice; nothing is expected of its view.
  fleet.hostile.add(victim);
  const { id } = fleet.node(victim);
  fleet.at(fromMs, () =>
    fleet.network.censor(holder, (bytes) => fleet.wire.pulse(bytes)?.author === id),
  );
  let next = 0;
  const drip = (): void => {
    fleet.at(fleet.nowMs + fleet.pulseEveryMs, drip);
    const kept = recorder.of(victim).filter(({ atMs }) => atMs >= fromMs);
    const pulse = kept[next];
    if (pulse === undefined) return;
    next += 1;
    fleet.network.publish(holder, "pulse", pulse.bytes);
  };
  fleet.at(dripFromMs, drip);
}
