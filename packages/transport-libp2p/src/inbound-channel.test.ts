import { expect, test } from "vitest";
import { encodeFrame } from "./frames.ts";
import { InboundChannel } from "./inbound-channel.ts";
import type { ReadStream } from "./inbound-channel.ts";

class FakeStream extends EventTarget {
  aborted = false;

  abort(): void {
    this.aborted = true;
    this.dispatchEvent(new Event("close"));
  }

  receive(bytes: Uint8Array): void {
    this.dispatchEvent(Object.assign(new Event("message"), { data: bytes }));
  }
}

function rigOf(): {
  stream: FakeStream;
  channel: InboundChannel;
  log: string[];
  held: number[];
  clock: { nowMs: number };
} {
  const stream = new FakeStream();
  const log: string[] = [];
  const held: number[] = [];
  const clock = { nowMs: 0 };
  const listener = {
    frame: (bytes: Uint8Array) => void log.push(`frame ${bytes.length}`),
    rejected: (reason: string) => void log.push(reason),
    held: (bytes: number) => void held.push(bytes),
    ended: () => void log.push("ended"),
  };
  const deps = { stream: stream as unknown as ReadStream, listener, now: () => clock.nowMs };
  const channel = new InboundChannel(deps, { frameBytesMax: 100, frameTimeoutMs: 1_000 });
  channel.open();
  return { stream, channel, log, held, clock };
}

test("P6 InboundChannel hands over frames and ends with the stream", () => {
  const { stream, log } = rigOf();
  stream.receive(Buffer.concat([encodeFrame(new Uint8Array(3)), encodeFrame(new Uint8Array(100))]));
  stream.dispatchEvent(new Event("remoteCloseWrite"));
  expect(log).toEqual(["frame 3", "frame 100", "ended"]);
  expect(stream.aborted).toBe(true);
});

test.each([
  {
    title: "P6 InboundChannel aborts on an oversized frame",
    bytes: encodeFrame(new Uint8Array(101)),
    reason: "frame-oversized",
  },
  {
    title: "P6 InboundChannel aborts on a malformed frame",
    bytes: Uint8Array.of(0),
    reason: "frame-malformed",
  },
])("$title, counts it once and hears nothing more", ({ bytes, reason }) => {
  const { stream, log } = rigOf();
  stream.receive(Buffer.concat([encodeFrame(Uint8Array.of(1)), bytes]));
  stream.receive(encodeFrame(Uint8Array.of(1)));
  expect(log).toEqual(["frame 1", reason, "ended"]);
  expect(stream.aborted).toBe(true);
});

test("P6 InboundChannel says what the frame under way holds, gives it up when it is told to, and counts that", () => {
  const { stream, channel, log, held } = rigOf();
  const frame = encodeFrame(new Uint8Array(50));
  stream.receive(frame.subarray(0, 10));
  stream.receive(Buffer.concat([frame.subarray(10), frame.subarray(0, 5)]));
  stream.receive(frame.subarray(5));
  expect(held).toEqual([50, 50, 0]);
  stream.receive(frame.subarray(0, 10));
  channel.giveUp();
  channel.giveUp();
  expect(held).toEqual([50, 50, 0, 50, 0]);
  expect(log).toEqual(["frame 50", "frame 50", "overloaded", "ended"]);
  expect(stream.aborted).toBe(true);
});

test("P6 InboundChannel ends a frame that takes longer than frameTimeoutMs, however steadily it drips", () => {
  const { stream, channel, log, clock } = rigOf();
  for (const byte of encodeFrame(new Uint8Array(50)).subarray(0, 20)) {
    stream.receive(Uint8Array.of(byte));
    clock.nowMs += 50;
    channel.sweep();
  }
  expect(log).toEqual([]);
  clock.nowMs += 50;
  channel.sweep();
  channel.sweep();
  expect(log).toEqual(["stream-timeout", "ended"]);
});

test("P6 InboundChannel gives each frame its own time, and none to a quiet stream", () => {
  const { stream, channel, log, clock } = rigOf();
  const frame = encodeFrame(new Uint8Array(10));
  stream.receive(frame.subarray(0, 5));
  for (let round = 0; round < 5; round += 1) {
    clock.nowMs += 800;
    stream.receive(Buffer.concat([frame.subarray(5), frame.subarray(0, 5)]));
    channel.sweep();
  }
  stream.receive(frame.subarray(5));
  clock.nowMs += 1e9;
  channel.sweep();
  expect(log).toEqual(Array.from({ length: 6 }, () => "frame 10"));
});
