/** A real transport that writes down what its handler is told: the one that is attacked, flooded or lied to. */
import type {
  AdmissionRefusal,
  NodeId,
  TransportHandler,
  TransportRejectReason,
  Validation,
} from "@pulsemesh/core";
import { createLibp2pTransport } from "@pulsemesh/transport-libp2p";
import type { Libp2pTransport, Libp2pTransportOptions } from "@pulsemesh/transport-libp2p";
import { OUR_FLEET, seedOf, until } from "./libp2p-harness.ts";
import { connectStranger } from "./stranger.ts";
import type { Stranger } from "./stranger.ts";

export interface Victim {
  readonly transport: Libp2pTransport;
  readonly address: string;
  readonly ups: NodeId[];
  readonly downs: NodeId[];
  readonly rejects: TransportRejectReason[];
  readonly messages: Uint8Array[];
  readonly gossip: Uint8Array[];
  /** Whom it did not let in, and why, each time. */
  readonly refusals: { readonly node: NodeId; readonly refusal: AdmissionRefusal }[];
}

export interface VictimOptions extends Partial<Libp2pTransportOptions> {
  /** @default everybody is let in */
  readonly admit?:
    | ((node: NodeId, grant: string | undefined) => AdmissionRefusal | undefined)
    | undefined;
  /** What it asks others for, and answers, before they are let in. @default nothing */
  readonly roots?:
    | Pick<
        TransportHandler,
        | "formerAsked"
        | "formerRow"
        | "lacksIssuerOf"
        | "lacksRowOf"
        | "rootQuestions"
        | "rootRow"
        | "takeRootRow"
      >
    | undefined;
  /** Whether what revoked a node counts still. @default it does */
  readonly isRevoked?: ((node: NodeId) => boolean) | undefined;
  /** Told of each message that it hears, before that is passed on. */
  readonly heard?: ((text: string) => void) | undefined;
  /** What it says of what a peer brings by gossip. @default it accepts it */
  readonly judge?: ((from: NodeId) => Validation) | undefined;
  /** What it presents itself. @default none */
  readonly grant?: string | undefined;
}

/** Victims and strangers of one test; disposes of all of them. */
export class Scene {
  readonly #cleanUp: (() => unknown)[] = [];

  async victim(
    name: string = "victim",
    { admit, roots, isRevoked, heard, judge, grant, ...options }: VictimOptions = {},
  ): Promise<Victim> {
    const transport = await createLibp2pTransport({
      privateKey: seedOf(name),
      fleet: OUR_FLEET,
      ...options,
    });
    transport.present(grant);
    this.atEnd(() => transport.stop());
    const seen = {
      ups: [] as NodeId[],
      downs: [] as NodeId[],
      rejects: [] as TransportRejectReason[],
      messages: [] as Uint8Array[],
      gossip: [] as Uint8Array[],
      refusals: [] as Victim["refusals"],
    };
    await transport.start({
      ...roots,
      isRevoked,
      admit: (node, presented) => {
        const refusal = admit?.(node, presented);
        if (refusal !== undefined) seen.refusals.push({ node, refusal });
        return refusal;
      },
      gossip: (_topic, from, bytes) => {
        seen.gossip.push(bytes);
        heard?.(Buffer.from(bytes).toString());
        return judge?.(from) ?? "accept";
      },
      message: (_from, _channel, bytes) => void seen.messages.push(bytes),
      peerUp: ({ node }) => void seen.ups.push(node),
      peerDown: (node) => void seen.downs.push(node),
      rejected: (reason) => void seen.rejects.push(reason),
    });
    return { transport, address: transport.addresses()[0] ?? "", ...seen };
  }

  async strangerTo(
    victim: Victim,
    protocols: readonly string[] = [],
    answersHello: boolean = true,
  ): Promise<Stranger> {
    const stranger = await connectStranger(victim.address, protocols, answersHello);
    this.atEnd(() => stranger.host.stop());
    return stranger;
  }

  atEnd(task: () => unknown): void {
    this.#cleanUp.push(task);
  }

  async end(): Promise<void> {
    await Promise.all(this.#cleanUp.splice(0).map((task) => task()));
  }
}

/** Waits until the victim has hung up. */
export function closed(stranger: Stranger): Promise<void> {
  return until("the connection was closed", () => stranger.connection.status !== "open");
}
