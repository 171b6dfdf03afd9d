/** Why a node or a robot has its status, in lines for whoever is on call (rule VE10): with names and times, and what would change it. */
import type { NodeWitnessesJson, RobotWitnessesJson } from "@pulsemesh/client";
import { formatAge, formatDuration } from "./duration.ts";
import { outageText } from "./outage-line.ts";
import { printable } from "./printable.ts";
import { statusWord } from "./status-word.ts";
import { everyText } from "./status-table.ts";
import { tableLines } from "./table.ts";

type Witness = NodeWitnessesJson["witnesses"][number];
type Verdict = NodeWitnessesJson["verdicts"][number];

/** Lines about a node. */
export function nodeExplanation(
  node: NodeWitnessesJson,
  nowWallMs: number,
  color = false,
): string[] {
  const said = { status: node.status, since: node.since, reason: node.reason };
  return [
    printable(`${node.name}  ${headOf(said, nowWallMs)}`),
    ...printedLines([
      ["because", `${becauseOf(node)} (rule ${node.rule})`],
      ["last pulse", lastPulseOf(node)],
      ["needed", node.needed],
      ...regionLines(node, nowWallMs),
      ...node.verdicts.map((verdict) => ["verdict", verdictText(verdict, node)] as const),
      ["node", `${node.node_id}, region ${node.region === "" ? "-" : node.region}`],
    ]),
    ...(node.witnesses.length === 0 ? [] : ["", ...witnessTable(node.witnesses, nowWallMs, color)]),
  ];
}

/** Lines about a robot, and the node that it rests on. */
export function robotExplanation(
  robot: RobotWitnessesJson,
  nowWallMs: number,
  color = false,
): string[] {
  const { word, home } = robot;
  const last =
    word.last_check === null ? "none yet" : `${word.last_check} (${formatAge(word.age_ms)} ago)`;
  const grace = word.schedule === null ? "" : `, grace ${formatDuration(word.schedule.grace_ms)}`;
  const due = [
    ...(word.late_at === null ? [] : [`late after ${word.late_at}`]),
    ...(word.down_at === null ? [] : [`down after ${word.down_at}`]),
  ];
  const said = { status: robot.status, since: robot.since, reason: robot.reason };
  return [
    printable(`${robot.robot_id}  ${headOf(said, nowWallMs)}`),
    ...printedLines([
      ["because", `${robotBecause(robot)} (rule ${robot.rule})`],
      [
        "last beat",
        `${last}, ${word.beats} beats in all${word.running ? ", a run is under way" : ""}`,
      ],
      [
        "expected",
        `every ${everyText(word.schedule)}${grace}${due.length === 0 ? "" : `: ${due.join(", ")}`}`,
      ],
    ]),
    ...(home === null
      ? ["", "Its home is not known here."]
      : ["", "Its home:", ...nodeExplanation(home, nowWallMs, color)]),
  ];
}

/** Since when its region is out of reach, and who noticed. */
function regionLines(
  { region, unreachable, witnesses }: NodeWitnessesJson,
  nowWallMs: number,
): readonly (readonly [string, string])[] {
  if (unreachable === null || unreachable === undefined) return [];
  const by = namedAccusers(unreachable.accusers, witnesses);
  return [["region", `${region} is ${outageText(unreachable, nowWallMs)}, by ${by}`]];
}

interface Said {
  readonly status: string;
  readonly since: string;
  readonly reason: string | null;
}

function headOf({ status, since, reason }: Said, nowWallMs: number): string {
  const why = reason === null ? "" : `, ${reason}`;
  return `${statusWord(status)}${why} since ${since} (${agoOf(since, nowWallMs)})`;
}

function agoOf(time: string, nowWallMs: number): string {
  return `${formatAge(Math.max(0, nowWallMs - Date.parse(time)))} ago`;
}

function printedLines(lines: readonly (readonly [string, string])[]): string[] {
  return lines.map(([title, text]) => printable(`  ${title.padEnd(10)} ${text}`));
}

/** What is behind a status, of which the reason is the short word; a reason of a later release stands for itself. */
function becauseOf(node: NodeWitnessesJson): string {
  const { accusers, in_sight: sight, reason, settle_ms: settleMs, witnesses } = node;
  const named = (opinion: Witness["opinion"]): string => namesOf(witnesses, opinion);
  const [verdict] = node.verdicts;
  const silent = `nothing newer than pulse ${pulseText(node.pulse)} is known`;
  switch (reason) {
    case null:
      return `heard by ${named("hears")}`;
    case "quorum":
    case "single-witness": {
      const by = verdict === undefined ? "a quorum" : accuserNames(verdict, node);
      const alone = reason === "quorum" ? "" : ", the only other member,";
      return `${by}${alone} said so, ${silent}, and nobody objected within ${settleMs} ms`;
    }
    case "suspected":
    case "no-quorum":
      return `${silent}; ${accusers.have} of ${accusers.need} that a verdict takes accuse it, and too few hear it`;
    case "no-majority":
      return `the node that answers sees ${sight.have} of ${node.members} members, itself included, and cannot tell who is cut off`;
    case "region-unreachable":
      return `nothing is heard of any node in region ${node.region}, so the way there may be cut and the node be well`;
    case "lossy":
      return `most of its witnesses in sight miss over 40% of its pulses (${named("lossy")})`;
    case "flapping":
      return "it went down and came back at least twice within 10 min, the last time less than a minute ago, so it is shown neither up nor down";
    case "delayed":
      return "its pulses come, but later than they may";
    case "stalled":
      return "the node that answers was away itself a moment ago";
    case "restart":
      return "it announced a pause";
    default:
      return reason;
  }
}

function namesOf(witnesses: readonly Witness[], opinion: Witness["opinion"]): string {
  const names = witnesses.flatMap((each) => (each.opinion === opinion ? [each.name] : []));
  if (names.length === 0) return "none by its own word";
  const shown = names.slice(0, NAMES_SHOWN);
  return (
    shown.join(", ") +
    (names.length > shown.length ? ` and ${names.length - shown.length} more` : "")
  );
}

/** Names in one line; the table has all of them. */
const NAMES_SHOWN = 5;

function accuserNames({ accusers }: Verdict, { witnesses }: NodeWitnessesJson): string {
  return namedAccusers(accusers, witnesses);
}

function namedAccusers(accusers: readonly string[], witnesses: readonly Witness[]): string {
  const nameOf = (id: string): string => witnesses.find((each) => each.node_id === id)?.name ?? id;
  const shown = accusers.slice(0, NAMES_SHOWN).map(nameOf);
  const more = accusers.length - shown.length;
  return shown.length === 0 ? "a quorum" : shown.join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function robotBecause({ reason, home }: RobotWitnessesJson): string {
  const name = home?.name ?? "its home";
  switch (reason) {
    case null:
      return `its home ${name} says so, which hears it`;
    case "missed":
      return `its home ${name} has waited for a beat for longer than it may take, grace included`;
    case "overdue":
      return `its home ${name} waits for a beat that is due`;
    case "never-started":
      return `its home ${name} has never had a beat of it`;
    case "run-overdue":
      return `it began a run that has not ended in time, says its home ${name}`;
    case "home-down":
    case "home-unknown":
    case "home-paused":
    case "home-left":
      return `its home ${name} is ${reason.slice("home-".length)}, and nobody else hears it`;
    default:
      return reason;
  }
}

function lastPulseOf({ deadline, pulse, pulse_every_ms: everyMs }: NodeWitnessesJson): string {
  const every = everyMs === null ? "" : `, one every ${formatDuration(everyMs)}`;
  const due = deadline === null ? "" : `; silent from ${deadline} on, unless it is heard`;
  return pulse === null ? "none is known" : `${pulseText(pulse)} (boot/number)${every}${due}`;
}

function pulseText(pulse: { readonly boot: number; readonly seq: number } | null): string {
  return pulse === null ? "-" : `${pulse.boot}/${pulse.seq}`;
}

function verdictText(verdict: Verdict, node: NodeWitnessesJson): string {
  const { accusations, objections, ups } = verdict.evidence;
  const ends = {
    restored: "it came back",
    lost: "no majority was left to say so",
    gone: "it is no member any more",
  };
  const ended =
    verdict.ended === null
      ? "stands"
      : `over since ${verdict.ended.at}: ${ends[verdict.ended.how]}`;
  const kept = `${accusations} accusations, ${objections} objections and ${ups} words that it is up are kept`;
  return `${verdict.at} by ${accuserNames(verdict, node)}, pulse ${pulseText(verdict.pulse)}; ${ended}; ${kept}`;
}

function witnessTable(witnesses: readonly Witness[], nowWallMs: number, color: boolean): string[] {
  const lines = tableLines(
    witnesses,
    [
      { title: "WITNESS", text: ({ name, self }) => (self ? `${name} (answers)` : name) },
      { title: "REGION", text: ({ region }) => region },
      { title: "OPINION", text: ({ opinion }) => opinion },
      { title: "PULSE", text: ({ pulse }) => pulseText(pulse) },
      { title: "AGE", text: ({ age_ms: ageMs }) => formatAge(ageMs), align: "right" },
      {
        title: "SINCE",
        text: ({ since }) => (since === null ? "-" : `${since} (${agoOf(since, nowWallMs)})`),
      },
    ],
    { color },
  );
  return lines.map((line) => `  ${line}`);
}
