import { expect, test } from "vitest";
import { printable, printableJson } from "./printable.ts";

const hostile = "a\u001B[2Jb\nc\u009Bd\u202Ee\u2028f\u007Fg\u{E0041}h\u200Bi";
const seen = String.raw`a\u001b[2Jb\u000ac\u009bd\u202ee\u2028f\u007fg\udb40\udc41h\u200bi`;

test("CLI6 what strangers wrote cannot move the cursor, paint the screen, forge a line or turn it around", () => {
  expect(printable(hostile)).toBe(seen);
  expect(printable("Zürich ✔ 東京 🤖")).toBe("Zürich ✔ 東京 🤖");
});

test.each([undefined, 2])(
  "CLI6 JSON says the same in characters that are seen (indent %s)",
  (indent) => {
    const value = { [hostile]: [hostile, { deep: hostile }] };
    const text = printableJson(value, indent);
    expect(JSON.parse(text)).toEqual(value);
    expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(text.split("\n")).toHaveLength(indent === undefined ? 1 : 8);
  },
);
