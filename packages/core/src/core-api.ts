/** The one shape of the sans-IO core (STYLE rule 8) as its drivers (node, sim) and readers (gateway) see it. */
import type { Effect } from "./effect.ts";
import type { NodeId, RobotId } from "./ids.ts";
import type { Input } from "./input.ts";
import type { Now } from "./now.ts";
import type { AuthorityView } from "./view/authority-view.ts";
import type { FleetView } from "./view/node-view.ts";
import type { Reachability } from "./view/reachability-view.ts";
import type { RobotView } from "./view/robot-view.ts";
import type { NodeWitnesses } from "./view/witness-view.ts";

/** Why core says of a node what it says; pure reads. */
export interface CoreExplaining {
  /** Who sees a node and by which rule that counts; undefined for a node that nothing is known of. */
  witnesses(node: NodeId, now: Now): NodeWitnesses | undefined;
  /** The evidence of the newest verdict about a node, as a bundle that `verifyVerdict` reads; undefined where there is none. */
  bundle(node: NodeId, now: Now): string | undefined;
  /** Who hears whom. */
  reachability(now: Now): Reachability;
}

/** What nodes that know nothing of each other's issuers tell each other before either is let in (rule ME2); pure reads. */
export interface CoreIntroducing {
  /** Whether who has said hello with this grant is to be asked for its row of root statements, as they may name who has signed it. */
  lacksIssuerOf(node: NodeId, grant: string | undefined): boolean;
  /** The grants of this node with which it asks, one after the other; also such as count nowhere here, as who is asked may know better. At most four. */
  questions(now: Now): readonly string[];
  /** Whether `node`, which does not let this one in, is a member here, as this one is to itself: it may hold root statements that are not here. */
  lacksRowOf(node: NodeId): boolean;
  /** The row of this node; the same bytes as long as no other one stands. */
  rootRow(): Uint8Array;
  /** The same for `node`, which is not let in, where this is a grant of its own that is held here, be it set aside or ended; undefined where it is not. */
  formerRow(node: NodeId, grant: string): Uint8Array | undefined;
}

export interface Core {
  /** Takes one input, returns every effect of it. Synchronous; keeps no reference to `now`. */
  handle(input: Input, now: Now): readonly Effect[];
  /** Pure reads; cheap enough to be asked on every request. */
  fleet(now: Now): FleetView;
  authority(now: Now): AuthorityView;
  /** A statement by which the node was revoked, as it was signed; undefined where it was not. */
  revocation(node: NodeId): string | undefined;
  readonly introducing: CoreIntroducing;
  robots(now: Now): readonly RobotView[];
  robot(id: RobotId, now: Now): RobotView | undefined;
  /** What is behind its verdicts (rule VE10). */
  readonly explaining: CoreExplaining;
  /** Every robot of {@link robots}, sorted, without what it costs to look at each. */
  robotIds(): readonly RobotId[];
  /** Canonical export of document `reported` (dag-cbor), equal on two nodes exactly when their document hashes are (promise P1). */
  exportDocument(): Uint8Array;
}
