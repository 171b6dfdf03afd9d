/** A check watches a whole run and reports what must not be. Each method is optional: a fleet calls only what a check has. */
import type { Channel, CoreEvent, Effect, Input, Topic } from "@pulsemesh/core";
import type { SimNode } from "../fleet/sim-node.ts";

export interface Check {
  handled?(node: SimNode, input: Input, effects: readonly Effect[]): void;
  emitted?(node: SimNode, event: CoreEvent): void;
  published?(from: number, topic: Topic, bytes: Uint8Array): void;
  sent?(from: number, to: number, channel: Channel, bytes: Uint8Array): void;
  lifeChanged?(node: SimNode): void;
  /** The disk of a node that does not run was replaced by an empty one. */
  diskReplaced?(node: SimNode): void;
  /** Called again and again while the run lasts. */
  sample?(): void;
  /** Called when the run is over. */
  end?(): void;
}

/** Something that must not be. `rule` is an id of the protocol or one of the promises. */
export interface Violation {
  readonly rule: string;
  readonly atMs: number;
  readonly text: string;
}
