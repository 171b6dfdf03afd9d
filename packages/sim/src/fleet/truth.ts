/**
 * What is really the case, which no node can know: who is alive, who can reach whom, and since when. Checks compare verdicts with it.
 */
import type { VirtualClock } from "@pulsemesh/testkit";
import type { Endpoint } from "../network/endpoint.ts";
import type { Network } from "../network/network.ts";

export class Truth {
  readonly #clock: VirtualClock;
  readonly #endpoints: readonly Endpoint[];
  readonly #network: () => Network;
  readonly #nodes: number;
  readonly #component: Int32Array;
  readonly #togetherSinceMs: Float64Array;
  readonly #apartSinceMs: Float64Array;
  readonly #isLive: Uint8Array;
  readonly #liveSinceMs: Float64Array;
  readonly #deadSinceMs: Float64Array;
  readonly #hasMajority: Uint8Array;
  readonly #majorityChangedMs: Float64Array;
  readonly #hasStarted: Uint8Array;
  readonly #hasLeft = new Set<number>();

  constructor(deps: { readonly clock: VirtualClock; readonly endpoints: readonly Endpoint[]; readonly network: () => Network }, nodes: number) {
    this.#clock = deps.clock;
    this.#endpoints = deps.endpoints;
    this.#network = deps.network;
    this.#nodes = nodes;
    this.#component = new Int32Array(nodes).fill(-1);
    this.#togetherSinceMs = new Float64Array(nodes * nodes).fill(Number.POSITIVE_INFINITY);
    this.#apartSinceMs = new Float64Array(nodes * nodes);
    this.#isLive = new Uint8Array(nodes);
    this.#liveSinceMs = new Float64Array(nodes).fill(Number.POSITIVE_INFINITY);
    this.#deadSinceMs = new Float64Array(nodes);
    this.#hasMajority = new Uint8Array(nodes);
    this.#majorityChangedMs = new Float64Array(nodes);
    this.#hasStarted = new Uint8Array(nodes);
  }

  /** The process runs and is scheduled. */
  isLive(node: number): boolean {
    return this.#isLive[node] === 1;
  }

  liveSinceMs(node: number): number {
    return this.#liveSinceMs[node] as number;
  }

  /** Since when the node neither runs nor is scheduled; meaningless while it is live. */
  deadSinceMs(node: number): number {
    return this.#deadSinceMs[node] as number;
  }

  /** Since when both live and gossip can flow between them; never while it cannot. */
  togetherSinceMs(a: number, b: number): number {
    return this.#togetherSinceMs[a * this.#nodes + b] as number;
  }

  /** Since when one of them is dead or gossip cannot flow; meaningless while they are together. */
  apartSinceMs(a: number, b: number): number {
    return this.#apartSinceMs[a * this.#nodes + b] as number;
  }

  /** Whether a node and those it can reach are a strict majority of all that ever started and did not leave. */
  hasMajority(node: number): boolean {
    return this.#hasMajority[node] === 1;
  }

  majorityChangedMs(node: number): number {
    return this.#majorityChangedMs[node] as number;
  }

  hasStarted(node: number): boolean {
    return this.#hasStarted[node] === 1;
  }

  hasLeft(node: number): boolean {
    return this.#hasLeft.has(node);
  }

  left(node: number): void {
    this.#hasLeft.add(node);
    this.update();
  }

  /** Nodes that count: all that ever started and did not leave. */
  get roster(): number {
    let count = 0;
    for (let node = 0; node < this.#nodes; node++) if (this.hasStarted(node) && !this.#hasLeft.has(node)) count += 1;
    return count;
  }

  /** Live nodes in reach of a node, itself included. */
  reach(node: number): readonly number[] {
    const component = this.#component[node];
    const reached: number[] = [];
    for (let other = 0; other < this.#nodes; other++) {
      if (component !== -1 && this.#component[other] === component) reached.push(other);
    }
    return reached;
  }

  /** Looks again; called whenever a process, a connection or a cut has changed. */
  update(): void {
    const { nowMs } = this.#clock;
    for (let node = 0; node < this.#nodes; node++) this.#updateLife(node, nowMs);
    this.#colour();
    for (let a = 0; a < this.#nodes; a++) {
      for (let b = 0; b < this.#nodes; b++) this.#updatePair(a, b, nowMs);
    }
    this.#updateMajorities(nowMs);
  }

  #updateLife(node: number, nowMs: number): void {
    const endpoint = this.#endpoints[node];
    const isLive = endpoint?.isRunning === true && !endpoint.isStalled;
    if (endpoint?.isRunning === true) this.#hasStarted[node] = 1;
    if (isLive === this.isLive(node)) return;
    this.#isLive[node] = isLive ? 1 : 0;
    if (isLive) this.#liveSinceMs[node] = nowMs;
    else this.#deadSinceMs[node] = nowMs;
  }

  #updatePair(a: number, b: number, nowMs: number): void {
    const pair = a * this.#nodes + b;
    const isTogether = this.#component[a] !== -1 && this.#component[a] === this.#component[b];
    const wasTogether = this.#togetherSinceMs[pair] !== Number.POSITIVE_INFINITY;
    if (isTogether === wasTogether) return;
    this.#togetherSinceMs[pair] = isTogether ? nowMs : Number.POSITIVE_INFINITY;
    if (!isTogether) this.#apartSinceMs[pair] = nowMs;
  }

  #updateMajorities(nowMs: number): void {
    const sizes = new Map<number, number>();
    for (let node = 0; node < this.#nodes; node++) {
      const component = this.#component[node] as number;
      if (component !== -1 && !this.#hasLeft.has(node)) sizes.set(component, (sizes.get(component) ?? 0) + 1);
    }
    const { roster } = this;
    for (let node = 0; node < this.#nodes; node++) {
      const size = sizes.get(this.#component[node] as number) ?? 0;
      const hasMajority = size * 2 > roster ? 1 : 0;
      if (hasMajority === this.#hasMajority[node]) continue;
      this.#hasMajority[node] = hasMajority;
      this.#majorityChangedMs[node] = nowMs;
    }
  }

  /** Gives each live node the number of the piece of the network it is in. */
  #colour(): void {
    const { connections, links, neighbours } = this.#network();
    this.#component.fill(-1);
    for (let start = 0; start < this.#nodes; start++) {
      if (!this.isLive(start) || this.#component[start] !== -1) continue;
      this.#component[start] = start;
      const open = [start];
      for (let node = open.pop(); node !== undefined; node = open.pop()) {
        for (const next of neighbours[node] ?? []) {
          const flows =
            this.isLive(next) &&
            connections.areConnected(node, next) &&
            !links.isBlocked(node, next) &&
            !links.isBlocked(next, node);
          if (!flows || this.#component[next] !== -1) continue;
          this.#component[next] = start;
          open.push(next);
        }
      }
    }
  }
}
