/**
 * What other nodes' pulses said of their robots (rules PU2, VE6), kept for each robot and node.
 *
 * Every date is the pulse's own date minus the age in it, never the arrival, so that a pulse that was held back or relayed late
 * makes nothing younger (promise P3). The word of an older boot does not count once a newer one was heard: a home that came back
 * says again what it knows, and one that lost its disk must not leave its robots `up` for ever.
 */
import type { HostRights } from "../authority/host-rights.ts";
import { ROBOTS_PER_NODE_MAX } from "../command.ts";
import type { BeatKind } from "../command.ts";
import { comparePulseNames } from "../ids.ts";
import type { NodeId, PulseName, RobotId } from "../ids.ts";
import type { Now } from "../now.ts";
import type { Health, RobotReason } from "../view/status.ts";
import { decodeSummaries, type BeatSummary } from "./beat-summary.ts";
import type { RobotRegularity } from "../view/regularity.ts";
import type { LocalStatus } from "./local-robot.ts";

/** Words of all nodes about all robots that are kept; further robots are refused and counted. */
export const ROBOT_WORDS_MAX: number = 100_000;

/** One node's newest word about one robot, on this node's clocks. */
export interface RobotWord {
  readonly node: NodeId;
  /** The pulse that said it. */
  readonly pulse: PulseName;
  readonly beatSeq: number;
  readonly count: number;
  readonly kind: BeatKind;
  readonly health: Health;
  readonly status: LocalStatus;
  readonly reason: RobotReason | undefined;
  readonly since: Now;
  /** The newest contact. */
  readonly last: Now | undefined;
  readonly dueWallMs: number | undefined;
  readonly everyMs: number | undefined;
  readonly started: boolean;
  readonly floating: boolean;
  /** As it was said last under the same `every`. */
  readonly regularity: RobotRegularity | undefined;
}

/** An accepted pulse, dated by the receiver (rule PU4). */
export interface DatedPulse extends PulseName {
  readonly dateMonoMs: number;
}

export type BeatsResult =
  | {
      readonly ok: true;
      /** Robots whose word is another one than before. */
      readonly changed: readonly RobotId[];
      /** Robots beyond the limits: reject reason `robots-max`. */
      readonly refused: number;
      /** Robots that the node may not speak of (rule ME1): reject reason `robot-not-granted`. */
      readonly notGranted: number;
    }
  | { readonly ok: false; readonly code: "pulse-malformed" };

export class RemoteRobots {
  readonly #words = new Map<RobotId, Map<NodeId, RobotWord>>();
  readonly #robotsOf = new Map<NodeId, Set<RobotId>>();
  readonly #boots = new Map<NodeId, number>();
  /** Of which version of the rights a node's words were looked at. */
  readonly #reviewed = new Map<NodeId, number>();
  readonly #rights: HostRights | undefined;
  #size = 0;

  /** @param rights about which robots whose beats count; of all, where nothing is said */
  constructor(rights?: HostRights) {
    this.#rights = rights;
  }

  /**
   * Takes the beats of one accepted pulse; also of one without any, because it may be the first of a new boot.
   * Malformed ones change nothing. Beats of an older pulse than the one held for a robot are ignored for that robot.
   */
  onBeats(node: NodeId, pulse: DatedPulse, beats: unknown, now: Now): BeatsResult {
    const summaries = decodeSummaries(beats);
    if (summaries === undefined) return { ok: false, code: "pulse-malformed" };
    const changed = new Set<RobotId>();
    const bootBefore = this.#boots.get(node);
    if (bootBefore === undefined || pulse.boot > bootBefore) {
      this.#boots.set(node, pulse.boot);
      if (bootBefore !== undefined) for (const robot of this.robotsOf(node)) changed.add(robot);
    }
    const maySpeakOf = this.#rights?.of(node);
    for (const robot of this.#dropBeyond(node, maySpeakOf)) changed.add(robot);
    let refused = 0;
    let notGranted = 0;
    for (const summary of summaries) {
      if (maySpeakOf?.(summary.robot) === false) {
        notGranted += 1;
        continue;
      }
      const outcome = this.#take(node, pulse, summary, now);
      if (outcome === "changed") changed.add(summary.robot);
      else if (outcome === "refused") refused += 1;
    }
    return { ok: true, changed: [...changed], refused, notGranted };
  }

  /** Words about a robot by the nodes' current boots, and older ones marked by {@link isCurrent}. */
  words(robot: RobotId): Iterable<RobotWord> {
    return this.#words.get(robot)?.values() ?? [];
  }

  /** Whether the node has said it in its newest boot. */
  isCurrent(word: RobotWord): boolean {
    return word.pulse.boot === this.#boots.get(word.node);
  }

  /** Robots that a node ever spoke of. */
  robotsOf(node: NodeId): Iterable<RobotId> {
    return this.#robotsOf.get(node) ?? [];
  }

  robots(): Iterable<RobotId> {
    return this.#words.keys();
  }

  /** Whether another node has heard it after `last`. */
  hasNewerBeat(robot: RobotId, last: Now | undefined): boolean {
    const heardMonoMs = last?.monoMs ?? Number.NEGATIVE_INFINITY;
    for (const word of this.words(robot))
      if (word.last !== undefined && word.last.monoMs > heardMonoMs) return true;
    return false;
  }

  /** Forgets a robot that was retired. */
  forget(robot: RobotId): void {
    const words = this.#words.get(robot);
    if (words === undefined) return;
    for (const node of words.keys()) this.#robotsOf.get(node)?.delete(robot);
    this.#size -= words.size;
    this.#words.delete(robot);
  }

  /** What the node said before its grant was about fewer robots; they are looked through once for each change. */
  #dropBeyond(
    node: NodeId,
    maySpeakOf: ((robot: RobotId) => boolean) | undefined,
  ): readonly RobotId[] {
    const version = this.#rights?.version ?? 0;
    if (this.#reviewed.get(node) === version) return [];
    this.#reviewed.set(node, version);
    const beyond = [...this.robotsOf(node)].filter((robot) => maySpeakOf?.(robot) === false);
    for (const robot of beyond) {
      const words = this.#words.get(robot);
      if (words?.delete(node) === true) this.#size -= 1;
      if (words?.size === 0) this.#words.delete(robot);
      this.#robotsOf.get(node)?.delete(robot);
    }
    return beyond;
  }

  #take(
    node: NodeId,
    pulse: DatedPulse,
    summary: BeatSummary,
    now: Now,
  ): "changed" | "same" | "refused" {
    const held = this.#words.get(summary.robot)?.get(node);
    if (held !== undefined) {
      if (comparePulseNames(pulse, held.pulse) <= 0) return "same";
    } else if (!this.#hasRoom(node)) {
      return "refused";
    }
    const word = wordOf(node, pulse, summary, held, now);
    this.#put(summary.robot, word);
    return held !== undefined && held.pulse.boot === pulse.boot && saysTheSame(held, word)
      ? "same"
      : "changed";
  }

  #hasRoom(node: NodeId): boolean {
    return (
      this.#size < ROBOT_WORDS_MAX && (this.#robotsOf.get(node)?.size ?? 0) < ROBOTS_PER_NODE_MAX
    );
  }

  #put(robot: RobotId, word: RobotWord): void {
    let words = this.#words.get(robot);
    if (words === undefined) {
      words = new Map();
      this.#words.set(robot, words);
    }
    if (!words.has(word.node)) this.#size += 1;
    words.set(word.node, word);
    let robots = this.#robotsOf.get(word.node);
    if (robots === undefined) {
      robots = new Set();
      this.#robotsOf.set(word.node, robots);
    }
    robots.add(robot);
  }
}

function wordOf(
  node: NodeId,
  pulse: DatedPulse,
  said: BeatSummary,
  held: RobotWord | undefined,
  now: Now,
): RobotWord {
  const at = (ageMs: number): Now => {
    const monoMs = pulse.dateMonoMs - ageMs;
    return { monoMs, wallMs: Math.floor(now.wallMs - (now.monoMs - monoMs)) };
  };
  const sameStatus = held !== undefined && held.status === said.status;
  // The same fact keeps its first date: dates wobble with the network by a few milliseconds, and must never get younger.
  const last =
    said.ageMs === undefined
      ? undefined
      : older(at(said.ageMs), sameBeat(held, pulse, said) ? held?.last : undefined);
  const since = at(said.sinceAgeMs);
  return {
    node,
    pulse: { boot: pulse.boot, seq: pulse.seq },
    beatSeq: said.beatSeq,
    count: said.count,
    kind: said.kind,
    health: said.health,
    status: said.status,
    reason: said.reason,
    since:
      sameStatus && Math.abs(held.since.monoMs - since.monoMs) < SINCE_WOBBLE_MS
        ? held.since
        : since,
    last,
    dueWallMs: said.dueWallMs,
    everyMs: said.everyMs,
    started: said.started,
    floating: said.floating,
    regularity: regularityOf(said, held, at(0)),
  };
}

/** A digest is said rarely, and stands until the next one or another schedule. */
function regularityOf(
  said: BeatSummary,
  held: RobotWord | undefined,
  at: Now,
): RobotRegularity | undefined {
  if (said.regularity !== undefined) return { ...said.regularity, asOfWallMs: at.wallMs };
  return held?.everyMs === said.everyMs ? held?.regularity : undefined;
}

/** Two dates of one status that differ by less are the same date. */
const SINCE_WOBBLE_MS = 2_000;

function sameBeat(held: RobotWord | undefined, pulse: PulseName, said: BeatSummary): boolean {
  return held !== undefined && held.pulse.boot === pulse.boot && held.beatSeq === said.beatSeq;
}

function older(a: Now, b: Now | undefined): Now {
  return b === undefined || a.monoMs < b.monoMs ? a : b;
}

function saysTheSame(a: RobotWord, b: RobotWord): boolean {
  return (
    a.beatSeq === b.beatSeq &&
    a.count === b.count &&
    a.status === b.status &&
    a.reason === b.reason &&
    a.health === b.health &&
    a.started === b.started &&
    a.floating === b.floating &&
    a.dueWallMs === b.dueWallMs &&
    a.everyMs === b.everyMs
  );
}
