/**
 * What may stand in a config file, as a tree. It is made from the table of settings, so that a setting that has a flag has a line in the
 * file; only what the file says of robots, which flags say by their order, is described here.
 */
import {
  PulsemeshError,
  SCHEDULE_MS_MAX,
  SCHEDULE_MS_MIN,
  checkLabels,
  LABEL_RULE,
} from "@pulsemesh/core";
import { parseRobotId } from "../commands/run-robots.ts";
import { durationBetween, wholeBetween } from "../flags.ts";
import { type FileSetting, type Setting, fileSettings, isSwitch } from "./setting.ts";

/** One value. */
export interface ValueShape {
  readonly type: "value";
  readonly text: string;
  readonly parse?: ((text: string, name: string) => unknown) | undefined;
  readonly default?: string | undefined;
  readonly example?: string | undefined;
  readonly words?: readonly string[] | undefined;
  readonly isPath?: boolean | undefined;
  readonly isWhole?: boolean | undefined;
}

interface SwitchShape {
  readonly type: "switch";
  readonly text: string;
}

export interface ListShape {
  readonly type: "list";
  readonly text: string;
  readonly item: ValueShape | MapShape;
  /** Most entries. */
  readonly lengthMax?: number | undefined;
}

export interface MapShape {
  readonly type: "map";
  readonly text: string;
  readonly entries: Readonly<Record<string, Shape>>;
  /** Keys that must be there. */
  readonly needs?: readonly string[] | undefined;
}

/** A map of text to text. */
interface LabelsShape {
  readonly type: "labels";
  readonly text: string;
}

export type Shape = ValueShape | SwitchShape | ListShape | MapShape | LabelsShape;

const missedCountMost = 100;
const span = durationBetween(SCHEDULE_MS_MIN, SCHEDULE_MS_MAX);
const spanFromZero = durationBetween(0, SCHEDULE_MS_MAX);

const robotEvery: ValueShape = {
  type: "value",
  text: "how often it must beat (beat at least twice as often)",
  default: "60s",
  example: "30s",
  parse: span,
};
const robotGrace: ValueShape = {
  type: "value",
  text: "how long past that it is only late",
  default: "0s",
  example: "20s",
  parse: spanFromZero,
};
const robotMissed: ValueShape = {
  type: "value",
  text: "beats that may be missed (default 3 with every alone, else 1)",
  example: "3",
  isWhole: true,
  parse: wholeBetween(1, missedCountMost),
};
const robotStartup: ValueShape = {
  type: "value",
  text: "how long the first beat may take",
  default: "60s",
  example: "5m",
  parse: span,
};
const labels: LabelsShape = { type: "labels", text: "words to select robots by, as key: value" };

const defaultsShape: MapShape = {
  type: "map",
  text: "what holds for robots that say nothing else, also for those that register themselves",
  entries: {
    every: robotEvery,
    grace: robotGrace,
    missed: robotMissed,
    startup: robotStartup,
    labels,
  },
};

const robotShape: MapShape = {
  type: "map",
  text: "one robot",
  needs: ["id"],
  entries: {
    id: { type: "value", text: "its name in the fleet", example: "scanner", parse: parseRobotId },
    every: robotEvery,
    cron: {
      type: "value",
      text: "when it must beat, as a cron line, instead of every",
      example: '"0 3 * * *"',
    },
    tz: {
      type: "value",
      text: "time zone of the cron line",
      default: "UTC",
      example: "Europe/Berlin",
      parse: parseTimeZone,
    },
    grace: robotGrace,
    missed: robotMissed,
    startup: robotStartup,
    labels,
    floating: {
      type: "switch",
      text: "it may beat at any node of the fleet, and no node calls that two homes",
    },
  },
};

const sectionTexts: Readonly<Record<string, string>> = {
  node: "this node",
  http: "where robots beat and people look",
  "http.tls": "HTTPS instead of HTTP",
  mesh: "how nodes reach each other",
  log: "what goes to stderr",
};

/** The whole file, for these settings. `robotsMax` is how many robots it may list. */
export function configShape(settings: readonly Setting[], robotsMax: number): MapShape {
  const entries: Record<string, Shape> = {};
  for (const setting of fileSettings(settings)) put(entries, setting);
  return {
    type: "map",
    text: "settings of pulsemesh run",
    entries: {
      ...entries,
      defaults: defaultsShape,
      robots: {
        type: "list",
        text: "robots that this node hosts",
        item: robotShape,
        lengthMax: robotsMax,
      },
    },
  };
}

function put(entries: Record<string, Shape>, setting: FileSetting): void {
  const parts = setting.key.split(".");
  const last = parts.pop() ?? "";
  let at = entries;
  let path = "";
  for (const part of parts) {
    path = path === "" ? part : `${path}.${part}`;
    at[part] ??= { type: "map", text: sectionTexts[path] ?? part, entries: {} };
    const section = at[part];
    if (section.type !== "map") throw new Error(`${setting.key} lies within another setting`);
    at = section.entries as Record<string, Shape>;
  }
  at[last] = shapeOf(setting);
}

function shapeOf(setting: FileSetting): Shape {
  const { text, parse, example, words, isPath, isWhole } = setting;
  if (isSwitch(setting)) return { type: "switch", text };
  const value = { type: "value", text, parse, example, words, isPath, isWhole } as const;
  if (setting.repeat === true) {
    return { type: "list", text, item: { ...value, default: setting.default } };
  }
  return { ...value, default: setting.default };
}

function parseTimeZone(text: string, name: string): string {
  try {
    new Intl.DateTimeFormat("en", { timeZone: text });
    return text;
  } catch {
    throw new PulsemeshError(
      "schedule-invalid",
      `Cannot use ${name} '${text}' as this machine knows no such time zone.`,
    );
  }
}

/** @throws PulsemeshError `label-invalid` */
export function parseLabel(key: string, value: string): void {
  if (checkLabels({ [key]: value }) !== undefined) return;
  throw new PulsemeshError(
    "label-invalid",
    `Cannot use the label '${key}': '${value}' as ${LABEL_RULE}.`,
  );
}
