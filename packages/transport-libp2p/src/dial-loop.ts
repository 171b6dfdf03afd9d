/** Carries out the dialer's plans on a host, and tells the dialer what came of them. The only owner of the dialler's clock. */
import { performance } from "node:perf_hooks";
import { compareText } from "@pulsemesh/core";
import type { NodeId } from "@pulsemesh/core";
import type { Connection } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { peerIdFromString } from "@libp2p/peer-id";
import type { AddressBook } from "./address-book.ts";
import type { Dialer, Direction } from "./dialer.ts";
import { HEARSAY_FAILURES_MAX } from "./dialer.ts";
import { HANDSHAKE_TIMEOUT_MS } from "./host.ts";
import type { Host } from "./host.ts";
import { patientTimer } from "./patient-timer.ts";

/** How long a TCP connection may take to stand. */
const CONNECT_TIMEOUT_MS = 5_000;
/** What is learned together is planned together: a hello brings dozens of addresses. */
const PLAN_DELAY_MS = 20;

/** Counts for reports and tests. */
export interface DialCounts {
  readonly begun: number;
  readonly failed: number;
}

export class DialLoop {
  readonly #host: Host;
  readonly #book: AddressBook;
  readonly #dialer: Dialer;
  readonly #self: NodeId;
  readonly #under = new Map<NodeId, AbortController>();
  readonly #probes = new Set<AbortController>();
  #stopped = false;
  #timer: NodeJS.Timeout | undefined;
  #dueAtMs = Infinity;
  #begun = 0;
  #failed = 0;

  constructor(deps: { readonly host: Host; readonly book: AddressBook; readonly dialer: Dialer }) {
    this.#host = deps.host;
    this.#book = deps.book;
    this.#dialer = deps.dialer;
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
    if (this.#book.has(node)) this.#dialer.trust(node, this.#book.isSure(node));
    else this.#dialer.forget(node);
    this.#planSoon();
  }

  connected(node: NodeId, direction: Direction): void {
    this.#dialer.connected(node, direction, performance.now());
    this.#dialer.trust(node, this.#book.isSure(node));
    // Both dialled at one time: the connection that the smaller id opened stays.
    if (direction === "inbound" && compareText(node, this.#self) < 0)
      this.#under.get(node)?.abort();
    this.#planSoon();
  }

  disconnected(node: NodeId): void {
    this.#dialer.disconnected(node, performance.now());
    // Who came in without an address of its own cannot be dialled: it will come again.
    if (!this.#book.has(node)) this.#dialer.forget(node);
    this.#planSoon();
  }

  refused(node: NodeId): void {
    this.#dialer.refused(node, performance.now());
    if (!this.#book.has(node)) this.#dialer.forget(node);
  }

  greeted(node: NodeId): void {
    this.#dialer.greeted(node);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    for (const controller of [...this.#under.values(), ...this.#probes]) controller.abort();
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

  /** Whether a further connection to a connected `node` comes about; it is closed again. */
  async probe(node: NodeId): Promise<boolean> {
    const calledOff = new AbortController();
    this.#probes.add(calledOff);
    try {
      for (const address of this.#book.addressesOf(node)) {
        const connection = await this.#dialAddress(address, calledOff.signal, true);
        if (connection === undefined) continue;
        await connection.close().catch(ignoreClosed);
        return true;
      }
      return false;
    } finally {
      this.#probes.delete(calledOff);
    }
  }

  async #dial(node: NodeId): Promise<void> {
    this.#begun += 1;
    const controller = new AbortController();
    this.#under.set(node, controller);
    for (const address of this.#book.addressesOf(node)) {
      if (controller.signal.aborted) break;
      const connection = await this.#dialAddress(address, controller.signal, false);
      if (connection?.status !== "open") continue;
      // The event told the dialer already, unless the host answered with a connection that stood before.
      this.#dialer.connected(node, connection.direction, performance.now());
      this.#ended(node, true);
      return;
    }
    this.#ended(node, controller.signal.aborted);
  }

  /**
   * One address. A connection that does not come about is given up soon, to be tried anew: the gaps between the kernel's own
   * attempts grow beyond the cap. One that stands gets time for its handshake: on a busy machine giving up means to start the same work again.
   */
  async #dialAddress(
    address: string,
    calledOff: AbortSignal,
    force: boolean,
  ): Promise<Connection | undefined> {
    const slow = new AbortController();
    let callOff = patientTimer(CONNECT_TIMEOUT_MS, () => slow.abort());
    const onProgress = (event: { readonly type: string }): void => {
      if (event.type !== "upgrader:encrypt-outbound-connection") return;
      callOff();
      callOff = patientTimer(HANDSHAKE_TIMEOUT_MS, () => slow.abort());
    };
    try {
      return await this.#host.dial(multiaddr(address), {
        signal: AbortSignal.any([slow.signal, calledOff]),
        onProgress,
        force,
      });
    } catch {
      return undefined;
    } finally {
      callOff();
    }
  }

  #ended(node: NodeId, wanted: boolean): void {
    this.#under.delete(node);
    if (this.#stopped) return;
    if (wanted) this.#dialer.ended(node, performance.now());
    else this.#dialFailed(node);
    if (!this.#book.has(node)) this.#dialer.forget(node);
    this.#planSoon();
  }

  #dialFailed(node: NodeId): void {
    this.#failed += 1;
    const failures = this.#dialer.failed(node, performance.now());
    if (failures >= HEARSAY_FAILURES_MAX) this.#book.drop(node);
  }
}

function ignoreClosed(): void {
  // It was closed already.
}
