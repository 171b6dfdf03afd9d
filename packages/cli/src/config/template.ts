/**
 * `config init`: every setting in its place, commented out, with what it means and what holds without it. A `#` without a blank behind it
 * is a setting to switch on; with a blank it is a word to the reader.
 */
import { runShape } from "./run-shape.ts";
import type { MapShape, Shape } from "./shape.ts";

const robotsText = `robots: # robots that this node hosts; others register themselves by their first heartbeat
  #- id: scanner
    #every: 30s
    #grace: 20s
    #labels: {team: security}
  #- id: nightly-backup
    #cron: "0 3 * * *"
    #tz: UTC
    #grace: 1h
`;

/**
 * The file.
 * @param schemaUrl - where editors find its schema; without one they are told of none
 */
export function configTemplate(schemaUrl: string | undefined): string {
  const { robots: _robots, ...sections } = runShape.entries;
  return [
    ...(schemaUrl === undefined ? [] : [`# yaml-language-server: $schema=${schemaUrl}`]),
    "# Settings of `pulsemesh run --config THIS_FILE`. Flags and PULSEMESH_* variables win over this file.",
    "# Check it with `pulsemesh config check`; SIGHUP or POST /-/reload reads it again.",
    "# ${NAME} and ${NAME:-default} stand for environment variables, $$ for a dollar.",
    ...Object.entries(sections).map(([key, shape]) => `\n${sectionText(key, shape, "")}`.trimEnd()),
    "",
    robotsText,
  ].join("\n");
}

function sectionText(key: string, shape: Shape, indent: string): string {
  const head = `${indent}${key}:`;
  return shape.type === "map"
    ? `${head} # ${shape.text}\n${linesOf(shape, `${indent}  `)}`
    : settingText(key, shape, indent);
}

function linesOf({ entries }: MapShape, indent: string): string {
  return Object.entries(entries)
    .map(([key, shape]) => sectionText(key, shape, indent))
    .join("");
}

function settingText(key: string, shape: Shape, indent: string): string {
  return `${indent}# ${shape.text}\n${indent}#${key}: ${valueText(shape)}\n`;
}

function valueText(shape: Shape): string {
  switch (shape.type) {
    case "value":
      return quoted(shape.default ?? shape.example ?? shape.words?.[0] ?? "text");
    case "switch":
      return "false";
    case "list":
      return `[${shape.item.type === "value" ? valueText(shape.item) : ""}]`;
    case "labels":
      return "{team: security}";
    case "map":
      return "{}";
  }
}

/** What YAML would take for something else than text. */
function quoted(text: string): string {
  return /^0\d+$|^[\d.]+:\d+$/.test(text) ? `"${text}"` : text;
}
