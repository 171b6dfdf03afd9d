/** Plain tables: columns padded with spaces, no lines, so that `awk` and people can both read them. */

import { printable } from "./printable.ts";

export interface Column<Row> {
  readonly title: string;
  readonly text: (row: Row) => string;
  /** ANSI style code around the cell when colours are on. */
  readonly style?: ((row: Row) => string | undefined) | undefined;
  readonly align?: "left" | "right" | undefined;
}

/** The lines of a table, header first. Nothing is wider than its content; trailing spaces are cut. */
export function tableLines<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  options: { readonly color?: boolean | undefined } = {},
): string[] {
  const cells = rows.map((row) => columns.map((column) => printable(column.text(row))));
  const widths = columns.map((column, i) =>
    Math.max(textWidth(column.title), ...cells.map((row) => textWidth(row[i] ?? ""))),
  );
  const header = columns.map((column, i) => pad(column.title, widths[i] ?? 0, column.align));
  const body = cells.map((texts, r) =>
    columns.map((column, i) => {
      const cell = pad(texts[i] ?? "", widths[i] ?? 0, column.align);
      const row = rows[r];
      const style = options.color === true && row !== undefined ? column.style?.(row) : undefined;
      return style === undefined ? cell : `\u001B[${style}m${cell}\u001B[0m`;
    }),
  );
  return [header, ...body].map((line) => line.join("  ").trimEnd());
}

function pad(text: string, width: number, align: "left" | "right" = "left"): string {
  const space = " ".repeat(Math.max(0, width - textWidth(text)));
  return align === "right" ? space + text : text + space;
}

function textWidth(text: string): number {
  return Array.from(text).length;
}
