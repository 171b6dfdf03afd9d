/**
 * The names on the wire (rule SG2): the fleet id and the protocol version stand in every topic and every stream protocol, so
 * that nodes of different fleets share no protocol at all, and a joiner can read the fleet id off a member's protocol list.
 */
import type { Channel, FleetId, Topic } from "@pulsemesh/core";

/** The topics of a fleet, sorted; every node subscribes to all of them. */
export const TOPICS: readonly Topic[] = ["authority", "pulse", "state", "verdict"];
/** The message channels, sorted. */
export const CHANNELS: readonly Channel[] = ["direct", "sync"];

const FLEET_PATTERN = /^[a-z2-7]{52}$/;
const HELLO_PATTERN = /^\/pulsemesh\/([a-z2-7]{52})\/hello\/1$/;
/** Longest protocol name looked at when a peer lists what it speaks; ours have 75 characters. */
export const PROTOCOL_NAME_LENGTH_MAX: number = 128;

/** Whether `text` has the form of a fleet id: 52 characters of lower-case base32. */
export function isFleetId(text: string): boolean {
  return FLEET_PATTERN.test(text);
}

export function helloProtocol(fleet: FleetId): string {
  return `/pulsemesh/${fleet}/hello/1`;
}

export function channelProtocol(fleet: FleetId, channel: Channel): string {
  return `/pulsemesh/${fleet}/${channel}/1`;
}

/** Offered by nodes of a fleet with an authority, for a newcomer to see that he needs an invite (rule ME7); nothing is said in it. */
export function closedProtocol(fleet: FleetId): string {
  return `/pulsemesh/${fleet}/closed/1`;
}

/** In which a node asks for the row of root statements of another one that it does not let in yet (rule ME2). */
export function rootsProtocol(fleet: FleetId): string {
  return `/pulsemesh/${fleet}/roots/1`;
}

/** What strangers may speak while an invite is open (rule ME7). */
export function enrolmentProtocol(fleet: FleetId): string {
  return `/pulsemesh/${fleet}/join/1`;
}

export function topicName(fleet: FleetId, topic: Topic): string {
  return `/pulsemesh/1/${fleet}/${topic}`;
}

/** The fleets whose hello a list of protocol names offers, sorted; empty when it offers none. */
export function fleetsOffered(protocols: readonly string[]): readonly FleetId[] {
  const fleets = new Set<FleetId>();
  for (const protocol of protocols) {
    if (protocol.length > PROTOCOL_NAME_LENGTH_MAX) continue;
    const fleet = HELLO_PATTERN.exec(protocol)?.[1];
    if (fleet !== undefined) fleets.add(fleet);
  }
  return [...fleets].toSorted();
}
