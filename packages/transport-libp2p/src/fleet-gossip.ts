/**
 * What is said and heard by gossip: nobody is heard who is not up, and what is said of authority, here or by somebody who is passed on, is told to those
 * who are on their way out as well.
 *
 * What nobody has heard, for whom it came from or when, the router forgets: known to it, it would be lost where somebody else says it.
 */
import { TopicValidatorResult } from "@libp2p/gossipsub";
import type { GossipSub, Message } from "@libp2p/gossipsub";
import type { PeerId } from "@libp2p/interface";
import { GOSSIP_BYTES_MAX } from "@pulsemesh/core";
import type { FleetId, NodeId, Topic, TransportHandler, Validation } from "@pulsemesh/core";
import { Forwarder, type Validating } from "./forwarder.ts";
import type { LastWords } from "./last-words.ts";
import type { PeerSessions } from "./peer-sessions.ts";
import { topicName, TOPICS } from "./protocol-ids.ts";
import { settleHeard } from "./unheard-frames.ts";

const RESULTS: Readonly<Record<Validation, TopicValidatorResult>> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
  unheard: TopicValidatorResult.Ignore,
};

/** What of the transport's logger is used here. */
interface GossipLogger {
  readonly error: (fields: object, text: string) => void;
  readonly debug: (fields: object, text: string) => void;
}

export interface FleetGossipDeps {
  readonly pubsub: GossipSub;
  readonly logger: GossipLogger;
  readonly peers: Pick<PeerSessions, "isUp">;
  /** Told of each message about authority that was published here, or heard and accepted. */
  readonly lastWords: Pick<LastWords, "word">;
}

/** What the router sends to one peer; its public type does not have it. */
interface Telling {
  readonly sendRpc: (
    node: string,
    frame: {
      readonly subscriptions: readonly object[];
      readonly messages: readonly { readonly topic: string; readonly data: Uint8Array }[];
    },
  ) => boolean;
}

export class FleetGossip {
  readonly #deps: FleetGossipDeps;
  readonly #fleet: FleetId;

  constructor(deps: FleetGossipDeps, fleet: FleetId) {
    this.#deps = deps;
    this.#fleet = fleet;
  }

  /** Hands a message to the router, unless it is too large for everybody. Never rejects: what is lost comes by sync. */
  publish(topic: Topic, bytes: Uint8Array): void {
    const { pubsub, logger, lastWords } = this.#deps;
    if (bytes.length > GOSSIP_BYTES_MAX) {
      logger.error({ topic, bytes: bytes.length }, "message too large to publish: dropped");
      return;
    }
    pubsub.publish(topicName(this.#fleet, topic), bytes).catch((error: unknown) => {
      logger.debug({ error, topic }, "publish failed");
    });
    if (topic === "authority") lastWords.word(bytes);
  }

  /** Sends one peer that hears gossip a message about authority, and no other. */
  tell(node: NodeId, bytes: Uint8Array): void {
    const message = { topic: topicName(this.#fleet, "authority"), data: bytes };
    const router = this.#deps.pubsub as unknown as Telling;
    router.sendRpc(node, { subscriptions: [], messages: [message] });
  }

  /** Subscribes to every topic of the fleet and hands each distinct message to `handler`, whose answer decides on forwarding. */
  subscribe(handler: TransportHandler): void {
    const { pubsub } = this.#deps;
    const forwarder = new Forwarder(pubsub as GossipSub & Validating);
    pubsub.addEventListener("gossipsub:message", ({ detail }) => forwarder.add(detail));
    for (const topic of TOPICS) {
      const name = topicName(this.#fleet, topic);
      pubsub.topicValidators.set(name, (peer: PeerId, message: Message) => {
        const validation = this.#validate(handler, topic, peer.toString(), message.data);
        settleHeard(pubsub, message, validation !== "unheard");
        return RESULTS[validation];
      });
      pubsub.subscribe(name);
    }
  }

  #validate(handler: TransportHandler, topic: Topic, from: NodeId, bytes: Uint8Array): Validation {
    const { logger, peers, lastWords } = this.#deps;
    try {
      if (bytes.length > GOSSIP_BYTES_MAX) {
        handler.rejected("frame-oversized", from);
        return "reject";
      }
      // What the router had taken in when a peer was shut out is not heard either.
      if (!peers.isUp(from)) return "unheard";
      const validation = handler.gossip(topic, from, bytes);
      if (topic === "authority" && validation === "accept") lastWords.word(bytes);
      return validation;
    } catch (error) {
      // Gossipsub would take a throw for `ignore`, and malformed input would cost its sender nothing.
      logger.error({ error }, "the gossip handler threw");
      return "reject";
    }
  }
}
