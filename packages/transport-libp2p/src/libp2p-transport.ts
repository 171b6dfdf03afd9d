/**
 * The transport: joins host, gossip, greeter, dialler, sessions and address book into the driver's network port.
 * A peer is up from the first finished hello until its last connection is gone; between these two everything about it lives in
 * one session object, which is thrown away whole.
 */
import { randomBytes } from "node:crypto";
import type { Connection, PeerId, Stream } from "@libp2p/interface";
import type {
  AdmissionRefusal,
  Channel,
  FleetId,
  NodeId,
  PeerInfo,
  Topic,
  Transport,
  TransportHandler,
  TransportRejectReason,
} from "@pulsemesh/core";
import { AddressBook } from "./address-book.ts";
import { AddressSaver } from "./address-saver.ts";
import { DeniedPeers } from "./denied-peers.ts";
import { DialBack } from "./dial-back.ts";
import { DialLoop } from "./dial-loop.ts";
import type { DialCounts } from "./dial-loop.ts";
import { Dialer, rankFor } from "./dialer.ts";
import { FleetGossip } from "./fleet-gossip.ts";
import type { GossipGate } from "./gossip-gate.ts";
import { Greeter, VERSIONS } from "./greeter.ts";
import type { GreeterListener } from "./greeter.ts";
import { INSTANCE_BYTES, KNOWN_ADDRESSES_MAX } from "./hello-codec.ts";
import type { Hello } from "./hello-codec.ts";
import { ownAddresses, startHost, strangerTooMany } from "./host.ts";
import type { Host } from "./host.ts";
import { checkLinks } from "./link-check.ts";
import type { LinkReport } from "./link-check.ts";
import { LastWords } from "./last-words.ts";
import { LinkWatch, pingPeer } from "./link-watch.ts";
import { warnWithoutMulticast } from "./multicast-warning.ts";
import type { ResolvedOptions } from "./options.ts";
import { patientTimer } from "./patient-timer.ts";
import { PeerExchange } from "./peer-exchange.ts";
import type { PeerSession } from "./peer-session.ts";
import { PeerSessions } from "./peer-sessions.ts";
import { channelProtocol, CHANNELS } from "./protocol-ids.ts";
import { ShutOutNotice } from "./shut-out-notice.ts";
import { believableOf, WordOfMouth } from "./word-of-mouth.ts";

export class Libp2pTransport implements Transport {
  readonly node: NodeId;
  readonly fleet: FleetId;
  readonly #host: Host;
  readonly #options: ResolvedOptions;
  readonly #instance = randomBytes(INSTANCE_BYTES).toString("hex");
  readonly #gate: GossipGate;
  readonly #denied = new DeniedPeers();
  readonly #sessions: PeerSessions;
  readonly #book: AddressBook;
  readonly #dialing: DialLoop;
  readonly #word: WordOfMouth;
  readonly #greeter: Greeter;
  readonly #dialBack: DialBack;
  readonly #watch: LinkWatch;
  readonly #exchange: PeerExchange;
  readonly #saver: AddressSaver;
  readonly #notice: ShutOutNotice;
  readonly #lastWords = new LastWords({
    after: patientTimer,
    over: (node) => this.#partFrom(node),
    tell: (node, bytes) => this.#gossip.tell(node, bytes),
    nowMs: () => performance.now(),
  });
  readonly #gossip: FleetGossip;
  #grant: string | undefined;
  #handler: TransportHandler | undefined;
  #stopping: Promise<void> | undefined;

  constructor(
    deps: { readonly host: Host; readonly gate: GossipGate },
    fleet: FleetId,
    options: ResolvedOptions,
  ) {
    this.#host = deps.host;
    this.#gate = deps.gate;
    this.#options = options;
    this.fleet = fleet;
    this.node = this.#host.peerId.toString();
    const now = (): number => performance.now();
    this.#book = new AddressBook(this.node, now, (changed) => this.#dialing.trust(changed));
    const dialer = new Dialer({ rankOf: rankFor(this.node), random: Math.random }, this.node);
    const { names, logger, hasNetworkKey, addresses: store } = options;
    const [host, book] = [this.#host, this.#book];
    this.#dialing = new DialLoop({ host, book, dialer, names, logger, hasNetworkKey });
    this.#word = new WordOfMouth({ book, dialing: this.#dialing });
    this.#sessions = new PeerSessions(
      {
        host: this.#host,
        isTrusted: (node) => this.#book.isTrusted(node),
        message: (from, channel, bytes) =>
          this.#guard(() => this.#handler?.message(from, channel, bytes)),
        rejected: (reason, from) => this.#rejected(reason, from),
      },
      { fleet, ...options.tuning },
    );
    this.#greeter = new Greeter(
      { host: this.#host, listener: this.#greeterListener() },
      { fleet, limits: options.tuning },
    );
    this.#dialBack = new DialBack({
      host: this.#host,
      fleet,
      isTrusted: (node) => this.#sessions.isUp(node) && this.#book.isTrusted(node),
      addressesOf: (node) => this.#sessions.get(node)?.info?.addresses ?? [],
      knock: (node, address, signal) => this.#dialing.knock(node, address, signal),
      rejected: (reason, node) => this.#rejected(reason, node),
    });
    const sessions = (): Iterable<PeerSession> => this.#sessions.all();
    const probe = (session: PeerSession): Promise<boolean> => this.#dialing.probe(session.node);
    this.#watch = new LinkWatch(
      { sessions, renew: this.#renew, probe, ping: pingPeer, now },
      options.tuning,
    );
    this.#notice = new ShutOutNotice(logger);
    const { pubsub } = host.services;
    const [peers, lastWords] = [this.#sessions, this.#lastWords];
    this.#gossip = new FleetGossip({ pubsub, logger, peers, lastWords }, fleet);
    this.#saver = new AddressSaver({ book, store, logger });
    this.#exchange = new PeerExchange({
      sessions: () => this.#sessions.up(),
      greet: (connection) => this.#greeter.greet(connection),
      revision: () => this.#book.revision,
    });
  }

  /** Dials begun and failed so far. */
  get dialCounts(): DialCounts {
    return this.#dialing.counts;
  }

  /** Connections that this node opened of its own choice and that stand. */
  get ownConnections(): number {
    return this.#host.getConnections().filter((connection) => connection.direction === "outbound")
      .length;
  }

  /** Nodes whose addresses are known, connected or not, sorted. */
  get knownMembers(): readonly NodeId[] {
    return this.#book.nodes();
  }

  async start(handler: TransportHandler): Promise<void> {
    if (this.#handler !== undefined) return;
    this.#handler = handler;
    await this.#greeter.start();
    await this.#dialBack.start();
    for (const channel of CHANNELS) {
      const receive = (stream: Stream, connection: Connection): void =>
        this.#receive(channel, stream, connection);
      await this.#host.handle(channelProtocol(this.fleet, channel), receive, {
        maxInboundStreams: 16,
        maxOutboundStreams: 4,
      });
    }
    this.#host.addEventListener("connection:open", this.#opened);
    this.#host.addEventListener("peer:disconnect", this.#disconnected);
    const saved = await this.#saver.load();
    await startHost(this.#host, this.#options.listen);
    this.#gossip.subscribe(handler);
    this.remember(this.#options.join);
    for (const text of saved) this.#learn(text, "saved");
    this.#watch.start();
    this.#exchange.start();
    this.#saver.start();
    if (this.#options.mdns) await warnWithoutMulticast(this.#options.logger);
  }

  publish(topic: Topic, bytes: Uint8Array): void {
    if (this.#handler === undefined || this.#stopping !== undefined) return;
    this.#gossip.publish(topic, bytes);
  }

  send(to: NodeId, channel: Channel, bytes: Uint8Array): Promise<boolean> {
    return this.#sessions.get(to)?.send(channel, bytes) ?? Promise.resolve(false);
  }

  remember(addresses: readonly string[]): void {
    for (const text of addresses) this.#learn(text, "named");
  }

  members(joined: readonly NodeId[], left: readonly NodeId[]): void {
    if (this.#stopping !== undefined) return;
    for (const node of left) {
      this.#book.leave(node);
      this.#dialing.trust(node);
    }
    for (const node of joined) {
      this.#book.join(node);
      const session = this.#sessions.get(node);
      if (session?.info !== undefined) this.#word.take(session, session.info);
      this.#dialing.trust(node);
    }
  }

  links(nodes: readonly NodeId[]): void {
    this.#dialing.link(nodes);
  }

  present(grant: string | undefined): void {
    this.#grant = grant;
    this.#dialing.retryTurnedAway();
  }

  expel(nodes: readonly NodeId[], expulsion: number): void {
    this.#greeter.expelled(nodes);
    for (const node of nodes) {
      this.#gate.mute(node);
      this.#dropSession(node);
      this.#lastWords.begin(node, expulsion);
    }
  }

  lastWordSaid(nodes: readonly NodeId[], expulsion: number): void {
    for (const node of nodes) this.#lastWords.said(node, expulsion);
  }

  #partFrom(node: NodeId): void {
    this.#drop(node);
    this.#dialing.turnedAway(node);
    for (const connection of this.#host.getConnections())
      if (connection.remotePeer.toString() === node)
        connection.abort(new Error("no member any more"));
  }

  /** Whether `node`, which has just proved that it is calling, was found to be revoked a short while ago. */
  denies(node: NodeId): boolean {
    if (!this.#denied.isDenied(node, performance.now())) return false;
    // What revoked it may count no more, be it in the roster or not.
    const isAllowed = this.#guard(() => this.#handler?.isRevoked?.(node)) === false;
    if (isAllowed) this.#denied.allow(node);
    else this.#rejected("peer-denied", node);
    return !isAllowed;
  }

  addresses(): readonly string[] {
    return ownAddresses(this.#host);
  }

  peers(): readonly PeerInfo[] {
    return this.#sessions.up().flatMap((session) => session.info ?? []);
  }

  roundTripMs(node: NodeId): number | undefined {
    return this.#sessions.get(node)?.roundTripMs;
  }

  /** How members and this node can reach each other, tried out now; see {@link checkLinks}. */
  checkLinks(): Promise<readonly LinkReport[]> {
    return checkLinks({
      // One that is connected and has said no address that is believed stands in no book.
      members: () =>
        [...new Set([...this.#book.nodes(), ...this.peers().map(({ node }) => node)])].filter(
          (node) => this.#book.isTrusted(node),
        ),
      connections: (node) => this.#sessions.get(node)?.connections ?? [],
      addressesOf: (node) => this.#book.addressesOf(node),
      dialing: this.#dialing,
      dialBack: this.#dialBack,
      random: Math.random,
      after: patientTimer,
    });
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#greeter.stop();
    this.#lastWords.stop();
    this.#dialing.stop();
    this.#watch.stop();
    this.#exchange.stop();
    this.#host.removeEventListener("connection:open", this.#opened);
    await this.#saver.stop();
    await this.#host.stop();
    this.#host.removeEventListener("peer:disconnect", this.#disconnected);
    for (const { node } of this.#sessions.all()) this.#drop(node);
  }

  #receive(channel: Channel, stream: Stream, connection: Connection): void {
    this.#sessions.of(connection.remotePeer.toString()).receive(channel, stream);
  }

  readonly #opened = (event: CustomEvent<Connection>): void => {
    const node = event.detail.remotePeer.toString();
    this.#sessions.of(node);
    this.#dialing.connected(node, event.detail.direction);
    this.#limitStrangers();
  };

  /** A newcomer is a stranger for a moment only, so the oldest one makes room. */
  #limitStrangers(): void {
    const isTrusted = (node: NodeId): boolean => this.#book.isTrusted(node);
    const oldest = strangerTooMany(this.#host, isTrusted, this.#options.fleetSizeMax);
    if (oldest === undefined) return;
    this.#rejected("overloaded", oldest.remotePeer.toString());
    oldest.abort(new Error("too many strangers"));
  }

  readonly #disconnected = (event: CustomEvent<PeerId>): void => {
    this.#drop(event.detail.toString());
    this.#dialing.disconnected(event.detail.toString());
  };

  #drop(node: NodeId): void {
    this.#lastWords.cancel(node);
    this.#gate.close(node);
    this.#dropSession(node);
  }

  #dropSession(node: NodeId): void {
    if (this.#sessions.drop(node)) this.#guard(() => this.#handler?.peerDown(node));
  }

  #greeterListener(): GreeterListener {
    return {
      isUp: (node) => this.#sessions.isUp(node),
      admit: (node, { grant }) => this.#guard(() => this.#handler?.admit(node, grant), "not-ready"),
      isToHear: (node) => this.#lastWords.has(node),
      lacksIssuerOf: (node, { grant }) =>
        this.#book.isToBeFound(node) &&
        this.#guard(() => this.#handler?.lacksIssuerOf?.(node, grant)) === true,
      rootQuestions: () => this.#guard(() => this.#handler?.rootQuestions?.()),
      rootRow: (...asked) => this.#guard(() => this.#handler?.rootRow?.(...asked)),
      lacksRowOf: (node) => this.#guard(() => this.#handler?.lacksRowOf?.(node)) === true,
      formerRow: (...asked) => this.#guard(() => this.#handler?.formerRow?.(...asked)),
      formerAsked: (...asked) => this.#guard(() => this.#handler?.formerAsked?.(...asked)),
      takeRootRow: (...row) => this.#guard(() => this.#handler?.takeRootRow?.(...row)),
      rootsChanged: () => this.#dialing.retryTurnedAway(),
      hello: (node, isIn) => this.#hello(node, isIn),
      greeted: (...said) => this.#greetedOrLost(...said),
      rejected: (reason, node) => this.#rejected(reason, node),
      refused: (node) => this.#dialing.refused(node),
      turnedAway: (node, refusal) => this.#turnedAway(node, refusal),
      proof: (node) => this.#guard(() => this.#handler?.proof?.(node)),
      refusedBy: (...said) => this.#guard(() => this.#handler?.refusedBy?.(...said)),
      shutOut: (node, reason) => this.#shutOut(node, reason),
    };
  }

  #turnedAway(node: NodeId, refusal: AdmissionRefusal): void {
    this.#options.logger.debug({ node, refusal }, "not let in");
    if (refusal === "revoked") this.#denied.deny(node, performance.now());
    this.#drop(node);
    this.#dialing.turnedAway(node);
  }

  #shutOut(node: NodeId, reason: string): void {
    this.#notice.say(node, reason, performance.now());
    this.#drop(node);
    this.#dialing.turnedAway(node);
  }

  #hello(to: NodeId, isIn: boolean): Hello {
    const told = this.#book.sample(isIn ? KNOWN_ADDRESSES_MAX : 0, to, Math.random);
    return {
      ...VERSIONS,
      agent: this.#options.agent,
      instance: this.#instance,
      addresses: this.addresses(),
      known: told.met,
      heard: told.vouched,
      grant: this.#grant,
    };
  }

  /** Nobody stays who is up here and whom core was not told of: no revocation would end that. */
  #greetedOrLost(...said: Parameters<GreeterListener["greeted"]>): void {
    try {
      this.#greeted(...said);
    } catch (error) {
      const [node] = said;
      this.#options.logger.error({ error, node }, "a peer could not be let in");
      this.#partFrom(node);
    }
  }

  #greeted(
    node: NodeId,
    hello: Hello,
    connection: Connection,
    roundTripMs: number | undefined,
  ): void {
    let session = this.#sessions.of(node);
    if (session.instance !== undefined && session.instance !== hello.instance) {
      if (session.connections.every((each) => each === connection)) {
        this.#renew(session, "peer restarted behind an old connection");
        return;
      }
      session = this.#handOver(session, connection);
    }
    const { addresses, told } = believableOf(hello, this.#dialing.hostOf(connection));
    const info = { node, agent: hello.agent, addresses };
    const first = session.info === undefined;
    if (first) session.answeredAtMs = performance.now();
    session.told = told;
    session.up(info, hello.instance);
    session.roundTripMs = roundTripMs ?? session.roundTripMs;
    this.#dialing.greeted(node);
    if (this.#book.isTrusted(node)) this.#word.take(session, info);
    this.#lastWords.cancel(node);
    this.#gate.open(node);
    if (first) this.#guard(() => this.#handler?.peerUp(info));
  }

  #learn(text: string, source: "named" | "saved"): void {
    if (this.#stopping === undefined) this.#word.learn(text, source);
  }

  /** Takes in an address that somebody claims on the local network, where nobody proves anything: hearsay. */
  foundOnLocalNetwork(text: string): void {
    if (this.#handler !== undefined && this.#stopping === undefined) this.#word.hear(text, false);
  }

  /**
   * Another process of the peer has come: it restarted behind an old connection, or two have its key. The newcomer's connection stays, the
   * others go, so that two of them take turns and neither is kept out (rule BK2). Gossip goes over to it with a further identify.
   */
  #handOver({ node, connections }: PeerSession, to: Connection): PeerSession {
    this.#options.logger.debug({ node }, "the peer is another process than before");
    // The gate for gossip stays open: the streams of the newcomer may be there already.
    this.#dropSession(node);
    for (const connection of connections)
      if (connection !== to) connection.abort(new Error("another process of this peer has come"));
    this.#host.services.identify.identify(to).catch(() => undefined);
    return this.#sessions.of(node);
  }

  /** Closes every connection to a peer, so that a fresh one is dialled. */
  readonly #renew = (session: PeerSession, why: string): void => {
    this.#options.logger.debug({ node: session.node, why }, "renewing the connection");
    for (const connection of session.connections) connection.abort(new Error(why));
  };

  #rejected(reason: TransportRejectReason, from: NodeId): void {
    this.#options.logger.debug({ reason, from }, "dropped something inbound");
    this.#guard(() => this.#handler?.rejected(reason, from));
  }

  /** The handler never throws by contract; if it does, the network must not stand still for it. */
  #guard<T>(call: () => T, otherwise?: T): T | undefined {
    try {
      return call();
    } catch (error) {
      this.#options.logger.error({ error }, "the transport's handler threw");
      return otherwise;
    }
  }
}
