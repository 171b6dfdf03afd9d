/**
 * P2: no single accuser. Every `down` of a node has the quorum of distinct accusers, none of them the subject, each of which really had
 * silence when it accused; and no node that is alive, scheduled and in reach is ever called `down`.
 */
import type { Channel, CoreEvent, Effect, Input, NodeId, Topic } from "@pulsemesh/core";
import type { Fleet } from "../fleet/fleet.ts";
import type { SimNode } from "../fleet/sim-node.ts";
import type { Check } from "./check.ts";
import { RegionTruth } from "./region-truth.ts";

/** Silence that accuses (rule VE3), less a little for drifting clocks. */
const SILENCE_INTERVALS = 3.2;
const CLOCK_TOLERANCE_MS = 10;
/** Offsets rise by a thousandth of the time (rule PU4), less what clocks drift. */
const OFFSET_RISE_PER_MS = 0.000_9;
/** A verdict may still fall so long after the cause of the silence is over: its accusations are under way, and it settles. */
const AFTERMATH_INTERVALS = 3;
const QUORUM_LIMIT = 3;
/** False verdicts about one node within this time are one: it takes a moment to be told to everybody and taken back by everybody. */
const EPISODE_MS = 60_000;

export interface VerdictCheckOptions {
  /** False where the network loses more than the protocol promises to stand: then false verdicts are only counted. */
  readonly isStrict: boolean;
}

export class VerdictCheck implements Check {
  readonly #fleet: Fleet;
  readonly #options: VerdictCheckOptions;
  readonly #regions: RegionTruth;
  /** Per receiver and author: when the newest pulse that has reached the receiver was made. */
  readonly #heardMadeMs: Float64Array;
  readonly #madeMs = new WeakMap<Uint8Array, number>();
  /** Accusations that were made, by subject and pulse: by whom. */
  readonly #accusers = new Map<string, Set<NodeId>>();
  readonly #lastFalseMs = new Map<number, number>();
  /** Per node that calls a live one `down`. */
  falseVerdicts = 0;
  /** Per live node that any other calls `down`, however many do. */
  falseDowns = 0;
  /** Accusations of nodes that live and can be heard. */
  wrongAccusations = 0;
  verdicts = 0;
  accusations = 0;

  constructor(fleet: Fleet, options: VerdictCheckOptions) {
    this.#fleet = fleet;
    this.#options = options;
    this.#regions = new RegionTruth(fleet);
    this.#heardMadeMs = new Float64Array(fleet.nodes.length ** 2).fill(Number.NEGATIVE_INFINITY);
  }

  handled(node: SimNode, input: Input, effects: readonly Effect[]): void {
    this.#noteArrival(node, input);
    // What a core decides counts, not when the disk lets it say so: a pulse may well arrive in between.
    for (const effect of effects) {
      if (effect.type !== "publish" || effect.topic !== "verdict") continue;
      this.#noteAccusations(node.index, effect.bytes);
      this.#checkSilence(node, effect.bytes);
    }
  }

  #noteArrival(node: SimNode, input: Input): void {
    if (input.type === "gossip" && input.topic === "verdict") return;
    if (input.type !== "gossip" && (input.type !== "message" || input.channel !== "direct")) return;
    const madeMs = this.#madeMs.get(input.bytes);
    if (madeMs === undefined) return;
    const author = this.#fleet.indexOf(this.#fleet.wire.pulse(input.bytes)?.author ?? "");
    if (author === undefined) return;
    const pair = node.index * this.#fleet.nodes.length + author;
    this.#heardMadeMs[pair] = Math.max(this.#heardMadeMs[pair] as number, madeMs);
  }

  published(from: number, topic: Topic, bytes: Uint8Array): void {
    if (topic === "pulse" && !this.#madeMs.has(bytes)) this.#madeMs.set(bytes, this.#fleet.nowMs);
    if (topic === "verdict" && this.#fleet.hostile.has(from)) this.#noteAccusations(from, bytes);
  }

  /** Accusations go straight to the accused and to newcomers as well. */
  sent(from: number, _to: number, channel: Channel, bytes: Uint8Array): void {
    if (channel !== "direct") return;
    const isPulse = this.#fleet.wire.pulse(bytes) !== undefined;
    if (!isPulse) this.#noteAccusations(from, bytes);
    else if (!this.#madeMs.has(bytes)) this.#madeMs.set(bytes, this.#fleet.nowMs);
  }

  emitted(node: SimNode, event: CoreEvent): void {
    if (event.type !== "verdict" || event.kind !== "down" || this.#fleet.hostile.has(node.index))
      return;
    this.verdicts += 1;
    const subject = this.#fleet.indexOf(event.subject);
    if (subject === undefined) return;
    const accusers = new Set(event.accusers);
    const roster = node.core?.fleet(node.now).roster ?? 0;
    // Where whole regions are out of reach (rule VE4) those that are left are the electorate; two of them are no pair.
    const voters = Math.min(roster, this.#regions.electorate(node.index));
    const quorum = roster === 2 ? 1 : Math.min(QUORUM_LIMIT, Math.floor(voters / 2) + 1);
    const where = `node ${node.index} about node ${subject}`;
    if (accusers.size < quorum) {
      this.#fleet.report(
        "P2",
        `${where}: down with ${accusers.size} accusers where the quorum is ${quorum}`,
      );
    }
    if (accusers.has(event.subject))
      this.#fleet.report("P2", `${where}: the subject is among its accusers`);
    const known = this.#accusers.get(`${event.subject}/${event.pulse.boot}/${event.pulse.seq}`);
    for (const accuser of accusers) {
      if (known?.has(accuser) !== true)
        this.#fleet.report("P2", `${where}: ${accuser} never accused by that pulse`);
    }
    this.#checkTruth(node.index, subject);
  }

  #checkTruth(viewer: number, subject: number): void {
    const { nowMs, pulseEveryMs, truth, nodes } = this.#fleet;
    const togetherMs = nowMs - truth.togetherSinceMs(viewer, subject);
    const livedMs = nowMs - truth.liveSinceMs(subject);
    if (
      Math.min(togetherMs, livedMs) > AFTERMATH_INTERVALS * pulseEveryMs &&
      truth.isLive(subject) &&
      !this.#isExcused(viewer, subject)
    ) {
      this.falseVerdicts += 1;
      if (nowMs - (this.#lastFalseMs.get(subject) ?? -EPISODE_MS) >= EPISODE_MS)
        this.falseDowns += 1;
      this.#lastFalseMs.set(subject, nowMs);
      const text = `node ${viewer} says down of node ${subject}, which it has been in reach of for ${Math.round(togetherMs)} ms`;
      if (this.#options.isStrict) this.#fleet.report("P2", text);
    }
    const isPair = nodes.length === 2;
    const noMajorityMs = nowMs - truth.majorityChangedMs(viewer);
    if (
      !isPair &&
      !truth.hasMajority(viewer) &&
      !this.#regions.hasMajority(viewer) &&
      noMajorityMs > AFTERMATH_INTERVALS * pulseEveryMs
    ) {
      this.#fleet.report(
        "P2",
        `node ${viewer} says down of node ${subject} without a majority for ${Math.round(noMajorityMs)} ms`,
      );
    }
  }

  /** Of a node that loses most of what it sends it is right to say that it cannot be heard. */
  #isExcused(viewer: number, subject: number): boolean {
    const { links } = this.#fleet.network;
    return links.isLossy(viewer) || links.isLossy(subject);
  }

  /** A suspension of less than an interval goes unnoticed; the dates of the node's pulses lag by it until offsets have risen (rule PU4). */
  #datesLagMs(subject: number): number {
    const { pulseEveryMs, nowMs } = this.#fleet;
    let lagMs = 0;
    for (const { forMs, untilMs } of this.#fleet.node(subject).clock.suspensions) {
      if (forMs <= pulseEveryMs)
        lagMs += Math.max(0, forMs - (nowMs - untilMs) * OFFSET_RISE_PER_MS);
    }
    return lagMs;
  }

  #noteAccusations(from: number, bytes: Uint8Array): void {
    const observation = this.#fleet.wire.observation(bytes);
    const node = this.#fleet.nodes[from];
    if (observation === undefined || node === undefined || observation.author !== node.id) return;
    for (const { kind, subject, boot, seq } of observation.statements) {
      if (kind !== "accuse") continue;
      this.#countAccusation(from, subject);
      const name = `${subject}/${boot}/${seq}`;
      const accusers = this.#accusers.get(name);
      if (accusers === undefined) this.#accusers.set(name, new Set([node.id]));
      else accusers.add(node.id);
    }
  }

  #countAccusation(from: number, subject: NodeId): void {
    const { truth, nowMs, pulseEveryMs } = this.#fleet;
    this.accusations += 1;
    const about = this.#fleet.indexOf(subject);
    // Who came into reach less than an interval ago has had no pulse to be heard by: what is said of it, to whoever is greeted, was true until then.
    if (about === undefined || nowMs - truth.togetherSinceMs(from, about) < pulseEveryMs) return;
    this.wrongAccusations += 1;
  }

  #checkSilence(node: SimNode, bytes: Uint8Array): void {
    const { nowMs, pulseEveryMs, nodes } = this.#fleet;
    for (const { kind, subject } of this.#fleet.wire.observation(bytes)?.statements ?? []) {
      const about = this.#fleet.indexOf(subject);
      if (kind !== "accuse" || about === undefined) continue;
      const silentMs = nowMs - (this.#heardMadeMs[node.index * nodes.length + about] as number);
      const dueMs = SILENCE_INTERVALS * pulseEveryMs * 0.999 - CLOCK_TOLERANCE_MS;
      if (silentMs < dueMs - this.#datesLagMs(about)) {
        this.#fleet.report(
          "P2",
          `node ${node.index} accuses node ${about} after a silence of ${Math.round(silentMs)} ms`,
        );
      }
    }
  }
}
