import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FRAME_HEADER_BYTES, FRAME_VERSION, frameValue, unframeValue } from "./record-frame.ts";

describe("record frame", () => {
  test("DU1 gives back the bytes that were framed", () => {
    fc.assert(
      fc.property(fc.string(), fc.uint8Array({ maxLength: 100 }), (key, value) => {
        const result = unframeValue(key, frameValue(key, value));
        return result.ok && Buffer.compare(result.value, value) === 0;
      }),
    );
  });

  test("DU1 finds every flipped bit", () => {
    const framed = frameValue("key", new Uint8Array([1, 2, 3]));
    for (let bit = 0; bit < framed.length * 8; bit++) {
      const flipped = framed.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(unframeValue("key", flipped).ok).toBe(false);
    }
  });

  test("DU1 finds a value under another key, a short one, and one of another version", () => {
    const framed = frameValue("key", new Uint8Array(3));
    expect(unframeValue("kez", framed)).toEqual({ ok: false, reason: "checksum" });
    expect(unframeValue("key", framed.subarray(0, FRAME_HEADER_BYTES - 1))).toEqual({
      ok: false,
      reason: "frame-short",
    });
    framed[0] = FRAME_VERSION + 1;
    expect(unframeValue("key", framed)).toEqual({ ok: false, reason: "frame-version" });
  });
});
