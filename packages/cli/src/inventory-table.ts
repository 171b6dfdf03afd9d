/** Robots as inventory in words: what each shall be, for `robot list` and the answers of `robot add` and `edit`. */
import type { RobotJson } from "@pulsemesh/client";
import { formatDuration } from "./duration.ts";
import { statusStyle, statusWord } from "./status-word.ts";
import { type Column, tableLines } from "./table.ts";

const columns: readonly Column<RobotJson>[] = [
  { title: "ROBOT", text: ({ robot_id: id }) => id },
  {
    title: "STATUS",
    text: ({ status }) => statusWord(status),
    style: ({ status }) => statusStyle(status),
  },
  { title: "SCHEDULE", text: ({ schedule }) => scheduleText(schedule) },
  { title: "GRACE", text: ({ schedule }) => spanText(schedule?.grace_ms), align: "right" },
  { title: "MISSED", text: ({ schedule }) => missedText(schedule), align: "right" },
  { title: "STARTUP", text: ({ schedule }) => spanText(schedule?.startup_ms), align: "right" },
  { title: "HOME", text: ({ node, node_id: id, floating }) => homeText(node ?? id, floating) },
  { title: "LABELS", text: ({ labels }) => labelsText(labels) },
];

/** One line per robot, header first. */
export function inventoryTable(robots: readonly RobotJson[], color: boolean): string[] {
  if (robots.length === 0)
    return [
      "No robots yet. pulsemesh robot add ID --every 1m registers one, as its first beat does.",
    ];
  return tableLines(robots, columns, { color });
}

/** `every 10s, grace 20s, missed 1, startup 1m, role=scan`. */
export function termsText({ schedule, labels, floating }: RobotJson): string {
  const words = [
    scheduleText(schedule),
    ...(schedule === null ? [] : [`grace ${spanText(schedule.grace_ms)}`]),
    ...(schedule?.type === "every" ? [`missed ${schedule.missed}`] : []),
    ...(schedule === null ? [] : [`startup ${spanText(schedule.startup_ms)}`]),
    ...(floating ? ["floating"] : []),
    labelsText(labels),
  ];
  return words.filter((word) => word !== "").join(", ");
}

function scheduleText(schedule: RobotJson["schedule"]): string {
  if (schedule === null) return "-";
  if (schedule.type === "every") return `every ${formatDuration(schedule.every_ms)}`;
  return `cron ${schedule.cron} ${schedule.time_zone}`;
}

function missedText(schedule: RobotJson["schedule"]): string {
  return schedule?.type === "every" ? String(schedule.missed) : "-";
}

function spanText(ms: number | undefined): string {
  if (ms === undefined) return "-";
  return ms === 0 ? "0" : formatDuration(ms);
}

function homeText(home: string | null, floating: boolean = false): string {
  return `${home ?? "-"}${floating ? " (floating)" : ""}`;
}

function labelsText(labels: RobotJson["labels"]): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(" ");
}
