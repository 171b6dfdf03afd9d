/** A block of lines at the end of a terminal that is drawn again and again in place. */
import type { Terminal } from "./terminal.ts";

export interface LiveRegion {
  /** Replaces the block. Lines wider than the terminal are cut, and as many as fit are shown. */
  draw(lines: readonly string[]): void;
  /** Leaves the last block on the screen and shows the cursor again. */
  end(): void;
}

const clearBelow = "\u001B[0J";
const hideCursor = "\u001B[?25l";
const showCursor = "\u001B[?25h";

/** Draws on `terminal`, which must be a TTY. */
export function liveRegion(terminal: Terminal): LiveRegion {
  let height = 0;
  return {
    draw: (lines) => {
      const shown = lines.slice(0, Math.max(1, terminal.rows() - 1));
      const cut = shown.map((line) => cutLine(line, terminal.columns()));
      const up = height === 0 ? hideCursor : `\u001B[${height}A\r`;
      terminal.raw(`${up}${clearBelow}${cut.join("\n")}\n`);
      height = cut.length;
    },
    end: () => terminal.raw(showCursor),
  };
}

/** Cuts at `columns` visible characters; style codes count nothing and are closed. */
export function cutLine(line: string, columns: number): string {
  let width = 0;
  let out = "";
  // Style codes and characters, in order.
  // oxlint-disable-next-line no-control-regex -- these are the codes that `tableLines` writes
  for (const [part] of line.matchAll(/\u001B\[[0-9;]*m|[^\u001B]/gu)) {
    if (part.startsWith("\u001B")) out += part;
    else if (width++ < columns) out += part;
  }
  return out;
}
