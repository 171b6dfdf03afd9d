import fc from "fast-check";
import { expect, test } from "vitest";
import { readPatch } from "./state-patch.ts";

test.each([
  [["status=scanning"], { status: "scanning" }],
  [["n=3", "ok=true", "gone=null", 's="3"'], { n: 3, ok: true, gone: null, s: "3" }],
  [["/a/b=1", "/a/c=2", "/x~1y=3"], { a: { b: 1, c: 2 }, "x/y": 3 }],
  [["url=http://x/?a=b"], { url: "http://x/?a=b" }],
  [['{"a":{"b":[1]}}'], { a: { b: [1] } }],
  [["empty="], { empty: "" }],
])("CLI12 %j is a merge patch", (fields, patch) => {
  expect(readPatch(fields)).toEqual(patch);
});

test("CLI12 a key named __proto__ is a key like any other", () => {
  const patch = readPatch(["__proto__=1", "/constructor/prototype/x=2"]);
  expect(Object.keys(patch)).toEqual(["__proto__", "constructor"]);
  expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
});

test.each([[["novalue"]], [["=1"]], [["[1]"]], [["{bad"]], [["3"]], [["a=1", "b"]]])(
  "CLI12 %j is refused as state-invalid",
  (fields) => {
    expect(() => readPatch(fields)).toThrow(expect.objectContaining({ code: "state-invalid" }));
  },
);

test("CLI12 any JSON object comes through unchanged", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
      const text = JSON.stringify(object);
      expect(JSON.stringify(readPatch([text]))).toBe(JSON.stringify(JSON.parse(text)));
    }),
  );
});
