/**
 * What the router has read of a peer, and not taken in yet, as that peer is muted: to pause a stream keeps nothing away that came in one piece with the
 * statement by which it is out. Each message that the router takes in is known to it from then on, and lost where a member says it, though nobody listens.
 *
 * Gossipsub has no option for that, so methods of it are wrapped. To do one message after the other, and ask before each, was rejected: all that is heard
 * would be slower for it, and a peer has several streams.
 */
import type { GossipSub, Message } from "@libp2p/gossipsub";
import type { PeerId } from "@libp2p/interface";
import type { GossipGate } from "./gossip-gate.ts";

/** One frame, as far as it matters here. */
interface Frame {
  readonly subscriptions: readonly object[];
  readonly messages: readonly object[];
  readonly control?: object | undefined;
}

/** What its public type does not have. */
interface Intake {
  handleReceivedRpc: (from: PeerId, frame: Frame) => Promise<void>;
  sendIDontWants: (id: Uint8Array, topic: string, from: string) => void;
  readonly msgIdFn: (message: Message) => Uint8Array;
  readonly msgIdToStrFn: (id: Uint8Array) => string;
  readonly seenCache: { readonly entries: Map<string, unknown> };
  readonly score: { rejectMessage: (from: string, id: string, ...more: unknown[]) => void };
}

/** What each router is about to say of the message that it has just handed over: to its mesh, that it is not wanted once more. */
const notWanted = new WeakMap<GossipSub, () => void>();

const intakeOf = (router: GossipSub): Intake => router as unknown as Intake;

/** Has `router` take in of who is muted what it subscribes to, which is said once, and of who is not let in nothing. */
export function dropUnheard(router: GossipSub, gate: GossipGate): GossipSub {
  const intake = intakeOf(router);
  const take = intake.handleReceivedRpc.bind(router);
  intake.handleReceivedRpc = async (from, frame) => {
    const heard = gate.heardOf(from.toString());
    if (heard === "everything") await take(from, frame);
    else if (heard === "subscriptions")
      await take(from, { subscriptions: frame.subscriptions, messages: [] });
  };
  const decline = intake.sendIDontWants.bind(router);
  // Who is told that a message is not wanted twice never says it. The router tells before it asks whether anybody hears the first one.
  intake.sendIDontWants = (id, topic, from) => {
    notWanted.set(router, () => decline(id, topic, from));
  };
  const score = intake.score.rejectMessage.bind(intake.score);
  // What was ignored once costs nobody anything where it is said again and found to be false: so nothing is written down of what is forgotten.
  intake.score.rejectMessage = (from, id, ...more) => {
    if (intake.seenCache.entries.has(id)) score(from, id, ...more);
  };
  return router;
}

/**
 * Whether anybody has heard `message`, which the router has handed over in this moment. If not it knows it no more: it is new where a member says it, and
 * counts then for what it is.
 */
export function settleHeard(router: GossipSub, message: Message, isHeard: boolean): void {
  const { msgIdFn, msgIdToStrFn, seenCache } = intakeOf(router);
  if (isHeard) notWanted.get(router)?.();
  else seenCache.entries.delete(msgIdToStrFn(msgIdFn(message)));
  notWanted.delete(router);
}
