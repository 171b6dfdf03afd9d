/**
 * Every directed link of the overlay: its delay, its loss, its stalls, what cuts it, and what is under way on its streams.
 * A cut that resets closes the connection at once; a silent one swallows packets, so that the connection looks alive until it times out.
 */
import type { Channel } from "@pulsemesh/core";
import type { SeededRandom, VirtualClock, VirtualTask } from "@pulsemesh/testkit";
import type { NetworkModel } from "./network-model.ts";

/** Bytes and frames that are under way to one peer at most, as the real transport's queues hold them (docs/SPEC.md, limits). */
const QUEUE_BYTES_MAX: Readonly<Record<Channel, number>> = {
  direct: 256 * 1024,
  sync: 2 * 1024 * 1024,
};
const QUEUE_FRAMES_MAX = 256;
/** What waits on one direction of a silently cut link; more is dropped, as a full send buffer would. */
export const HELD_MAX: number = 512;
/** A transmission that was lost on a stream comes again after about this time. */
const RETRANSMIT_MS = 200;

export class Links {
  readonly #clock: VirtualClock;
  readonly #random: SeededRandom;
  readonly #nodes: number;
  readonly #stallEndMs: Float64Array;
  readonly #nextStallMs: Float64Array;
  readonly #streamLastMs: Float64Array;
  readonly #queuedBytes: Float64Array;
  readonly #queuedFrames: Int32Array;
  readonly #blocked: Uint8Array;
  readonly #blockedSinceMs: Float64Array;
  /** Pairs of which one direction is blocked and the other is not. */
  #oneWay = 0;
  /** Share that is lost of what a node sends, and of what it is sent, beyond what the model loses. */
  readonly #lossOut: Float64Array;
  readonly #lossIn: Float64Array;
  #isAnyLossy = false;
  /** How much longer all takes that a node sends, and from when on in full. */
  readonly #delayOutMs: Float64Array;
  readonly #delayGrowsMs: Float64Array;
  readonly #delayFullMs: Float64Array;
  readonly #held = new Map<number, VirtualTask[]>();
  model: NetworkModel;

  constructor(
    deps: { readonly clock: VirtualClock; readonly random: SeededRandom },
    nodes: number,
    model: NetworkModel,
  ) {
    this.#clock = deps.clock;
    this.#random = deps.random;
    this.#nodes = nodes;
    this.model = model;
    const directions = nodes * nodes;
    this.#stallEndMs = new Float64Array(directions);
    this.#nextStallMs = new Float64Array(directions).fill(-1);
    this.#streamLastMs = new Float64Array(directions * 2);
    this.#queuedBytes = new Float64Array(directions * 2);
    this.#queuedFrames = new Int32Array(directions * 2);
    this.#blocked = new Uint8Array(directions);
    this.#lossOut = new Float64Array(nodes);
    this.#lossIn = new Float64Array(nodes);
    this.#delayOutMs = new Float64Array(nodes);
    this.#delayGrowsMs = new Float64Array(nodes);
    this.#delayFullMs = new Float64Array(nodes);
    this.#blockedSinceMs = new Float64Array(directions);
  }

  /** Whether packets from one node to another are swallowed. */
  isBlocked(from: number, to: number): boolean {
    return (this.#blocked[from * this.#nodes + to] as number) > 0;
  }

  /** Since when a pair is blocked in either direction; never when it is not. */
  silentSinceMs(a: number, b: number): number {
    const since = (link: number): number =>
      this.#blocked[link] === 0 ? Number.POSITIVE_INFINITY : (this.#blockedSinceMs[link] as number);
    return Math.min(since(a * this.#nodes + b), since(b * this.#nodes + a));
  }

  get isAnyOneWay(): boolean {
    return this.#oneWay > 0;
  }

  /** Blocks count, so that overlapping cuts do not heal each other. */
  block(from: number, to: number): void {
    const link = from * this.#nodes + to;
    if (this.#blocked[link] === 0) {
      this.#blockedSinceMs[link] = this.#clock.nowMs;
      this.#oneWay += this.isBlocked(to, from) ? -1 : 1;
    }
    this.#blocked[link] = (this.#blocked[link] as number) + 1;
  }

  /** Takes back one block; what was held by a connection that survived comes in its order, a retransmission later. */
  unblock(from: number, to: number): void {
    const link = from * this.#nodes + to;
    this.#blocked[link] = (this.#blocked[link] as number) - 1;
    if (this.isBlocked(from, to)) return;
    this.#oneWay += this.isBlocked(to, from) ? 1 : -1;
    const held = this.#held.get(link) ?? [];
    this.#held.delete(link);
    let atMs = this.#clock.nowMs + this.#random.between(RETRANSMIT_MS, 6 * RETRANSMIT_MS);
    for (const task of held) this.#clock.at((atMs += 0.01), task);
    this.#stallEndMs[link] = Math.max(this.#stallEndMs[link] as number, atMs);
  }

  /** Keeps a transmission until the link is unblocked or its connection is given up; false when there is no room. */
  hold(from: number, to: number, task: VirtualTask): boolean {
    const link = from * this.#nodes + to;
    const held = this.#held.get(link);
    if (held === undefined) this.#held.set(link, [task]);
    else if (held.length < HELD_MAX) held.push(task);
    else return false;
    return true;
  }

  /** The connection is gone, and with it what was held. */
  forget(from: number, to: number): void {
    const link = from * this.#nodes + to;
    this.#held.delete(link);
    for (const stream of [link * 2, link * 2 + 1]) {
      this.#streamLastMs[stream] = 0;
      this.#queuedBytes[stream] = 0;
      this.#queuedFrames[stream] = 0;
    }
  }

  /** From now on a node loses this share of what it sends, or of what it is sent; 0 for no more than all lose. */
  loseAt(node: number, direction: "out" | "in", share: number): void {
    const losses = direction === "out" ? this.#lossOut : this.#lossIn;
    losses[node] = share;
    this.#isAnyLossy = [this.#lossOut, this.#lossIn].some((all) => all.some((loss) => loss > 0));
  }

  /** From now on everything that a node sends takes longer, and so much longer when `overMs` have passed. */
  delayAt(node: number, byMs: number, overMs: number): void {
    this.#delayOutMs[node] = byMs;
    this.#delayGrowsMs[node] = overMs;
    this.#delayFullMs[node] = this.#clock.nowMs + overMs;
  }

  /** How much longer than usual it takes now what a node sends. */
  delayOutMs(node: number): number {
    const byMs = this.#delayOutMs[node] as number;
    const leftMs = (this.#delayFullMs[node] as number) - this.#clock.nowMs;
    if (byMs === 0 || leftMs <= 0) return byMs;
    return byMs * (1 - leftMs / (this.#delayGrowsMs[node] as number));
  }

  /** Whether a node loses more than all do, or is later. */
  isLossy(node: number): boolean {
    const lossShare = Math.max(this.#lossOut[node] as number, this.#lossIn[node] as number);
    return lossShare > 0 || (this.#delayOutMs[node] as number) > 0;
  }

  /** When one gossip transmission that begins now arrives; undefined when it is lost. */
  gossipArrivalMs(from: number, to: number): number | undefined {
    const { model } = this;
    const lossShare = this.#lossShare(from, to);
    if (lossShare > 0 && this.#random.unit() < lossShare) return undefined;
    const arrivalMs = this.#clock.nowMs + this.#delayMs() + this.delayOutMs(from);
    if (model.stallEveryMs === 0 && this.#stallEndMs[from * this.#nodes + to] === 0)
      return arrivalMs;
    return Math.max(arrivalMs, this.#stallEnd(from * this.#nodes + to));
  }

  /** Takes a frame into the queue of its stream; false when it is full. */
  queue(from: number, to: number, channel: Channel, bytes: number): boolean {
    const stream = this.#stream(from, to, channel);
    const frames = (this.#queuedFrames[stream] as number) + 1;
    const queued = (this.#queuedBytes[stream] as number) + bytes;
    if (frames > QUEUE_FRAMES_MAX || queued > QUEUE_BYTES_MAX[channel]) return false;
    this.#queuedFrames[stream] = frames;
    this.#queuedBytes[stream] = queued;
    return true;
  }

  /** A queued frame has arrived. */
  unqueue(from: number, to: number, channel: Channel, bytes: number): void {
    const stream = this.#stream(from, to, channel);
    this.#queuedFrames[stream] = (this.#queuedFrames[stream] as number) - 1;
    this.#queuedBytes[stream] = (this.#queuedBytes[stream] as number) - bytes;
  }

  /** When one frame arrives that is written now: after all earlier ones of its stream. */
  streamArrivalMs(from: number, to: number, channel: Channel): number {
    const link = from * this.#nodes + to;
    const stream = this.#stream(from, to, channel);
    let arrivalMs = this.#clock.nowMs + this.#delayMs() + this.delayOutMs(from);
    const lossShare = this.#lossShare(from, to);
    while (this.#random.chance(lossShare)) arrivalMs += RETRANSMIT_MS;
    arrivalMs = Math.max(
      arrivalMs,
      this.#stallEnd(link),
      (this.#streamLastMs[stream] as number) + 0.001,
    );
    this.#streamLastMs[stream] = arrivalMs;
    return arrivalMs;
  }

  #lossShare(from: number, to: number): number {
    const { lossShare } = this.model;
    if (!this.#isAnyLossy) return lossShare;
    return (
      1 -
      (1 - lossShare) * (1 - (this.#lossOut[from] as number)) * (1 - (this.#lossIn[to] as number))
    );
  }

  #stream(from: number, to: number, channel: Channel): number {
    return (from * this.#nodes + to) * 2 + (channel === "direct" ? 0 : 1);
  }

  #delayMs(): number {
    const { delayMsMin, delayMsMax, slowShare } = this.model;
    const delayMs = delayMsMin + (delayMsMax - delayMsMin) * this.#random.unit();
    return slowShare > 0 && this.#random.unit() < slowShare ? delayMs * 10 : delayMs;
  }

  /** The end of the stall under way on a link, or 0; stalls are drawn as time passes. */
  #stallEnd(link: number): number {
    const { stallEveryMs, stallMsMin, stallMsMax } = this.model;
    if (stallEveryMs > 0) {
      const nowMs = this.#clock.nowMs;
      let nextMs = this.#nextStallMs[link] as number;
      if (nextMs < 0) nextMs = nowMs + this.#random.exponential(stallEveryMs);
      while (nextMs <= nowMs) {
        const endMs = nextMs + this.#random.between(stallMsMin, stallMsMax);
        this.#stallEndMs[link] = Math.max(this.#stallEndMs[link] as number, endMs);
        nextMs = endMs + this.#random.exponential(stallEveryMs);
      }
      this.#nextStallMs[link] = nextMs;
    }
    const endMs = this.#stallEndMs[link] as number;
    return endMs > this.#clock.nowMs ? endMs : 0;
  }
}
