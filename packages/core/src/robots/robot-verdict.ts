/**
 * What the mesh says of one robot, as one function of the facts (rule VE6): the home's word while the home lives, else the verdict
 * about the home.
 *
 * The home is the node with the newest accepted beat. Where nobody has heard a beat, it is the node that registered the robot in the
 * document, else the smallest id of those that speak of it: the same on every node.
 *
 * A beat is accepted of whoever claims the robot in its own chain; of anybody only while nobody does, or when the robot is marked
 * `floating`. A word in a pulse leaves no trace: without the claim any member could show a dead robot alive and deny it afterwards.
 */
import type { BeatKind } from "../command.ts";
import { compareText } from "../ids.ts";
import type { NodeId } from "../ids.ts";
import type { Now } from "../now.ts";
import type { RobotRegularity } from "../view/regularity.ts";
import type { Health, RobotReason, Status } from "../view/status.ts";
import type { RobotRecord } from "./field-writer.ts";
import type { LocalRobot, LocalStatus } from "./local-robot.ts";
import type { NodeStatusPort } from "./node-status-port.ts";
import type { RobotWord } from "./remote-robots.ts";

/** What one node says of a robot that it hosts or hosted, this node included. */
export interface HomeWord {
  readonly node: NodeId;
  /** Said in the node's newest boot. */
  readonly isCurrent: boolean;
  readonly status: LocalStatus;
  readonly reason: RobotReason | undefined;
  readonly since: Now;
  readonly last: Now | undefined;
  readonly health: Health;
  readonly count: number;
  readonly kind: BeatKind;
  readonly started: boolean;
  readonly dueWallMs: number | undefined;
  readonly everyMs: number | undefined;
  readonly floating: boolean;
  /** As the home said it last; this node's own is worked out when it is asked for. */
  readonly regularity: RobotRegularity | undefined;
}

export interface RobotVerdict {
  readonly status: Status;
  readonly reason: RobotReason | undefined;
  readonly sinceWallMs: number;
  readonly home: NodeId | undefined;
  /** The home's word, whether or not it decides the status. */
  readonly word: HomeWord | undefined;
  /** The word that is shown: the home's, or that of a node that takes beats as well and hears the robot alive. */
  readonly shown: HomeWord | undefined;
  /** The status is a verdict about the home and not its word. */
  readonly isOverride: boolean;
  /** The newest beat that is not accepted, where it is newer than the home's. */
  readonly refused: HomeWord | undefined;
}

/** What the document says of who may be the home. */
export type HomeRecord = Pick<RobotRecord, "author" | "claimants" | "floating">;

/** The word with the newest beat; without any beat the registering author's, then the smallest id. */
function homeOf(words: readonly HomeWord[], author: NodeId | undefined): HomeWord | undefined {
  let home: HomeWord | undefined;
  for (const word of words) if (home === undefined || isBefore(word, home, author)) home = word;
  return home;
}

/** Whether the robot is meant to beat at several nodes, by its record; where nobody has claimed it, by the word itself. */
export function isFloating(record: HomeRecord | undefined, word: HomeWord): boolean {
  return record === undefined || record.claimants.length === 0
    ? word.floating
    : record.floating === true;
}

/** The verdict about a robot; `record` is what the document says of it. */
export function robotVerdict(
  words: readonly HomeWord[],
  record: HomeRecord | undefined,
  nodes: NodeStatusPort,
  now: Now,
): RobotVerdict {
  const author = record?.author;
  const accepted = words.filter(({ node }) => isAccepted(node, record));
  const word = homeOf(accepted, author);
  const refused = accepted.length === words.length ? undefined : refusedOf(words, record, word);
  const home = word?.node ?? author;
  const override = home === undefined ? notHeard(now) : overrideBy(home, word, nodes, now);
  const found = { home, word, shown: word, refused };
  if (override !== undefined) return { ...override, ...found, isOverride: true };
  if (word === undefined) return { ...notHeard(now), ...found, isOverride: true };
  return {
    ...found,
    status: word.status,
    reason: word.reason,
    sinceWallMs: word.since.wallMs,
    isOverride: false,
  };
}

/**
 * The verdict where `rivals` take beats of the robot as well as its home. It takes the word of all of them to call the robot anything but
 * alive, since its own beats at one of them prove the others wrong; otherwise whoever claims a robot could show it down, or hide it.
 */
export function verdictAmong(
  verdict: RobotVerdict,
  rivals: readonly HomeWord[],
  nodes: NodeStatusPort,
  now: Now,
): RobotVerdict {
  if (rivals.length === 0 || isAlive(verdict.status)) return verdict;
  const alive = rivals.filter(
    (word) => isAlive(word.status) && overrideBy(word.node, word, nodes, now) === undefined,
  );
  const shown = homeOf(alive, undefined);
  if (shown === undefined) return verdict;
  return {
    ...verdict,
    shown,
    status: shown.status,
    reason: "two-homes",
    sinceWallMs: shown.since.wallMs,
    isOverride: false,
  };
}

function isAlive(status: Status): boolean {
  return status === "up" || status === "late";
}

interface Override {
  readonly status: Status;
  readonly reason: RobotReason;
  readonly sinceWallMs: number;
}

/** What the standing of the home makes of the robot; undefined lets the home's word count. */
function overrideBy(
  home: NodeId,
  word: HomeWord | undefined,
  nodes: NodeStatusPort,
  now: Now,
): Override | undefined {
  if (home !== nodes.self) {
    const standing = nodes.status(home);
    const sinceWallMs = standing?.sinceWallMs ?? now.wallMs;
    switch (standing?.status) {
      case "down":
        return { status: "down", reason: "home-down", sinceWallMs };
      case "paused":
        return { status: "paused", reason: "home-paused", sinceWallMs };
      case "left":
        return { status: "left", reason: "home-left", sinceWallMs };
      case "unknown":
      case undefined:
        return { status: "unknown", reason: "home-unknown", sinceWallMs };
      case "new":
        return { status: "unknown", reason: "not-heard", sinceWallMs };
      case "up":
      case "late":
        break;
    }
  } else {
    const sinceWallMs = nodes.twinSinceWallMs?.();
    if (sinceWallMs !== undefined) return { status: "unknown", reason: "twin", sinceWallMs };
  }
  if (word !== undefined && !word.isCurrent) return notHeard(now);
  // It may have moved to a side that we cannot see: only a majority may call it dead.
  if (word?.status === "down" && !nodes.hasMajority()) {
    return { status: "unknown", reason: "home-minority", sinceWallMs: word.since.wallMs };
  }
  return undefined;
}

/** Whether beats of this node count, by what the document says. */
export function isAccepted(node: NodeId, record: HomeRecord | undefined): boolean {
  if (record === undefined || record.floating === true || record.claimants.length === 0)
    return true;
  return record.claimants.includes(node);
}

function refusedOf(
  words: readonly HomeWord[],
  record: HomeRecord | undefined,
  home: HomeWord | undefined,
): HomeWord | undefined {
  const refused = homeOf(
    words.filter(({ node, last }) => last !== undefined && !isAccepted(node, record)),
    undefined,
  );
  const isNewer = (refused?.last?.monoMs ?? -Infinity) > (home?.last?.monoMs ?? -Infinity);
  return isNewer ? refused : undefined;
}

function notHeard(now: Now): Override {
  return { status: "unknown", reason: "not-heard", sinceWallMs: now.wallMs };
}

function isBefore(a: HomeWord, b: HomeWord, author: NodeId | undefined): boolean {
  const [dateA, dateB] = [a.last?.monoMs ?? -Infinity, b.last?.monoMs ?? -Infinity];
  if (dateA !== dateB) return dateA > dateB;
  if ((a.node === author) !== (b.node === author)) return a.node === author;
  return compareText(a.node, b.node) < 0;
}

export function localWord(robot: LocalRobot, self: NodeId): HomeWord {
  const everyMs = robot.schedule.type === "every" ? robot.schedule.everyMs : undefined;
  return {
    node: self,
    isCurrent: true,
    status: robot.status,
    reason: robot.reason,
    since: robot.since,
    last: robot.last,
    health: robot.health,
    count: robot.count,
    kind: robot.kind,
    started: robot.run !== undefined,
    dueWallMs: robot.due?.wallMs,
    everyMs,
    floating: robot.floating,
    regularity: undefined,
  };
}

export function remoteWord(word: RobotWord, isCurrent: boolean): HomeWord {
  return { ...word, isCurrent };
}
