/** Carries out the dialer's plans on a host, and tells the dialer what came of them. The only owner of the dialler's clock. */
import { performance } from "node:perf_hooks";
import { compareText } from "@pulsemesh/core";
import type { NodeId } from "@pulsemesh/core";
import type { Connection } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { peerIdFromString } from "@libp2p/peer-id";
import { BOOK_MEMBERS_MAX } from "./address-book.ts";
import type { AddressBook } from "./address-book.ts";
import { dialFaultOf } from "./dial-fault.ts";
import type { DialFault } from "./dial-fault.ts";
import type { Dialer, Direction } from "./dialer.ts";
import { HEARSAY_FAILURES_MAX } from "./dialer.ts";
import { HandshakeProgress } from "./handshake-progress.ts";
import type { DialProgress } from "./handshake-progress.ts";
import { HANDSHAKE_TIMEOUT_MS } from "./host.ts";
import type { Host } from "./host.ts";
import { readAddress } from "./multiaddr-text.ts";
import { lookUp } from "./name-lookup.ts";
import type { NameService, Target } from "./name-lookup.ts";
import type { TransportLogger } from "./options.ts";
import { patientTimer } from "./patient-timer.ts";
import { noHandshakeWords } from "./private-network.ts";

/** How long a TCP connection may take to stand. */
const CONNECT_TIMEOUT_MS = 5_000;
/** The same where somebody waits for the answer about several addresses. */
const KNOCK_TIMEOUT_MS = 2_000;
/** What is learned together is planned together: a hello brings dozens of addresses. */
const PLAN_DELAY_MS = 20;
/** Failures in a row after which somebody whom the user named is worth a word, and how long until the next. */
const FAILURES_SAID = 4;
const UNREACHED_SAID_EVERY_MS = 60_000;

/** What came of a dial to one address. */
export interface DialOutcome {
  readonly address: string;
  readonly outcome: "reached" | DialFault;
}

/** What came of a further dial to a connected node, and the hosts that were tried. */
export interface Knock {
  readonly outcome: DialOutcome["outcome"];
  readonly hosts: readonly string[];
}

interface DialHow {
  /** Also where a connection stands. */
  readonly force: boolean;
  readonly calledOff: AbortSignal;
  readonly connectMs: number;
}

export interface DialLoopDeps {
  readonly host: Host;
  readonly book: AddressBook;
  readonly dialer: Dialer;
  readonly names: NameService;
  readonly logger: TransportLogger;
  /** Whether this node is in a private network. */
  readonly hasNetworkKey: boolean;
}

type Dialled =
  | { readonly ok: true; readonly connection: Connection }
  | { readonly ok: false; readonly fault: DialFault };

/** Counts for reports and tests. */
export interface DialCounts {
  readonly begun: number;
  readonly failed: number;
}

export class DialLoop {
  readonly #host: Host;
  readonly #book: AddressBook;
  readonly #dialer: Dialer;
  readonly #names: NameService;
  readonly #logger: TransportLogger;
  readonly #hasNetworkKey: boolean;
  readonly #self: NodeId;
  readonly #under = new Map<NodeId, AbortController>();
  readonly #probes = new Map<AbortController, NodeId>();
  /** What came of the last dials to nodes that are not connected. */
  readonly #outcomes = new Map<NodeId, readonly DialOutcome[]>();
  /** IP addresses behind the names that were dialled last. */
  readonly #hosts = new Map<string, string>();
  readonly #knocks = new Map<NodeId, Promise<void>>();
  readonly #saidAtMs = new Map<NodeId, number>();
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  #dueAtMs = Infinity;
  #begun = 0;
  #failed = 0;

  constructor(deps: DialLoopDeps) {
    this.#host = deps.host;
    this.#book = deps.book;
    this.#dialer = deps.dialer;
    this.#names = deps.names;
    this.#logger = deps.logger;
    this.#hasNetworkKey = deps.hasNetworkKey;
    this.#self = deps.host.peerId.toString();
  }

  get counts(): DialCounts {
    return { begun: this.#begun, failed: this.#failed };
  }

  learn(node: NodeId, eager: boolean): void {
    this.#dialer.learn(node, eager, performance.now());
    this.trust(node);
  }

  /** What the book knows of `node` has changed. */
  trust(node: NodeId): void {
    if (this.#book.has(node))
      this.#dialer.trust(node, this.#book.standingOf(node), performance.now());
    else this.#forget(node);
    this.#planSoon();
  }

  connected(node: NodeId, direction: Direction): void {
    this.#outcomes.delete(node);
    this.#saidAtMs.delete(node);
    // A probe is a look and no choice: it is closed at once.
    if (direction === "outbound" && [...this.#probes.values()].includes(node)) return;
    this.#dialer.connected(node, direction, performance.now());
    this.#dialer.trust(node, this.#book.standingOf(node), performance.now());
    // Both dialled at one time: the connection that the smaller id opened stays.
    if (direction === "inbound" && compareText(node, this.#self) < 0)
      this.#under.get(node)?.abort();
    this.#planSoon();
  }

  disconnected(node: NodeId): void {
    this.#dialer.disconnected(node, performance.now());
    // Who came in without an address of its own cannot be dialled: it will come again.
    if (!this.#book.has(node)) this.#forget(node);
    this.#planSoon();
  }

  refused(node: NodeId): void {
    this.#dialer.refused(node, performance.now());
    if (!this.#book.has(node)) this.#forget(node);
  }

  turnedAway(node: NodeId): void {
    const times = this.#dialer.turnedAway(node, performance.now());
    if (times >= HEARSAY_FAILURES_MAX) this.#book.drop(node);
    if (!this.#book.has(node)) this.#forget(node);
    this.#planSoon();
  }

  link(nodes: readonly NodeId[]): void {
    this.#dialer.link(nodes, performance.now());
    this.#planSoon();
  }

  retryTurnedAway(): void {
    if (this.#dialer.retryTurnedAway(performance.now())) this.#planSoon();
  }

  greeted(node: NodeId): void {
    this.#dialer.greeted(node, performance.now());
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    for (const controller of [...this.#under.values(), ...this.#probes.keys()]) controller.abort();
  }

  #planSoon(): void {
    this.#planAt(performance.now() + PLAN_DELAY_MS);
  }

  #planAt(atMs: number): void {
    if (this.#stopped || atMs >= this.#dueAtMs) return;
    clearTimeout(this.#timer);
    this.#dueAtMs = atMs;
    this.#timer = setTimeout(() => this.#plan(), Math.max(0, atMs - performance.now()));
  }

  #plan(): void {
    this.#dueAtMs = Infinity;
    const nowMs = performance.now();
    const plan = this.#dialer.plan(nowMs);
    for (const node of plan.close)
      void this.#host.hangUp(peerIdFromString(node)).catch(ignoreClosed);
    for (const node of plan.dial) void this.#dial(node);
    if (plan.nextAtMs !== undefined) this.#planAt(Math.max(plan.nextAtMs, nowMs + PLAN_DELAY_MS));
  }

  /** What came of the last dials to a node that is not connected. */
  outcomesOf(node: NodeId): readonly DialOutcome[] {
    return this.#outcomes.get(node) ?? [];
  }

  /** Whether a further connection to a connected `node` comes about; it is closed again. */
  async probe(node: NodeId): Promise<boolean> {
    for (const address of this.#book.addressesOf(node)) {
      const { outcome } = await this.#tryOut(node, address, { connectMs: CONNECT_TIMEOUT_MS });
      if (outcome === "reached") return true;
    }
    return false;
  }

  /** Opens a further connection to `node` at `address` and closes it again; one at a time for each node, or the host would join them. */
  async knock(node: NodeId, address: string, signal: AbortSignal): Promise<Knock> {
    const before = this.#knocks.get(node) ?? Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#knocks.set(node, promise);
    try {
      await before;
      return await this.#tryOut(node, address, { connectMs: KNOCK_TIMEOUT_MS, signal });
    } finally {
      resolve();
      if (this.#knocks.get(node) === promise) this.#knocks.delete(node);
    }
  }

  async #tryOut(
    node: NodeId,
    address: string,
    { connectMs, signal }: { readonly connectMs: number; readonly signal?: AbortSignal },
  ): Promise<Knock> {
    const hosts: string[] = [];
    if (this.#stopped || signal?.aborted === true) return { outcome: "not-dialled", hosts };
    const calledOff = new AbortController();
    this.#probes.set(calledOff, node);
    const signals = [calledOff.signal, ...(signal === undefined ? [] : [signal])];
    const how = { force: true, calledOff: AbortSignal.any(signals), connectMs };
    try {
      const dialled = await this.#dialAddress(node, address, how, hosts);
      if (!dialled.ok) return { outcome: dialled.fault, hosts };
      await dialled.connection.close().catch(ignoreClosed);
      return { outcome: "reached", hosts };
    } finally {
      this.#probes.delete(calledOff);
    }
  }

  async #dial(node: NodeId): Promise<void> {
    this.#begun += 1;
    const controller = new AbortController();
    this.#under.set(node, controller);
    const outcomes: DialOutcome[] = [];
    const how = { force: false, calledOff: controller.signal, connectMs: CONNECT_TIMEOUT_MS };
    for (const address of this.#book.addressesOf(node)) {
      if (controller.signal.aborted) break;
      const dialled = await this.#dialAddress(node, address, how);
      if (!dialled.ok) {
        outcomes.push({ address, outcome: dialled.fault });
        continue;
      }
      const { connection } = dialled;
      if (connection.status !== "open") continue;
      // The event told the dialer already, unless the host answered with a connection that stood before.
      this.#dialer.connected(node, connection.direction, performance.now());
      this.#ended(node, true);
      return;
    }
    if (!controller.signal.aborted) this.#outcomes.set(node, outcomes);
    this.#ended(node, controller.signal.aborted);
  }

  /** One address, which a name may turn into several: `hosts` takes those that were dialled. The fault is that of the last. */
  async #dialAddress(
    node: NodeId,
    text: string,
    how: DialHow,
    hosts: string[] = [],
  ): Promise<Dialled> {
    const address = readAddress(text);
    if (address === undefined) return { ok: false, fault: "not-dialled" };
    let fault: DialFault = "name-unknown";
    try {
      const isNamed = this.#book.isNamed(node, text);
      for (const target of await lookUp(address, this.#names, isNamed)) {
        if (how.calledOff.aborted) return { ok: false, fault: "not-dialled" };
        hosts.push(target.host);
        const dialled = await this.#dialTarget(target, how);
        if (dialled.ok) return dialled;
        ({ fault } = dialled);
      }
      return { ok: false, fault };
    } catch {
      return { ok: false, fault };
    }
  }

  /**
   * One target. A connection that does not come about is given up soon, to be tried anew: the gaps between the kernel's own
   * attempts grow beyond the cap. One that stands gets time for its handshake: on a busy machine giving up means to start the same work again.
   */
  async #dialTarget(target: Target, { force, calledOff, connectMs }: DialHow): Promise<Dialled> {
    const slow = new AbortController();
    let callOff = patientTimer(connectMs, () => slow.abort());
    const progress = new HandshakeProgress();
    const onProgress = (event: DialProgress): void => {
      progress.note(event);
      if (event.type !== "upgrader:encrypt-outbound-connection") return;
      callOff();
      callOff = patientTimer(HANDSHAKE_TIMEOUT_MS, () => slow.abort());
    };
    this.#rememberHost(target);
    try {
      const connection = await this.#host.dial(multiaddr(target.address), {
        signal: AbortSignal.any([slow.signal, calledOff]),
        onProgress,
        force,
      });
      return { ok: true, connection };
    } catch (error) {
      return { ok: false, fault: dialFaultOf(calledOff.aborted ? error : progress.named(error)) };
    } finally {
      callOff();
    }
  }

  /** The host at the other end of `connection`: an IP address, also where a name was dialled. */
  hostOf({ remoteAddr }: Connection): string {
    const host = remoteAddr.getComponents()[0]?.value ?? "";
    return this.#hosts.get(remoteAddr.toString()) ?? host;
  }

  /** Only of what is dialled by name; of everything else the connection says it itself. */
  #rememberHost({ address, host }: Target): void {
    if (!address.startsWith("/dns")) return;
    if (this.#hosts.size >= BOOK_MEMBERS_MAX) this.#hosts.clear();
    this.#hosts.set(address, host);
  }

  #ended(node: NodeId, wanted: boolean): void {
    this.#under.delete(node);
    if (this.#stopped) return;
    if (wanted) this.#dialer.ended(node, performance.now());
    else this.#dialFailed(node);
    if (!this.#book.has(node)) this.#forget(node);
    this.#planSoon();
  }

  #dialFailed(node: NodeId): void {
    this.#failed += 1;
    const failures = this.#dialer.failed(node, performance.now());
    if (failures >= HEARSAY_FAILURES_MAX) this.#book.drop(node);
    if (failures >= FAILURES_SAID) this.#sayUnreached(node);
  }

  /** Whoever was named by the user is dialled for ever; somebody who waits for it should not wait in silence. */
  #sayUnreached(node: NodeId): void {
    const nowMs = performance.now();
    const outcomes = this.outcomesOf(node);
    const isNamed = outcomes.some(({ address }) => this.#book.isNamed(node, address));
    if (!isNamed || nowMs - (this.#saidAtMs.get(node) ?? -Infinity) < UNREACHED_SAID_EVERY_MS)
      return;
    this.#saidAtMs.set(node, nowMs);
    const isPuzzle = outcomes.some(({ outcome }) => outcome === "no-handshake");
    const why = isPuzzle ? { why: noHandshakeWords(this.#hasNetworkKey) } : {};
    this.#logger.warn(
      { node, tried: outcomes, ...why },
      "no connection yet to a member named by --join; trying again every few seconds",
    );
  }

  #forget(node: NodeId): void {
    this.#dialer.forget(node);
    this.#outcomes.delete(node);
    this.#saidAtMs.delete(node);
  }
}

function ignoreClosed(): void {
  // It was closed already.
}
