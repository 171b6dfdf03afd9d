/**
 * A pace for many nodes on one machine. At a pulse every two seconds 64 of them, each of which hears all others, take both of its cores and are late with
 * everything; statements do not wait for pulses.
 */
import type { NodeOptions } from "@pulsemesh/node";

export const UNHURRIED: Pick<NodeOptions, "profile" | "core"> = {
  profile: "wan",
  core: { pulseEveryMs: 10_000 },
};
