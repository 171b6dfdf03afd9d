/**
 * The router of gossip among a fleet: gossipsub, tuned for fleets of up to some dozens of nodes that may share one address.
 *
 * - Messages are signed by core, so gossipsub's own signatures are off, and a message is named by its content.
 * - No points off for sharing an IP address: whole fleets run on one machine or behind one router.
 * - What core rejects costs the peer that forwarded it: some ten such messages within seconds and it is not listened to for a while.
 * - Gossip may lose messages when a connection breaks; correctness rests on sync (PROTOCOL CH6).
 */
import { createHash } from "node:crypto";
import { gossipsub, StrictNoSign } from "@libp2p/gossipsub";
import type { GossipSub } from "@libp2p/gossipsub";
import { createTopicScoreParams } from "@libp2p/gossipsub/score";
import type { FleetId } from "@pulsemesh/core";
import type { GossipComponents, GossipGate } from "./gossip-gate.ts";
import { topicName, TOPICS } from "./protocol-ids.ts";
import { dropUnheard } from "./unheard-frames.ts";

/** Largest gossipsub message (a batch of ours and its control part), in bytes. */
const GOSSIP_RPC_BYTES_MAX: number = 256 * 1024;
/** Most messages in one gossipsub message; one with more is dropped whole. */
const GOSSIP_RPC_MESSAGES_MAX: number = 256;
/** Most bytes that may wait for one peer's socket; beyond it the stream is closed and the peer catches up by sync. */
const GOSSIP_BACKLOG_BYTES_MAX: number = 16 * 1024 * 1024;
/** Messages of at least this size are announced as not wanted twice. */
const IDONTWANT_BYTES_MIN = 4_096;
const MESSAGE_ID_BYTES = 20;
/** How long it is known what a peer that went away had earned: an hour of made-up keys would be much to go through every second. */
const SCORE_KEPT_MS = 300_000;

/**
 * How many peers pass a message on. Own messages go straight to every peer (flood publishing), so the mesh only has to reach who is further
 * away, and to repair. In a full mesh each peer passes every message on once a link, so the degree is what pulses cost: with 20 nodes a
 * degree of 3 takes 69 messages a second where 4 takes 92. Two would be a ring, in which one frozen peer makes long ways.
 */
const MESH = { D: 3, Dlo: 2, Dhi: 4, Dout: 1, Dscore: 1, Dlazy: 4 } as const;

/** The gossipsub service for a host, which hears of peers by `gate`. */
export function gossipService(
  fleet: FleetId,
  floodPublish: boolean,
  gate: GossipGate,
): (components: GossipComponents) => GossipSub {
  const names = TOPICS.map((topic) => topicName(fleet, topic));
  const create = gossipsub({
    globalSignaturePolicy: StrictNoSign,
    msgIdFn: messageId,
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    fallbackToFloodsub: false,
    floodPublish,
    batchPublish: true,
    asyncValidation: true,
    ...MESH,
    maxInboundDataLength: GOSSIP_RPC_BYTES_MAX,
    maxOutboundBufferSize: GOSSIP_BACKLOG_BYTES_MAX,
    idontwantMinDataSize: IDONTWANT_BYTES_MIN,
    allowedTopics: names,
    decodeRpcLimits: {
      maxSubscriptions: 64,
      maxMessages: GOSSIP_RPC_MESSAGES_MAX,
      maxIhaveMessageIDs: 1_000,
      maxIwantMessageIDs: 1_000,
      maxIdontwantMessageIDs: 1_000,
      maxControlMessages: 64,
      maxPeerInfos: 0,
    },
    scoreParams: {
      IPColocationFactorWeight: 0,
      retainScore: SCORE_KEPT_MS,
      topics: Object.fromEntries(names.map((name) => [name, topicScore()])),
    },
  });
  return (components) => dropUnheard(create(gate.guard(components)), gate);
}

/** Only what core rejects counts: how fast or how much a peer forwards says nothing in a fleet of a few nodes. */
function topicScore(): ReturnType<typeof createTopicScoreParams> {
  return createTopicScoreParams({
    topicWeight: 1,
    timeInMeshWeight: 0,
    firstMessageDeliveriesWeight: 0,
    meshMessageDeliveriesWeight: 0,
    meshFailurePenaltyWeight: 0,
    invalidMessageDeliveriesWeight: -1,
    invalidMessageDeliveriesDecay: 0.8,
  });
}

function messageId(message: { readonly topic: string; readonly data: Uint8Array }): Uint8Array {
  return createHash("sha256")
    .update(message.topic)
    .update("\0")
    .update(message.data)
    .digest()
    .subarray(0, MESSAGE_ID_BYTES);
}
