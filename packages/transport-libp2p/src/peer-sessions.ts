/** One {@link PeerSession} for each connected node, made when it is first asked for and thrown away whole. */
import { performance } from "node:perf_hooks";
import { peerIdFromString } from "@libp2p/peer-id";
import type { Channel, FleetId, NodeId, TransportRejectReason } from "@pulsemesh/core";
import type { Host } from "./host.ts";
import { PartialFrames } from "./partial-frames.ts";
import { patientTimer } from "./patient-timer.ts";
import {
  DIRECT_FRAMES_AT_ONCE_MAX,
  DIRECT_FRAMES_PER_SECOND_MAX,
  PeerBudget,
} from "./peer-budget.ts";
import { PeerSession } from "./peer-session.ts";
import type { SessionOptions } from "./peer-session.ts";

export interface PeerSessionsDeps {
  readonly host: Pick<Host, "getConnections">;
  /** Whether a node is a member, or named by the user. */
  readonly isTrusted: (node: NodeId) => boolean;
  /** A frame from a peer that was let in, within its budget. */
  readonly message: (from: NodeId, channel: Channel, bytes: Uint8Array) => void;
  readonly rejected: (reason: TransportRejectReason, from: NodeId) => void;
}

export class PeerSessions {
  readonly #deps: PeerSessionsDeps;
  readonly #options: Omit<SessionOptions, "node">;
  readonly #sessions = new Map<NodeId, PeerSession>();
  readonly #partials = new PartialFrames();
  readonly #directFrames = new PeerBudget({
    atOnceMax: DIRECT_FRAMES_AT_ONCE_MAX,
    perSecondMax: DIRECT_FRAMES_PER_SECOND_MAX,
  });

  constructor(
    deps: PeerSessionsDeps,
    options: { readonly fleet: FleetId } & Omit<SessionOptions, "node">,
  ) {
    this.#deps = deps;
    this.#options = options;
  }

  all(): Iterable<PeerSession> {
    return this.#sessions.values();
  }

  /** Those that were let in. */
  up(): readonly PeerSession[] {
    return [...this.#sessions.values()].filter(({ info }) => info !== undefined);
  }

  isUp(node: NodeId): boolean {
    return this.#sessions.get(node)?.info !== undefined;
  }

  get(node: NodeId): PeerSession | undefined {
    return this.#sessions.get(node);
  }

  /** The session of a connected node, made if it has none. */
  of(node: NodeId): PeerSession {
    const known = this.#sessions.get(node);
    if (known !== undefined) return known;
    const { host, isTrusted, rejected } = this.#deps;
    const peer = peerIdFromString(node);
    const session = new PeerSession(
      {
        connections: () => host.getConnections(peer).filter(({ status }) => status === "open"),
        listener: {
          message: (from, channel, bytes) => this.#message(from, channel, bytes),
          rejected,
        },
        isTrusted: () => isTrusted(node),
        partials: this.#partials,
        after: patientTimer,
      },
      { node, ...this.#options },
    );
    this.#sessions.set(node, session);
    return session;
  }

  /** Throws the session of `node` away; whether it had been let in. */
  drop(node: NodeId): boolean {
    const session = this.#sessions.get(node);
    this.#sessions.delete(node);
    session?.close();
    return session?.info !== undefined;
  }

  #message(from: NodeId, channel: Channel, bytes: Uint8Array): void {
    if (channel === "direct" && !this.#directFrames.take(from, performance.now()))
      this.#deps.rejected("frames-too-many", from);
    else this.#deps.message(from, channel, bytes);
  }
}
