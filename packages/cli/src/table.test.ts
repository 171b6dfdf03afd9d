import { expect, test } from "vitest";
import { cutLine } from "./live-region.ts";
import { tableLines } from "./table.ts";

const columns = [
  { title: "NAME", text: (row: { name: string; n: number }) => row.name, style: () => "31" },
  {
    title: "N",
    text: (row: { name: string; n: number }) => String(row.n),
    align: "right" as const,
  },
];

test("CLI6 tables pad columns, align numbers and end no line with spaces", () => {
  const rows = [
    { name: "a", n: 1 },
    { name: "longer", n: 22 },
  ];
  expect(tableLines(rows, columns)).toEqual(["NAME     N", "a        1", "longer  22"]);
});

test("CLI7 tables carry colour only when asked, around the padded cell", () => {
  expect(tableLines([{ name: "a", n: 1 }], columns, { color: true })[1]).toBe(
    "\u001B[31ma   \u001B[0m  1",
  );
  expect(tableLines([{ name: "a", n: 1 }], columns).join("")).not.toContain("\u001B");
});

test("CLI6 what strangers wrote cannot move the cursor or paint the screen", () => {
  expect(tableLines([{ name: "a\u001B[2Jb\nc", n: 1 }], columns)[1]).toBe(
    String.raw`a\u001b[2Jb\u000ac  1`,
  );
});

test("cutLine counts visible characters only and keeps style codes", () => {
  expect(cutLine("\u001B[31mabcdef\u001B[0m", 3)).toBe("\u001B[31mabc\u001B[0m");
  expect(cutLine("✖ down", 3)).toBe("✖ d");
});
