/** The one shape of the sans-IO core (STYLE rule 8) as its drivers (node, sim) and readers (gateway) see it. */
import type { Effect } from "./effect.ts";
import type { RobotId } from "./ids.ts";
import type { Input } from "./input.ts";
import type { Now } from "./now.ts";
import type { AuthorityView } from "./view/authority-view.ts";
import type { FleetView } from "./view/node-view.ts";
import type { RobotView } from "./view/robot-view.ts";

export interface Core {
  /** Takes one input, returns every effect of it. Synchronous; keeps no reference to `now`. */
  handle(input: Input, now: Now): readonly Effect[];
  /** Pure reads; cheap enough to be asked on every request. */
  fleet(now: Now): FleetView;
  authority(now: Now): AuthorityView;
  robots(now: Now): readonly RobotView[];
  robot(id: RobotId, now: Now): RobotView | undefined;
  /** Every robot of {@link robots}, sorted, without what it costs to look at each. */
  robotIds(): readonly RobotId[];
  /** Canonical export of document `reported` (dag-cbor), equal on two nodes exactly when their document hashes are (promise P1). */
  exportDocument(): Uint8Array;
}
