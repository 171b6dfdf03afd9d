/**
 * What a hostile member can do to the chains of others (promise P4): hand on entries that it changed, sign them anew as itself, and give its own
 * signature out as theirs. Nothing of it may ever be shown, and none of it may keep the honest entry from being taken.
 */
import type { Fleet } from "../fleet/fleet.ts";
import type { Input } from "@pulsemesh/core";
import type { SimNode } from "../fleet/sim-node.ts";
import type { Check } from "../checks/check.ts";

/** Every so many entries that come by are tampered with: all of them would only trip the limits of what one neighbour may send. */
const EVERY = 4;

export class Tamperer implements Check {
  readonly #fleet: Fleet;
  readonly #at: number;
  #seen = 0;
  #sent = 0;

  /** `at` is the node that does it. */
  constructor(fleet: Fleet, at: number) {
    this.#fleet = fleet;
    this.#at = at;
  }

  /** Messages that were sent. */
  get sentCount(): number {
    return this.#sent;
  }

  handled(node: SimNode, input: Input): void {
    if (node.index !== this.#at || input.type !== "gossip" || input.topic !== "state") return;
    this.#seen += 1;
    if (this.#seen % EVERY !== 0) return;
    const { bytes } = input;
    const forged = [this.#changed(bytes), this.#resigned(bytes)];
    // Later, as nobody publishes in the middle of what it is told.
    this.#fleet.at(this.#fleet.nowMs + 1, () => {
      for (const message of forged) {
        if (message === undefined || !this.#fleet.truth.isLive(this.#at)) continue;
        this.#sent += 1;
        this.#fleet.network.publish(this.#at, "state", message);
      }
    });
  }

  /** One digit of the body, behind which the signature is no longer true. */
  #changed(bytes: Uint8Array): Uint8Array | undefined {
    const envelope = this.#fleet.wire.envelope(bytes);
    if (envelope === undefined) return undefined;
    const body = Uint8Array.from(envelope.body);
    const last = body.length - 1;
    body[last] = (body[last] as number) ^ 1;
    return this.#encode({ ...envelope, body });
  }

  /** The same body with a signature of this node, under the author's name. */
  #resigned(bytes: Uint8Array): Uint8Array | undefined {
    const envelope = this.#fleet.wire.envelope(bytes);
    if (envelope === undefined) return undefined;
    const keys = this.#fleet.shared.keys.portOf(this.#fleet.node(this.#at).id);
    return this.#encode({ ...envelope, signature: keys.sign(envelope.body) });
  }

  #encode(envelope: {
    readonly author: string;
    readonly kind: string;
    readonly body: Uint8Array;
    readonly signature: Uint8Array;
  }): Uint8Array {
    const { author: a, body: b, kind: k, signature: s } = envelope;
    return this.#fleet.shared.codec.encode({ a, b, k, s });
  }
}
