/**
 * One beat that no node took, as a small file: its name says enough to sort, group and bound the spool without opening it, its content is
 * one line of JSON and one with its hash, so that a damaged file is found and never delivered as something else.
 */
import { isRobotId, type RobotId } from "@pulsemesh/core";
import { createHash, randomBytes } from "node:crypto";

/** What happened, or the exit code of a run. */
type BeatWord = "success" | "start" | "fail" | "log" | number;

export interface SpooledBeat {
  /** The node that it was meant for, as `--url` names it. */
  readonly url: string;
  readonly robot: RobotId;
  readonly kind: BeatWord;
  /** When it was given, by this machine's clock. */
  readonly atWallMs: number;
  readonly rid?: string | undefined;
  readonly create?: boolean | undefined;
  readonly message?: string | undefined;
}

/** What the name of a file says. */
export interface SpoolEntry {
  readonly name: string;
  readonly atWallMs: number;
  /** One of many signs of life: only the newest of a robot is kept. What is not plain is a report, and stays. */
  readonly plain: boolean;
  readonly bytes: number;
  readonly urlKey: string;
  readonly robot: RobotId;
}

/** A file above this is none of ours, and is not read. A message has at most 10,000 bytes, which JSON may write sixfold. */
export const SPOOLED_BEAT_BYTES_MAX: number = 96 * 1024;

const version = 1;
const hashLength = 32;
const nameText =
  /^(\d{15})-\d{6}-[0-9a-f]{8}-(plain|report)-(\d{1,6})-([0-9a-f]{12})-([A-Za-z0-9._=-]+)\.beat$/;
let written = 0;

/** Groups the beats of one node. */
export function urlKeyOf(url: string): string {
  return sha256(url).slice(0, 12);
}

/** Whether a later one of the robot says all that this one does. */
function isPlain({ kind, rid }: SpooledBeat): boolean {
  return kind === "success" && rid === undefined;
}

/** The name of a new file: names sort as the beats came, those of one process exactly. */
export function nameOf(beat: SpooledBeat, bytes: number): string {
  written = (written + 1) % 1_000_000;
  const parts = [
    String(beat.atWallMs).padStart(15, "0"),
    String(written).padStart(6, "0"),
    randomBytes(4).toString("hex"),
    isPlain(beat) ? "plain" : "report",
    bytes,
    urlKeyOf(beat.url),
    // The one character of robot ids that not every file system takes.
    beat.robot.replaceAll(":", "="),
  ];
  return `${parts.join("-")}.beat`;
}

/** Undefined for a file that is no beat. */
export function entryOf(name: string): SpoolEntry | undefined {
  const [, at = "", word, bytes = "", urlKey = "", robotText = ""] = nameText.exec(name) ?? [];
  const robot = robotText.replaceAll("=", ":");
  if (!isRobotId(robot)) return undefined;
  return {
    name,
    atWallMs: Number(at),
    plain: word === "plain",
    bytes: Number(bytes),
    urlKey,
    robot,
  };
}

/** The content of a file. */
export function encodeBeat(beat: SpooledBeat): string {
  const json = JSON.stringify({ v: version, ...beat });
  return `${json}\n${sha256(json).slice(0, hashLength)}\n`;
}

/** Undefined for what is damaged, or was written by a version that this one does not know. */
export function decodeBeat(text: string): SpooledBeat | undefined {
  const [json = "", hash = ""] = text.split("\n");
  if (json === "" || sha256(json).slice(0, hashLength) !== hash) return undefined;
  // Whole, and so written by a version of this program.
  const { v, ...beat } = JSON.parse(json) as SpooledBeat & { readonly v: number };
  return v === version ? beat : undefined;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
