/**
 * Holds the YAML tree of a config file against its shape, and collects every value with its place and every fault. The shape is a few levels
 * deep and leads the way, so neither deep nesting nor aliases within aliases make work; and the tree is walked rather than the plain value,
 * because only the tree knows where things stand.
 */
import { homedir } from "node:os";
import { isAbsolute, resolve } from "node:path";
import {
  type Alias,
  type Document,
  type LineCounter,
  type Node,
  type Pair,
  type Scalar,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  visit,
} from "yaml";
import { nearest } from "../nearest.ts";
import type { ConfigFinding, Place } from "./config-finding.ts";
import { expandVariables } from "./expand-variables.ts";
import { type ListShape, type MapShape, type Shape, type ValueShape, parseLabel } from "./shape.ts";

/** Aliases (`*name`) of one file that are followed. */
export const CONFIG_ALIASES_MAX: number = 1_000;

const guessesMost = 1_000;

/** A value where it stood. */
export interface Placed {
  readonly value: unknown;
  /** As it was written, variables put in; the entries of a list with blanks between them. */
  readonly text: string;
  readonly at: Place;
  /** It came from a variable whose name says that it should not be shown. */
  readonly isSecret: boolean;
}

export interface WalkDeps {
  readonly document: Document;
  readonly lines: LineCounter;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of the file: paths in it are relative to it. */
  readonly folder: string;
}

export interface Walked {
  /** By path: `node.name`, `robots.0.id`, `robots.0.labels.team`; a list of values is one value. */
  readonly values: ReadonlyMap<string, Placed>;
  /** Where each entry of a list of maps begins: `robots.0`. */
  readonly places: ReadonlyMap<string, Place>;
  readonly findings: readonly ConfigFinding[];
}

/** Walks the whole document. */
export function walkConfig(deps: WalkDeps, shape: MapShape): Walked {
  const walk = new Walk(deps, shape);
  walk.take(deps.document.contents, shape, "", { line: 1, column: 1 });
  return walk;
}

class Walk implements Walked {
  readonly values: Map<string, Placed> = new Map();
  readonly places: Map<string, Place> = new Map();
  readonly findings: ConfigFinding[] = [];
  readonly #deps: WalkDeps;
  readonly #root: MapShape;
  readonly #anchored: ReadonlyMap<Alias, Node | undefined>;
  #aliases = 0;

  constructor(deps: WalkDeps, root: MapShape) {
    this.#deps = deps;
    this.#root = root;
    this.#anchored = anchoredNodes(deps.document);
  }

  /** `at` is where the key stands, for a value that is not there. */
  take(given: unknown, shape: Shape, path: string, at: Place): void {
    const node = this.#resolve(given, path, at);
    if (node === undefined) return;
    // Of an alias, where it stands itself.
    const here = this.#placeOf(given, at);
    if (shape.type === "map") this.#takeMap(node, shape, path, here);
    else if (shape.type === "list") this.#takeList(node, shape, path, here);
    else if (shape.type === "labels") this.#takeLabels(node, path, here);
    else {
      const placed = this.#scalar(node, shape, path, here);
      if (placed !== undefined) this.values.set(path, placed);
    }
  }

  #takeMap(node: unknown, shape: MapShape, path: string, at: Place): void {
    // A section whose lines are all commented out, or an empty file.
    if (isNothing(node) && shape.needs === undefined) return;
    if (!isMap(node)) {
      const keys = Object.keys(shape.entries).slice(0, 3).join(", ");
      const meant = path.startsWith("robots.") && isScalar(node) ? ` Did you mean - id: …?` : "";
      this.#say(
        at,
        `${nameOf(path)} must be settings such as ${keys}.${meant}`,
        "write each as `key: value` on a line of its own, indented by two spaces",
      );
      return;
    }
    for (const pair of node.items) this.#takePair(pair, shape, path, at);
    for (const key of shape.needs ?? []) {
      if (node.has(key)) continue;
      this.#say(at, `${nameOf(path)} has no '${key}'.`, `add \`${key}: …\` to it`);
    }
  }

  #takePair(pair: Pair, shape: MapShape, path: string, at: Place): void {
    const where = this.#placeOf(pair.key, at);
    const key = keyOf(pair);
    if (key === undefined) {
      this.#say(where, "The name of a setting must be text.", "remove it");
      return;
    }
    const inside = path === "" ? key : `${path}.${key}`;
    const found = Object.hasOwn(shape.entries, key) ? shape.entries[key] : undefined;
    if (found !== undefined) this.take(pair.value, found, inside, where);
    else this.#sayUnknown(where, key, shape, path);
  }

  #sayUnknown(where: Place, key: string, shape: MapShape, path: string): void {
    if (key === "<<") {
      this.#say(
        where,
        "Maps are not merged (<<) here.",
        "write the settings out; what holds for all robots stands under defaults",
      );
      return;
    }
    const keys = Object.keys(shape.entries);
    // A file of nothing but faults is no settings with typing errors.
    const isGuessed = this.findings.length < guessesMost;
    const words = isGuessed ? this.#meant(key, keys, path)?.replaceAll(/\.\d+\./g, ".") : undefined;
    const known = keys.map((each) => `'${each}'`).join(", ");
    this.#say(
      where,
      `There is no setting '${key}'${path === "" ? "" : ` in ${nameOf(path)}`}.${words === undefined ? "" : ` Did you mean ${words}?`}`,
      `correct it or remove it; here may stand ${known}`,
    );
  }

  #meant(key: string, keys: readonly string[], path: string): string | undefined {
    const sibling = nearest(key, keys);
    const near = sibling === undefined || path === "" ? sibling : `${path}.${sibling}`;
    return this.#elsewhere(key, (word) => word) ?? near ?? this.#elsewhere(key, nearest);
  }

  /** A setting that stands in the wrong section, or as its flag is written: `log-level` at the top for `log.level`. */
  #elsewhere(
    key: string,
    match: (word: string, words: readonly string[]) => string | undefined,
  ): string | undefined {
    const paths = pathsOf(this.#root, "");
    const named = new Map<string, string>();
    for (const path of paths) {
      named.set(path.replaceAll(".", "_"), path);
      const last = path.slice(path.lastIndexOf(".") + 1);
      if (!named.has(last)) named.set(last, path);
    }
    return named.get(match(key.replaceAll("-", "_"), [...named.keys()]) ?? "");
  }

  #takeList(node: unknown, shape: ListShape, path: string, at: Place): void {
    if (isNothing(node)) return;
    if (!isSeq(node)) {
      const how = isMap(node) ? "`- id: NAME`" : "`- VALUE`";
      this.#say(
        at,
        `${nameOf(path)} must be a list.`,
        `write each entry as ${how} on a line of its own`,
      );
      return;
    }
    const { item, lengthMax = Number.POSITIVE_INFINITY } = shape;
    const values: unknown[] = [];
    const texts: string[] = [];
    let isSecret = false;
    for (const [i, entry] of node.items.entries()) {
      const here = this.#placeOf(entry, at);
      if (i >= lengthMax) {
        const next = "let another node host the others";
        this.#say(here, `${nameOf(path)} may have ${lengthMax} entries at most.`, next);
        break;
      }
      if (item.type === "map") {
        this.places.set(`${path}.${i}`, here);
        this.take(entry, item, `${path}.${i}`, here);
      } else {
        const resolved = this.#resolve(entry, path, here);
        const placed =
          resolved === undefined ? undefined : this.#scalar(resolved, item, path, here);
        if (placed === undefined) continue;
        values.push(placed.value);
        texts.push(placed.text);
        isSecret ||= placed.isSecret;
      }
    }
    if (item.type === "value" && values.length > 0) {
      this.values.set(path, { value: values, text: texts.join(" "), at, isSecret });
    }
  }

  #takeLabels(node: unknown, path: string, at: Place): void {
    if (isNothing(node)) return;
    if (!isMap(node)) {
      this.#say(at, `${nameOf(path)} must be a map.`, "write each label as `key: value`");
      return;
    }
    for (const pair of node.items) {
      const where = this.#placeOf(pair.key, at);
      const key = keyOf(pair);
      const value = this.#resolve(pair.value, path, where);
      if (key === undefined || value === undefined) continue;
      const shape: ValueShape = {
        type: "value",
        text: "",
        example: '"1"',
        parse: (text) => (parseLabel(key, text), text),
      };
      const placed = this.#scalar(value, shape, `${path}.${key}`, this.#placeOf(value, where));
      if (placed !== undefined) this.values.set(`${path}.${key}`, placed);
    }
  }

  #scalar(node: unknown, shape: Shape, path: string, at: Place): Placed | undefined {
    const name = nameOf(path);
    const example = exampleOf(shape);
    if (!isScalar(node)) {
      this.#say(at, `${name} must be one value.`, `write it like ${example}`);
      return undefined;
    }
    if (isNothing(node)) {
      this.#say(at, `${name} has no value.`, `write it like ${example}, or remove the line`);
      return undefined;
    }
    const expansion = expandVariables(textOf(node), this.#deps.env);
    if (!expansion.ok) {
      this.#say(at, expansion.what, expansion.next);
      return undefined;
    }
    const { text, isExpanded, isSecret } = expansion;
    try {
      const isText = typeof node.value === "string";
      const value =
        shape.type === "switch"
          ? parseSwitch(node, text, name, isExpanded)
          : this.#value(text, shape as ValueShape, name, { isText, isExpanded });
      return { value, text: typeof value === "boolean" ? String(value) : text, at, isSecret };
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      const what = isSecret && text !== "" ? said.replaceAll(text, "***") : said;
      this.#say(at, what, `write it like ${example}`);
      return undefined;
    }
  }

  #value(
    text: string,
    { parse, isWhole, isPath, words }: ValueShape,
    name: string,
    { isText, isExpanded }: { readonly isText: boolean; readonly isExpanded: boolean },
  ): unknown {
    if (text.trim() === "") throw new Error(`${name} must not be empty.`);
    if (isWhole === true && isText && !isExpanded) {
      throw new Error(`${name} must be a number without quotes. Did you mean ${text}?`);
    }
    // Text for what should have been text: it may have another fault, which is the one to tell.
    const value = parse === undefined ? text : parse(text, name);
    if (isWhole !== true && !isText) {
      throw new Error(`${name} must be text. Did you mean "${text}" in quotes?`);
    }
    if (words !== undefined && !words.includes(text)) throw new Error(`${name} must be a word.`);
    return isPath === true ? pathFrom(this.#deps.folder, text, name) : value;
  }

  /** Follows an alias; undefined when there is nothing to go on with. */
  #resolve(given: unknown, path: string, at: Place): unknown {
    if (!isAlias(given)) return given ?? null;
    const where = this.#placeOf(given, at);
    this.#aliases += 1;
    if (this.#aliases > CONFIG_ALIASES_MAX) {
      if (this.#aliases === CONFIG_ALIASES_MAX + 1) {
        const next = "write values out; what holds for all robots stands under defaults";
        this.#say(where, `There are more than ${CONFIG_ALIASES_MAX} aliases.`, next);
      }
      return undefined;
    }
    const found = this.#anchored.get(given);
    if (found !== undefined) return found;
    this.#say(
      where,
      `There is no anchor &${given.source} before this alias, for ${nameOf(path)}.`,
      "write the value itself, or quotes around text that begins with *",
    );
    return undefined;
  }

  #placeOf(node: unknown, otherwise: Place): Place {
    const range = (node as { readonly range?: readonly number[] | null } | null)?.range;
    const offset = range?.[0];
    if (offset === undefined) return otherwise;
    const { line, col } = this.#deps.lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }

  #say(at: Place, what: string, next: string): void {
    this.findings.push({ at, what, next });
  }
}

/** What each alias stands for: the newest anchor of that name before it. One pass, where the library takes one for each alias. */
function anchoredNodes(document: Document): ReadonlyMap<Alias, Node | undefined> {
  const anchors = new Map<string, Node>();
  const found = new Map<Alias, Node | undefined>();
  visit(document, {
    Node: (_key, node) => {
      if (isAlias(node)) found.set(node, anchors.get(node.source));
      else if (node.anchor !== undefined) anchors.set(node.anchor, node);
    },
  });
  return found;
}

function isNothing(node: unknown): boolean {
  return node === null || (isScalar(node) && node.value === null && textOf(node) === "");
}

/** As it is written: `30` and `.nan` too. */
function textOf(node: Scalar): string {
  if (typeof node.value === "string") return node.value;
  return node.source ?? (node.value === null ? "" : JSON.stringify(node.value));
}

function keyOf({ key }: Pair): string | undefined {
  return isScalar(key) && typeof key.value === "string" ? key.value : undefined;
}

/** As people say it: `node.name`, `robots[2].every`. */
function nameOf(path: string): string {
  return path === "" ? "the file" : path.replaceAll(/\.(\d+)(?=\.|$)/g, "[$1]");
}

function pathsOf(shape: Shape, path: string): string[] {
  if (shape.type !== "map") return [path];
  return Object.entries(shape.entries).flatMap(([key, each]) =>
    pathsOf(each, path === "" ? key : `${path}.${key}`),
  );
}

function exampleOf(shape: Shape): string {
  if (shape.type === "switch") return "true or false";
  if (shape.type !== "value") return "key: value";
  return shape.words?.join(" or ") ?? shape.example ?? shape.default ?? "text";
}

function parseSwitch(node: Scalar, text: string, name: string, isExpanded: boolean): boolean {
  if (typeof node.value === "boolean") return node.value;
  const isYes = /^(true|yes|on|1)$/i.test(text);
  const isNo = /^(false|no|off|0)$/i.test(text);
  if (isExpanded && (isYes || isNo)) return isYes;
  const meant = isYes ? " Did you mean true?" : isNo ? " Did you mean false?" : "";
  throw new Error(`${name} must be true or false, without quotes.${meant}`);
}

function pathFrom(folder: string, text: string, name: string): string {
  if (/\p{Cc}/u.test(text)) throw new Error(`${name} must be a path on one line.`);
  if (/^~(?:\/|$)/.test(text)) {
    throw new Error(
      `${name} '${text}': ~ means nothing here. Did you mean ${homedir()}${text.slice(1)}?`,
    );
  }
  return isAbsolute(text) ? text : resolve(folder, text);
}
