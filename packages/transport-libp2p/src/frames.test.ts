import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeFrame, FrameDecoder } from "./frames.ts";
import { writeVarint } from "./varint.ts";

test("SG2 FrameDecoder gives back the frames, however the bytes are cut", () => {
  const bodies = fc.array(fc.uint8Array({ minLength: 1, maxLength: 400 }), { maxLength: 8 });
  const cuts = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 });
  fc.assert(
    fc.property(bodies, cuts, (frames, sizes) => {
      const decoder = new FrameDecoder(400);
      const bytes = Buffer.concat(frames.map(encodeFrame));
      const read: Uint8Array[] = [];
      for (let offset = 0, turn = 0; offset < bytes.length; turn += 1) {
        const size = sizes[turn % sizes.length] ?? 1;
        const part = decoder.read(bytes.subarray(offset, offset + size));
        expect(part.ok).toBe(true);
        read.push(...part.frames);
        offset += size;
      }
      expect(read.map((frame) => Buffer.from(frame))).toEqual(
        frames.map((frame) => Buffer.from(frame)),
      );
      expect(decoder.partial).toBe(false);
    }),
  );
});

test("P6 FrameDecoder refuses a frame over frameBytesMax before it holds a byte of it, and keeps what came before", () => {
  const decoder = new FrameDecoder(10);
  const bytes = Buffer.concat([
    encodeFrame(new Uint8Array(10)),
    writeVarint(11),
    new Uint8Array(5),
  ]);
  expect(decoder.read(bytes)).toEqual({
    ok: false,
    frames: [new Uint8Array(10)],
    fault: "frame-oversized",
  });
  expect(decoder.heldBytes).toBe(0);
  expect(decoder.read(encodeFrame(Uint8Array.of(1)))).toEqual({
    ok: false,
    frames: [],
    fault: "frame-oversized",
  });
});

test.each([
  { title: "SG2 FrameDecoder refuses an empty frame", bytes: [0] },
  { title: "SG2 FrameDecoder refuses a padded length", bytes: [0x85, 0x00] },
  {
    title: "SG2 FrameDecoder refuses a length of too many bytes",
    bytes: [0xff, 0xff, 0xff, 0xff, 0xff],
  },
])("$title", ({ bytes }) => {
  for (const whole of [true, false]) {
    const decoder = new FrameDecoder(100);
    const parts = whole ? [Uint8Array.from(bytes)] : bytes.map((byte) => Uint8Array.of(byte));
    const reads = parts.map((part) => decoder.read(part));
    expect(reads.at(-1)).toEqual({ ok: false, frames: [], fault: "frame-malformed" });
  }
});

test("P6 FrameDecoder never holds more than one frame and its prefix, whatever comes", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 10 }), (chunks) => {
      const decoder = new FrameDecoder(64);
      for (const chunk of chunks) {
        const { frames } = decoder.read(chunk);
        expect(frames.every((frame) => frame.length >= 1 && frame.length <= 64)).toBe(true);
        expect(decoder.heldBytes).toBeLessThanOrEqual(64 + 4);
      }
    }),
  );
});
