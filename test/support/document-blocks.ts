/**
 * The code blocks of a document, as a reader would type them (rule DOC1). A block is fenced as `sh`, with one more word where it is no plain command:
 *
 * - `sh`: typed as it stands, line by line, in one shell for the whole document; a line that fails, fails the document.
 * - `sh terminal`: goes on for as long as the reader leaves it open: a terminal of its own.
 * - `sh example`: not typed; the comment `<!-- not typed: why -->` right before it says why not.
 *
 * A `text` block right behind an `sh` block is what it prints: each of its lines must appear, in this order, where `…` stands for anything.
 */

type BlockMode = "typed" | "terminal" | "example";

export interface DocumentBlock {
  /** Of its first line, counted from 1. */
  readonly line: number;
  readonly mode: BlockMode;
  readonly text: string;
  /** Lines that it must print. */
  readonly prints: readonly string[];
}

export interface DocumentBlocks {
  readonly blocks: readonly DocumentBlock[];
  /** What is wrong with the document itself. */
  readonly problems: readonly string[];
}

interface Fence {
  readonly line: number;
  readonly info: string;
  readonly text: string;
  /** What stands between the fence before and this one. */
  readonly before: string;
}

const reasonText = /<!-- not typed: [^>]{8,} -->\s*$/;

export function documentBlocks(markdown: string): DocumentBlocks {
  const blocks: DocumentBlock[] = [];
  const problems: string[] = [];
  const fences = fencesOf(markdown);
  for (const [index, fence] of fences.entries()) {
    const [language, word, ...rest] = fence.info.split(/\s+/);
    if (language !== "sh") continue;
    const mode = word === undefined ? "typed" : word;
    if (rest.length > 0 || (mode !== "typed" && mode !== "terminal" && mode !== "example")) {
      problems.push(`line ${fence.line}: no block is called '${fence.info}'`);
      continue;
    }
    if (mode === "example" && !reasonText.test(fence.before))
      problems.push(`line ${fence.line}: an example without '<!-- not typed: why -->' before it`);
    const next = fences[index + 1];
    const isPrinted = next?.info === "text" && next.before.trim() === "";
    const prints = isPrinted ? next.text.split("\n").filter((line) => line.trim() !== "") : [];
    blocks.push({ line: fence.line, mode, text: fence.text, prints });
  }
  return { blocks, problems };
}

/** The first line of `prints` that `output` lacks behind those before it; undefined when all are there. */
export function missingLine(output: string, prints: readonly string[]): string | undefined {
  const lines = output.split("\n");
  let at = 0;
  for (const wanted of prints) {
    const pattern = lineText(wanted);
    while (at < lines.length && !pattern.test(lines[at] ?? "")) at += 1;
    if (at === lines.length) return wanted;
    at += 1;
  }
  return undefined;
}

function lineText(wanted: string): RegExp {
  const parts = wanted
    .trim()
    .split("…")
    .map((part) => part.trim().split(/\s+/).map(literal).join("\\s+"));
  return new RegExp(`^\\s*${parts.join(".*")}\\s*$`, "u");
}

function literal(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}

function fencesOf(markdown: string): Fence[] {
  const fences: Fence[] = [];
  let open: { readonly line: number; readonly info: string; readonly before: string } | undefined;
  let lines: string[] = [];
  for (const [index, line] of markdown.split("\n").entries()) {
    if (!line.startsWith("```")) lines.push(line);
    else if (open === undefined) {
      open = { line: index + 2, info: line.slice(3).trim(), before: lines.join("\n") };
      lines = [];
    } else {
      fences.push({ ...open, text: lines.join("\n") });
      open = undefined;
      lines = [];
    }
  }
  return fences;
}
