/**
 * Passes accepted messages on, together and a little later.
 *
 * The author of a message has sent it to every peer by itself (flood publishing), so all members of a mesh would pass it to each other at
 * one moment, and each link would carry it both ways. Whoever waits a little learns which of its peers have it: those that passed it on
 * first. ADR 0012 has the figures.
 */
import { TopicValidatorResult } from "@libp2p/gossipsub";
import type { GossipsubMessage } from "@libp2p/gossipsub";

/** How long an accepted message waits before it is passed on, at most, in milliseconds. */
export const FORWARD_WITHIN_MS: number = 40;

/** What gossipsub wants to be called in its mode of asynchronous validation; its public type does not have it. */
export interface Validating {
  reportMessageValidationResult: (
    messageId: string,
    /** In text, as gossipsub compares it: the message does not go back to whom it came from. */
    from: string,
    result: TopicValidatorResult,
  ) => void;
}

export class Forwarder {
  readonly #pubsub: Validating;
  #waiting: Pick<GossipsubMessage, "msgId" | "propagationSource">[] = [];

  constructor(pubsub: Validating) {
    this.#pubsub = pubsub;
  }

  /** Takes a message that passed its topic's validator. */
  add(message: Pick<GossipsubMessage, "msgId" | "propagationSource">): void {
    this.#waiting.push(message);
    if (this.#waiting.length === 1) setTimeout(this.#forward, FORWARD_WITHIN_MS);
  }

  readonly #forward = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { msgId, propagationSource } of waiting)
      this.#pubsub.reportMessageValidationResult(
        msgId,
        propagationSource.toString(),
        TopicValidatorResult.Accept,
      );
  };
}
