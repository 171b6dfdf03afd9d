import fc from "fast-check";
import { expect, test } from "vitest";
import { OUTPUT_TAIL_BYTES_MAX, outputTail } from "./output-tail.ts";

test("CLI11 outputTail keeps the last OUTPUT_TAIL_BYTES_MAX bytes, however they come", () => {
  const tail = outputTail();
  for (let i = 0; i < 30; i++) tail.push(Buffer.from(String(i % 10).repeat(1_000)));
  tail.push(Buffer.from("end"));
  expect(Buffer.byteLength(tail.text())).toBe(OUTPUT_TAIL_BYTES_MAX);
  expect(tail.text().endsWith("999end")).toBe(true);
});

test("CLI11 outputTail is the end of the whole output, without half a character in front", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: "grapheme", maxLength: 9 })),
      fc.nat(40),
      (parts, max) => {
        const tail = outputTail(max);
        for (const part of parts) tail.push(Buffer.from(part));
        const text = tail.text();
        expect(parts.join("").endsWith(text)).toBe(true);
        expect(text).not.toContain("\uFFFD");
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(max);
      },
    ),
  );
});
