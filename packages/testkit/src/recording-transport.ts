/** A network port that goes nowhere: it writes down what it is asked to do, and says to its owner what a test makes it say. */
import type {
  Channel,
  FleetId,
  NodeId,
  PeerInfo,
  Topic,
  Transport,
  TransportHandler,
} from "@pulsemesh/core";

export type RecordedMessage =
  | { readonly type: "publish"; readonly topic: Topic; readonly bytes: Uint8Array }
  | {
      readonly type: "send";
      readonly to: NodeId;
      readonly channel: Channel;
      readonly bytes: Uint8Array;
    };

export class RecordingTransport implements Transport {
  readonly node: NodeId = "self";
  readonly fleet: FleetId = "fleet";
  readonly messages: RecordedMessage[] = [];
  /** What {@link members} was told. */
  readonly roster: { readonly joined: readonly NodeId[]; readonly left: readonly NodeId[] }[] = [];
  /** What {@link links} was told last. */
  linked: readonly NodeId[] = [];
  /** What {@link present}, {@link expel} and {@link lastWordSaid} were told. */
  readonly presented: (string | undefined)[] = [];
  readonly expelled: NodeId[] = [];
  readonly parted: NodeId[] = [];
  /** Which expulsion it was each time that one of these two was told of one. */
  readonly expulsions: number[] = [];
  isStarted = false;
  isStopped = false;
  /** What {@link send} answers. */
  isConnected = true;
  #handler: TransportHandler | undefined;

  /** The owner's handler, to be called as the network would. */
  get handler(): TransportHandler {
    if (this.#handler === undefined)
      throw new Error("Cannot call the handler as the transport is not started.");
    return this.#handler;
  }

  start(handler: TransportHandler): Promise<void> {
    this.#handler = handler;
    this.isStarted = true;
    return Promise.resolve();
  }

  publish(topic: Topic, bytes: Uint8Array): void {
    this.messages.push({ type: "publish", topic, bytes });
  }

  send(to: NodeId, channel: Channel, bytes: Uint8Array): Promise<boolean> {
    this.messages.push({ type: "send", to, channel, bytes });
    return Promise.resolve(this.isConnected);
  }

  remember(): void {
    // Nobody is dialled here.
  }

  members(joined: readonly NodeId[], left: readonly NodeId[]): void {
    this.roster.push({ joined, left });
  }

  links(nodes: readonly NodeId[]): void {
    this.linked = nodes;
  }

  present(grant: string | undefined): void {
    this.presented.push(grant);
  }

  expel(nodes: readonly NodeId[], expulsion: number): void {
    this.expelled.push(...nodes);
    this.expulsions.push(expulsion);
  }

  lastWordSaid(nodes: readonly NodeId[], expulsion: number): void {
    this.parted.push(...nodes);
    this.expulsions.push(expulsion);
  }

  addresses(): readonly string[] {
    return [];
  }

  peers(): readonly PeerInfo[] {
    return [];
  }

  roundTripMs(): number | undefined {
    return undefined;
  }

  stop(): Promise<void> {
    this.isStopped = true;
    return Promise.resolve();
  }
}
