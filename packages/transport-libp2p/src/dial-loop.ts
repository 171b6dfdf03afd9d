/** Carries out the dialer's plans on a host, and tells the dialer what came of them. The only owner of the dialler's clock. */
import { performance } from "node:perf_hooks";
import { compareText } from "@pulsemesh/core";
import type { NodeId } from "@pulsemesh/core";
import { multiaddr } from "@multiformats/multiaddr";
import { peerIdFromString } from "@libp2p/peer-id";
import type { AddressBook } from "./address-book.ts";
import type { Dialer, Direction } from "./dialer.ts";
import { HEARSAY_FAILURES_MAX } from "./dialer.ts";
import type { Host } from "./host.ts";

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
    this.#planSoon();
  }

  connected(node: NodeId, direction: Direction): void {
    this.#dialer.connected(node, direction, performance.now());
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
    for (const controller of this.#under.values()) controller.abort();
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

  async #dial(node: NodeId): Promise<void> {
    this.#begun += 1;
    const controller = new AbortController();
    this.#under.set(node, controller);
    try {
      const addresses = this.#book.addressesOf(node).map((text) => multiaddr(text));
      const connection = await this.#host.dial(addresses, { signal: controller.signal });
      // The event told the dialer already, unless the host answered with a connection that stood before.
      if (connection.status === "open")
        this.#dialer.connected(node, connection.direction, performance.now());
      this.#ended(node, connection.status === "open");
    } catch {
      this.#ended(node, controller.signal.aborted);
    }
  }

  #ended(node: NodeId, wanted: boolean): void {
    this.#under.delete(node);
    if (this.#stopped) return;
    if (wanted) this.#dialer.ended(node, performance.now());
    else this.#dialFailed(node);
    this.#planSoon();
  }

  #dialFailed(node: NodeId): void {
    this.#failed += 1;
    const failures = this.#dialer.failed(node, performance.now());
    if (failures >= HEARSAY_FAILURES_MAX && this.#book.dropHearsay(node)) this.#dialer.forget(node);
  }
}

function ignoreClosed(): void {
  // It was closed already.
}
