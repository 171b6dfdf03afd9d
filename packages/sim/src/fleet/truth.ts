/**
 * What is really the case, which no node can know: who is alive, who can reach whom, and since when. Checks compare verdicts with it.
 */
import type { VirtualClock } from "@pulsemesh/testkit";
import type { Endpoint } from "../network/endpoint.ts";
import type { Network } from "../network/network.ts";
import { Pieces } from "./pieces.ts";

export class Truth {
  readonly #clock: VirtualClock;
  readonly #endpoints: readonly Endpoint[];
  readonly #network: () => Network;
  readonly #nodes: number;
  /** Who hears whom, kept only while something flows one way. */
  readonly #hears: Uint8Array;
  readonly #pieces: Pieces;
  #isTwoWay = true;
  readonly #togetherSinceMs: Float64Array;
  readonly #apartSinceMs: Float64Array;
  /** By pair: when they came together, the newest last. */
  readonly #together = new Map<number, readonly number[]>();
  readonly #disturbedMs: Float64Array;
  readonly #isLive: Uint8Array;
  readonly #liveSinceMs: Float64Array;
  readonly #deadSinceMs: Float64Array;
  readonly #hasMajority: Uint8Array;
  readonly #majorityChangedMs: Float64Array;
  readonly #startedMs: Float64Array;
  readonly #hasLeft = new Set<number>();
  readonly #absentUntilMs = new Map<number, number>();
  /** Robots that give no beat, by their home, and since when. */
  readonly #muteSinceMs = new Map<number, number>();
  #changedMs = 0;

  constructor(
    deps: {
      readonly clock: VirtualClock;
      readonly endpoints: readonly Endpoint[];
      readonly network: () => Network;
    },
    nodes: number,
  ) {
    this.#clock = deps.clock;
    this.#endpoints = deps.endpoints;
    this.#network = deps.network;
    this.#nodes = nodes;
    this.#hears = new Uint8Array(nodes * nodes);
    this.#pieces = new Pieces(nodes);
    this.#disturbedMs = new Float64Array(nodes).fill(Number.NEGATIVE_INFINITY);
    this.#togetherSinceMs = new Float64Array(nodes * nodes).fill(Number.POSITIVE_INFINITY);
    this.#apartSinceMs = new Float64Array(nodes * nodes);
    this.#isLive = new Uint8Array(nodes);
    this.#liveSinceMs = new Float64Array(nodes).fill(Number.POSITIVE_INFINITY);
    this.#deadSinceMs = new Float64Array(nodes);
    this.#hasMajority = new Uint8Array(nodes);
    this.#majorityChangedMs = new Float64Array(nodes);
    this.#startedMs = new Float64Array(nodes).fill(Number.POSITIVE_INFINITY);
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

  /** Since when both live and gossip can flow from `subject` to `viewer`; never while it cannot. */
  togetherSinceMs(viewer: number, subject: number): number {
    return this.#togetherSinceMs[viewer * this.#nodes + subject] as number;
  }

  /** The last times that they came together, the first of all included, the newest last. */
  togetherMs(viewer: number, subject: number): readonly number[] {
    return this.#together.get(viewer * this.#nodes + subject) ?? [];
  }

  /** Since when one of them is dead or nothing flows from `subject` to `viewer`; meaningless while it does. */
  apartSinceMs(viewer: number, subject: number): number {
    return this.#apartSinceMs[viewer * this.#nodes + subject] as number;
  }

  /** When something last happened to a node itself that others may take a moment to get over: a stop announced, a clock set. */
  disturbedMs(node: number): number {
    return this.#disturbedMs[node] as number;
  }

  disturb(node: number): void {
    this.#disturbedMs[node] = this.#clock.nowMs;
  }

  /** Whether a node and those it hears are a strict majority of all that ever started and did not leave. */
  hasMajority(node: number): boolean {
    return this.#hasMajority[node] === 1;
  }

  majorityChangedMs(node: number): number {
    return this.#majorityChangedMs[node] as number;
  }

  hasStarted(node: number): boolean {
    return this.startedMs(node) !== Number.POSITIVE_INFINITY;
  }

  /** When a node started for the first time; never before it does. */
  startedMs(node: number): number {
    return this.#startedMs[node] as number;
  }

  hasLeft(node: number): boolean {
    return this.#hasLeft.has(node);
  }

  left(node: number): void {
    this.#hasLeft.add(node);
    this.update();
  }

  /** Until when a node has announced to be away, unless it is back; never before it does. */
  absentUntilMs(node: number): number {
    return this.#absentUntilMs.get(node) ?? Number.NEGATIVE_INFINITY;
  }

  absent(node: number, untilMs: number): void {
    this.#absentUntilMs.set(node, untilMs);
  }

  /** Since when the robot of a node gives no beat, though the node may live; undefined while it does. */
  muteSinceMs(home: number): number | undefined {
    return this.#muteSinceMs.get(home);
  }

  mute(home: number, isMute: boolean): void {
    if (isMute) this.#muteSinceMs.set(home, this.#clock.nowMs);
    else this.#muteSinceMs.delete(home);
  }

  /** Nodes that count: all that ever started and did not leave. */
  get roster(): number {
    let count = 0;
    for (let node = 0; node < this.#nodes; node++)
      if (this.hasStarted(node) && !this.#hasLeft.has(node)) count += 1;
    return count;
  }

  /** Live nodes that a node hears and that hear it, itself included. */
  reach(node: number): readonly number[] {
    const reached: number[] = [];
    for (let other = 0; other < this.#nodes; other++) {
      if (this.#isHeard(node, other) && this.#isHeard(other, node)) reached.push(other);
    }
    return reached;
  }

  /** When a node last came, went, stalled or woke, or who can reach whom last changed. */
  get changedMs(): number {
    return this.#changedMs;
  }

  /** Whether all live nodes can reach each other. */
  get isOnePiece(): boolean {
    if (this.#isTwoWay) return this.#pieces.count <= 1;
    const live = this.#endpoints.flatMap((_, node) => (this.isLive(node) ? node : []));
    const reached = new Set(live[0] === undefined ? [] : this.reach(live[0]));
    return live.every((node) => reached.has(node));
  }

  /** Looks again; called whenever a process, a connection or a cut has changed. */
  update(): void {
    const { nowMs } = this.#clock;
    for (let node = 0; node < this.#nodes; node++) this.#updateLife(node, nowMs);
    const network = this.#network();
    const wasTwoWay = this.#isTwoWay;
    this.#isTwoWay = network.isTwoWay;
    const moved = this.#pieces.update(
      (node) => this.isLive(node),
      (node, next) =>
        network.connections.areConnected(node, next) && !network.links.isBlocked(next, node),
      network.neighbours,
    );
    if (!this.#isTwoWay) this.#listenAll();
    if (this.#isTwoWay && wasTwoWay) {
      for (const node of moved) this.#updatePairsOf(node, nowMs);
    } else {
      for (let a = 0; a < this.#nodes; a++)
        for (let b = 0; b < this.#nodes; b++) this.#updatePair(a, b, nowMs);
    }
    this.#updateMajorities(nowMs);
  }

  #updatePairsOf(node: number, nowMs: number): void {
    for (let other = 0; other < this.#nodes; other++) {
      this.#updatePair(node, other, nowMs);
      this.#updatePair(other, node, nowMs);
    }
  }

  #isHeard(listener: number, speaker: number): boolean {
    if (this.#isTwoWay) return this.#pieces.areTogether(listener, speaker);
    return this.#hears[listener * this.#nodes + speaker] === 1;
  }

  #updateLife(node: number, nowMs: number): void {
    const endpoint = this.#endpoints[node];
    const isLive = endpoint?.isRunning === true && !endpoint.isStalled;
    if (endpoint?.isRunning === true && !this.hasStarted(node)) this.#startedMs[node] = nowMs;
    if (isLive === this.isLive(node)) return;
    this.#changedMs = nowMs;
    this.#isLive[node] = isLive ? 1 : 0;
    if (isLive) this.#liveSinceMs[node] = nowMs;
    else this.#deadSinceMs[node] = nowMs;
    // Who is back is away no more, and may die.
    if (isLive) this.#absentUntilMs.delete(node);
  }

  #updatePair(a: number, b: number, nowMs: number): void {
    const pair = a * this.#nodes + b;
    const isTogether = this.#isHeard(a, b);
    const wasTogether = this.#togetherSinceMs[pair] !== Number.POSITIVE_INFINITY;
    if (isTogether === wasTogether) return;
    this.#changedMs = nowMs;
    this.#togetherSinceMs[pair] = isTogether ? nowMs : Number.POSITIVE_INFINITY;
    if (isTogether)
      this.#together.set(pair, [...(this.#together.get(pair) ?? []).slice(-7), nowMs]);
    if (!isTogether) this.#apartSinceMs[pair] = nowMs;
  }

  #updateMajorities(nowMs: number): void {
    const { roster } = this;
    for (let node = 0; node < this.#nodes; node++) {
      const hasMajority = this.#inSightOf(node) * 2 > roster ? 1 : 0;
      if (hasMajority === this.#hasMajority[node]) continue;
      this.#hasMajority[node] = hasMajority;
      this.#majorityChangedMs[node] = nowMs;
    }
  }

  #inSightOf(node: number): number {
    if (this.#isTwoWay) {
      let gone = 0;
      for (const other of this.#hasLeft) if (this.#pieces.areTogether(node, other)) gone += 1;
      return this.#pieces.sizeOf(node) - gone;
    }
    let inSight = 0;
    for (let other = 0; other < this.#nodes; other++)
      if (this.#isHeard(node, other) && !this.#hasLeft.has(other)) inSight += 1;
    return inSight;
  }

  #listenAll(): void {
    this.#hears.fill(0);
    for (let node = 0; node < this.#nodes; node++) this.#listen(node);
  }

  /** Follows the links backwards: everybody whose messages can come to a listener. */
  #listen(listener: number): void {
    if (!this.isLive(listener)) return;
    const network = this.#network();
    const { connections, links, neighbours } = network;
    const row = listener * this.#nodes;
    this.#hears[row + listener] = 1;
    const open = [listener];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      for (const next of neighbours[node] ?? []) {
        if (this.#hears[row + next] === 1 || !this.isLive(next)) continue;
        if (!connections.areConnected(node, next) || links.isBlocked(next, node)) continue;
        this.#hears[row + next] = 1;
        if (network.isRelay(next)) open.push(next);
      }
    }
  }
}
