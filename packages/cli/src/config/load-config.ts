/** A config file as a whole: read, parsed, held against its shape, and what must fit together held against each other. */
import { dirname, resolve } from "node:path";
import { ROBOTS_PER_NODE_MAX } from "@pulsemesh/core";
import { type Document, LineCounter, type YAMLError, isScalar, parseDocument, visit } from "yaml";
import type { ConfigFinding } from "./config-finding.ts";
import { checkRobots } from "./check-robots.ts";
import { readConfigFile } from "./read-config-file.ts";
import type { Setting } from "./setting.ts";
import { configShape } from "./shape.ts";
import { type Placed, type Walked, walkConfig } from "./walk-config.ts";

/** What a config file says. */
export interface ConfigFile {
  /** Absolute. */
  readonly path: string;
  /** Hex SHA-256 of its bytes. */
  readonly hash: string;
  /** By path, see {@link Walked.values}. */
  readonly values: ReadonlyMap<string, Placed>;
}

export type LoadedConfig =
  | { readonly ok: true; readonly config: ConfigFile }
  | { readonly ok: false; readonly path: string; readonly findings: readonly ConfigFinding[] };

export interface LoadOptions {
  readonly settings: readonly Setting[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Loads a config file; all that is wrong with it comes back at once. */
export async function loadConfig(
  file: string,
  { settings, env }: LoadOptions,
): Promise<LoadedConfig> {
  const path = resolve(file);
  const read = await readConfigFile(path);
  if (!read.ok) return { ok: false, path, findings: [read.finding] };
  const lines = new LineCounter();
  const document = parse(read.text, lines);
  if (document === undefined) return { ok: false, path, findings: [tooDeep] };
  const { errors, warnings } = document;
  const faults = [...errors, ...warnings, ...repeatedKeys(document)].map((fault) =>
    findingOf(fault, lines),
  );
  if (errors.length > 0) return { ok: false, path, findings: faults };
  const shape = configShape(settings, ROBOTS_PER_NODE_MAX);
  const walked = walkConfig({ document, lines, env, folder: dirname(path) }, shape);
  const findings = [...faults, ...walked.findings, ...checkTls(walked)];
  // Only whole robots can be held against each other.
  findings.push(...(await checkRobots(walked)));
  if (findings.length > 0) return { ok: false, path, findings };
  return { ok: true, config: { path, hash: read.hash, values: walked.values } };
}

const tooDeep: ConfigFinding = {
  at: { line: 1, column: 1 },
  what: "The file is nested too deeply to be read.",
  next: "write settings as `pulsemesh config init` prints them",
};

function parse(text: string, lines: LineCounter): Document | undefined {
  try {
    return parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      stringKeys: true,
      strict: true,
      // The library holds each key against all before it, which takes minutes for a large file.
      uniqueKeys: false,
      version: "1.2",
    });
  } catch (error) {
    // The parser calls itself for each level.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

type Fault = Pick<YAMLError, "message" | "pos"> & { readonly code: string };

/** Keys that stood in their map before. With these the tree is still what was meant, so the rest is worth looking at. */
function repeatedKeys(document: Document): Fault[] {
  const faults: Fault[] = [];
  visit(document, {
    Map: (_key, { items }) => {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        const [start = 0, end = 0] = key.range ?? [];
        if (seen.has(key.value)) {
          faults.push({ code: "DUPLICATE_KEY", message: "", pos: [start, end] });
        }
        seen.add(key.value);
      }
    },
  });
  return faults;
}

const yamlFaults: Readonly<Record<string, readonly [what: string, next: string]>> = {
  DUPLICATE_KEY: ["This setting was given before.", "keep one of both"],
  MULTIPLE_DOCS: ["Here a second document begins.", "remove the line --- and what is behind it"],
  TAB_AS_INDENT: ["A tab does not indent in YAML.", "use two spaces"],
  BAD_INDENT: [
    "The indentation does not fit, or a bracket before it is missing.",
    "indent what belongs together by the same spaces, and close what was opened",
  ],
  BAD_ALIAS: ["This alias (*) has no valid name.", "put text that begins with * in quotes"],
  MULTIPLE_ANCHORS: ["A value has one anchor (&) at most.", "remove one"],
  NON_STRING_KEY: ["The name of a setting must be text.", "remove it, or put it in quotes"],
  TAG_RESOLVE_FAILED: ["This tag (!) means nothing here.", "remove it"],
  BLOCK_AS_IMPLICIT_KEY: [
    "A value goes on where a new setting was expected.",
    "begin each setting on a line of its own, at the indentation of its section",
  ],
  MISSING_CHAR: [
    "A colon, quote, comma or bracket is missing.",
    "close what was opened, and write `key: value` with a blank behind the colon",
  ],
  BAD_SCALAR_START: ["Text may not begin with this character.", "put the text in quotes"],
};

function findingOf({ code, message, pos }: Fault, lines: LineCounter): ConfigFinding {
  const { line, col } = lines.linePos(pos[0]);
  const [what, next] = yamlFaults[code] ?? [
    `This is not YAML: ${message.replace(/\.?$/, ".")}`,
    "check indentation, quotes and brackets around it",
  ];
  return { at: { line: Math.max(1, line), column: Math.max(1, col) }, what, next };
}

function checkTls({ values }: Walked): ConfigFinding[] {
  const pair = ["http.tls.cert_file", "http.tls.key_file"];
  const [there, ...more] = pair.filter((path) => values.has(path));
  if (there === undefined || more.length > 0) return [];
  const missing = pair.find((path) => path !== there) ?? "";
  const what = `${there} needs ${missing}.`;
  return [{ at: values.get(there)?.at, what, next: "give both, or none" }];
}
