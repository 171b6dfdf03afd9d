import { describe, expect, test } from "vitest";
import { LINE_BYTES_MAX, LineSplitter } from "./line-splitter.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");

describe("TL2 lines", () => {
  test("TL2 a line is taken when its newline has come, however the bytes come", () => {
    const text = "one\ntwo\r\n\nthr\u00C3\u00A9e\nrest";
    for (let size = 1; size <= text.length; size++) {
      const splitter = new LineSplitter();
      const lines: string[] = [];
      for (let at = 0; at < text.length; at += size) {
        lines.push(...splitter.push(bytes(text.slice(at, at + size))));
      }
      expect(lines).toEqual(["one", "two", "", "thrée"]);
      expect(splitter.end()).toBe("rest");
      expect(splitter.end()).toBeUndefined();
    }
  });

  test("TL2 of a line above LINE_BYTES_MAX the beginning is taken, and the next line is whole", () => {
    const splitter = new LineSplitter();
    expect(splitter.push(bytes("x".repeat(LINE_BYTES_MAX - 1)))).toEqual([]);
    for (let n = 0; n < 100; n++) splitter.push(bytes("y".repeat(10_000)));
    const [long, next] = splitter.push(bytes("z\nnext\n"));
    expect(long).toBe(`${"x".repeat(LINE_BYTES_MAX - 1)}y`);
    expect(next).toBe("next");
  });

  test("TL2 what is no UTF-8 is replaced, and zeros in front of a line are dropped", () => {
    const splitter = new LineSplitter();
    expect(splitter.push(bytes("a\u00FFb\n"))).toEqual(["a\uFFFDb"]);
    splitter.push(new Uint8Array(3 * LINE_BYTES_MAX));
    expect(splitter.push(bytes("\0\0after the hole\n"))).toEqual(["after the hole"]);
  });

  test("TL2 a line whose beginning nobody saw is passed over", () => {
    const splitter = new LineSplitter({ skipFirst: true });
    expect(splitter.push(bytes("tail of a line"))).toEqual([]);
    expect(splitter.end()).toBeUndefined();
    expect(splitter.push(bytes(" and its end\nwhole\n"))).toEqual(["whole"]);
  });
});
