/**
 * The driver's network port: gossip topics and ordered, bounded message streams between members of one fleet.
 * Implemented by `transport-libp2p` and by the simulated network; both run the contract suite in `testkit`.
 * Core never calls it: it only returns `publish` and `send` effects.
 */
import type { FleetId, NodeId } from "../ids.ts";

/** Gossip topics; the fleet and protocol version are added by the transport (rule SG2). */
export type Topic = "pulse" | "verdict" | "state" | "authority";
/** Streams: `direct` for small messages that must not wait behind bulk, `sync` for bulk with back-pressure. */
export type Channel = "direct" | "sync";
/** What a topic validator says of a message (rule SG4). */
export type Validation =
  /** It counts, and is passed on. */
  | "accept"
  /** It says nothing here, whoever says it: its author's word is old, or too frequent, or nobody knows the author. Or sync is to bring it. */
  | "ignore"
  /** Wrong for everybody: whoever hands it on is charged. */
  | "reject"
  /** Nobody has looked at it, for who has handed it over, or because this node cannot now: it is new where somebody else says it, or the same one later. */
  | "unheard";

/** Largest gossip message. */
export const GOSSIP_BYTES_MAX: number = 32 * 1024;
/** Largest frame on a direct stream. */
export const DIRECT_FRAME_BYTES_MAX: number = 64 * 1024;
/** Largest frame on a sync stream: one snapshot part and its envelope. */
export const SYNC_FRAME_BYTES_MAX: number = 288 * 1024;

/** What the hello exchange told about a peer; unsigned beyond the connection, so for routing and people only. */
export interface PeerInfo {
  readonly node: NodeId;
  readonly agent: string;
  readonly addresses: readonly string[];
}

/** Reasons for which inbound things were dropped; stable, counted in /metrics. */
export type TransportRejectReason =
  | "foreign-fleet"
  | "version"
  | "hello-malformed"
  | "hello-timeout"
  | "hello-too-many"
  | "frame-oversized"
  | "frame-malformed"
  | "frames-too-many"
  | "dial-back-refused"
  /** A node that is revoked was hung up on before it could say hello. */
  | "peer-denied"
  | "stream-timeout"
  | "overloaded";

/** Why a peer that has said hello is not let in (rule ME3); stable, counted as reasons of rejection. */
export type AdmissionRefusal =
  /** It presented no grant, and none of it is known. */
  | "grant-none"
  | "grant-malformed"
  /** Signed by nobody whose authority is known here, or there is no room for it. */
  | "grant-unknown"
  /** It is for another node. */
  | "grant-foreign"
  | "grant-early"
  | "grant-expired"
  | "revoked"
  /** Nobody new is let in while the authority is stale (rule ME3). */
  | "authority-stale"
  /** This node is starting, or its disk has failed. */
  | "not-ready";

/** What came of the row of a node that was asked: another statement stands by it, all in it was known, so that no signature was looked at, or neither. */
export type RootRowWorth = "news" | "known" | "in-vain";

/** What became of the question of a node that is let in no longer; `former-broke-off` where not all of the answer was taken. */
export type FormerAnswer = "told-former" | "former-broke-off" | "former-not-now";

export interface TransportHandler {
  /**
   * Whether `node`, which has said hello and presented this grant, is let in: undefined for yes. Asked before {@link peerUp}, and again with each
   * further hello. Until then nothing of it is heard and nothing is told it. Never throws.
   */
  admit(node: NodeId, grant: string | undefined): AdmissionRefusal | undefined;
  /**
   * Whether `node`, whose address this one was given or has kept, and which has said hello with this grant, is to be asked for its row of root statements
   * before it is judged (rule ME2). @default nobody is
   */
  readonly lacksIssuerOf?: ((node: NodeId, grant: string | undefined) => boolean) | undefined;
  /** Whether `node`, which does not let this one in, is to be asked for that row as well: it is a member here, and so is this node. @default nobody is */
  readonly lacksRowOf?: ((node: NodeId) => boolean) | undefined;
  /** The grants with which such a node is asked, one after the other, until it answers; at most four. @default what is presented */
  readonly rootQuestions?: (() => readonly string[]) | undefined;
  /** What `node`, which asks with this grant, is told of root statements; undefined where it is not let in. @default nothing */
  readonly rootRow?: ((node: NodeId, grant: string) => Uint8Array | undefined) | undefined;
  /** The same where it is not let in, and shows a grant of its own that is held here, as it counted once; undefined where it does not. @default nothing */
  readonly formerRow?: ((node: NodeId, grant: string) => Uint8Array | undefined) | undefined;
  /** Such a node has asked. Never throws. */
  readonly formerAsked?: ((node: NodeId, answer: FormerAnswer) => void) | undefined;
  /** The row of a node that was asked, undefined where it has said nothing; {@link admit} follows. @default it is news */
  readonly takeRootRow?:
    | ((node: NodeId, bytes: Uint8Array | undefined) => RootRowWorth | undefined)
    | undefined;
  /** The statement by which `node` is refused as `revoked`, to be shown to it. @default none is shown */
  readonly proof?: ((node: NodeId) => string | undefined) | undefined;
  /** Whether `node`, which was refused as `revoked`, still is: unless it is, it may say hello again at once. @default it is */
  readonly isRevoked?: ((node: NodeId) => boolean) | undefined;
  /** `node` does not let this one in, says why, and may show by which statement. Its word alone: anybody may say anything. Never throws. */
  readonly refusedBy?:
    | ((node: NodeId, reason: string, proof: string | undefined) => void)
    | undefined;
  /** Called once per distinct gossip message; the answer decides whether it is forwarded. Never throws. */
  gossip(topic: Topic, from: NodeId, bytes: Uint8Array): Validation;
  /** One frame from a peer, in order per (peer, channel). */
  message(from: NodeId, channel: Channel, bytes: Uint8Array): void;
  /** A peer is connected and has said hello (same fleet, common version). */
  peerUp(peer: PeerInfo): void;
  /** The last connection to the peer is gone. Never evidence of death (rule VE0). */
  peerDown(node: NodeId): void;
  /** Something inbound was dropped. */
  rejected(reason: TransportRejectReason, from: NodeId | undefined): void;
}

export interface Transport {
  readonly node: NodeId;
  readonly fleet: FleetId;
  /** Listens, dials the known addresses and goes on reconnecting (back-off capped at 4 s) until {@link stop}. */
  start(handler: TransportHandler): Promise<void>;
  /** Best effort, never throws; a node alone publishes to nobody. */
  publish(topic: Topic, bytes: Uint8Array): void;
  /**
   * Queues one frame to a connected peer. Resolves true once it was handed to the peer's stream, false when the peer is not
   * connected, its queue is full, or the stream failed. Never rejects.
   */
  send(to: NodeId, channel: Channel, bytes: Uint8Array): Promise<boolean>;
  /** Adds addresses to dial now and to remember (multiaddrs ending in `/p2p/<id>`). */
  remember(addresses: readonly string[]): void;
  /**
   * Who has become a member of the fleet's roster, and who is none any more; also before {@link start}. Members that were met are dialled
   * for ever, saved and told of; of other nodes nothing is kept beyond their connection.
   */
  members(joined: readonly NodeId[], left: readonly NodeId[]): void;
  /**
   * Members to keep a connection to, before all others; replaces what was asked for before, and none leaves the choice to the transport.
   * Also before {@link start}.
   */
  links(nodes: readonly NodeId[]): void;
  /** The grant to present with every hello from now on; also before {@link start}. */
  present(grant: string | undefined): void;
  /**
   * Parts from nodes that are let in no longer: they are down and unheard at once, and hear gossip until a second after {@link lastWordSaid} of this
   * expulsion, or for 10 s where that never comes; each is asked about again when it says hello. What is said of authority meanwhile, here or by others,
   * each of them is told by this node itself, and what was said shortly before.
   */
  expel(nodes: readonly NodeId[], expulsion: number): void;
  /**
   * What there is to tell those that were expelled was published. Nothing becomes of who was let in again meanwhile, or is gone, nor of who was expelled
   * once more since: that word is still to be said.
   */
  lastWordSaid(nodes: readonly NodeId[], expulsion: number): void;
  /** Multiaddrs under which this node can be joined, each ending in `/p2p/<id>`. */
  addresses(): readonly string[];
  /** Connected peers that have said hello. */
  peers(): readonly PeerInfo[];
  /** Last measured round trip to a connected peer, in milliseconds. */
  roundTripMs(node: NodeId): number | undefined;
  stop(): Promise<void>;
}
