/**
 * The tables of limits in docs/SPEC.md say what the code says. A row's first cell holds names of constants, its second their values in the
 * same order: `| \`FRAME_BYTES_MAX\`, \`FRAMES_MAX\` | 64 KiB, 256 per peer | … |`. Words around a number are for people.
 */
import { type Constant, constantsOf } from "./limits.ts";
import type { RepoFile } from "./repository.ts";

const specPath = "docs/SPEC.md";
const constantName = /\b[A-Z][A-Z\d]*(?:_[A-Z\d]+)*_(?:MAX|MIN|MS)\b/g;
const unitFactors: Readonly<Record<string, number>> = {
  KiB: 1_024,
  MiB: 1_024 ** 2,
  s: 1_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

export function specLimitProblems(files: readonly RepoFile[]): string[] {
  const constants = Map.groupBy(constantsOf(files), ({ name }) => name);
  const spec = files.find(({ path }) => path === specPath)?.text ?? "";
  return spec.split("\n").flatMap((line, at) => {
    const [, names, values] = line.split("|");
    if (names === undefined || values === undefined) return [];
    const said = values.split(/, |; /).flatMap((part) => valueIn(part) ?? []);
    return [...names.matchAll(constantName)].flatMap(([name], i) => {
      const where = `${specPath}:${at + 1}: ${name}`;
      const known = (constants.get(name) ?? []).map((each) => valueOf(each, constants));
      const value = said.length === 1 ? said[0] : said[i];
      if (known.length === 0) return [`${where} is no constant of the code.`];
      if (known.includes(undefined)) return [];
      if (value === undefined) return [`${where} has no value of its own in the second cell.`];
      return known.includes(value) ? [] : [`${where} is ${known[0]} in the code, not ${value}.`];
    });
  });
}

/** The first number with its unit: `at most 64 KiB a peer`. */
function valueIn(text: string): number | undefined {
  const found = /(?<!\w)(\d[\d,]*(?:\.\d+)?)(?: (KiB|MiB|s|min|h|d)\b)?/.exec(text);
  if (found === null) return undefined;
  return Number(found[1]?.replaceAll(",", "")) * (unitFactors[found[2] ?? ""] ?? 1);
}

/** Products of numbers and other constants; undefined for anything else, which is then not compared. */
function valueOf(
  { text }: Constant,
  constants: ReadonlyMap<string, readonly Constant[]>,
): number | undefined {
  let product = 1;
  for (const factor of text.split("*")) {
    const [named] = constants.get(factor) ?? [];
    const value = named === undefined ? numberIn(factor) : valueOf(named, constants);
    if (value === undefined) return undefined;
    product *= value;
  }
  return product;
}

function numberIn(text: string): number | undefined {
  return /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : undefined;
}
