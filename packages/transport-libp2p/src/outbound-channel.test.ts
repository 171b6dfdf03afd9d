import { expect, test } from "vitest";
import {
  DIRECT_QUEUE_BYTES_MAX,
  DIRECT_QUEUE_FRAMES_MAX,
  OutboundChannel,
  SYNC_QUEUE_BYTES_MAX,
  SYNC_QUEUE_FRAMES_MAX,
} from "./outbound-channel.ts";
import type { QueueLimits, SendStream } from "./outbound-channel.ts";

/** A stream that takes frames until told otherwise. */
class FakeStream extends EventTarget {
  readonly sent: Uint8Array[] = [];
  status: SendStream["status"] = "open";
  writableNeedsDrain = false;
  /** Full after every frame. */
  slow = false;

  send(frame: Uint8Array): boolean {
    if (this.status !== "open") throw new Error("closed");
    this.sent.push(frame);
    this.writableNeedsDrain = this.slow;
    return !this.slow;
  }

  drain(): void {
    this.writableNeedsDrain = false;
    this.dispatchEvent(new Event("drain"));
  }

  abort(): void {
    if (this.status !== "open") return;
    this.status = "aborted";
    this.dispatchEvent(new Event("close"));
  }
}

interface Rig {
  readonly channel: OutboundChannel;
  readonly streams: FakeStream[];
  readonly timers: Map<() => void, number>;
  /** Makes the next openings fail, or wait. */
  opening: "works" | "fails" | Promise<void>;
}

function rigOf(limits: QueueLimits = { bytesMax: 1_000, framesMax: 10 }, slow = false): Rig {
  const streams: FakeStream[] = [];
  const timers = new Map<() => void, number>();
  const rig: { opening: Rig["opening"] } = { opening: "works" };
  const open = async (): Promise<SendStream> => {
    if (rig.opening === "fails") throw new Error("refused");
    if (rig.opening !== "works") await rig.opening;
    const stream = new FakeStream();
    stream.slow = slow;
    streams.push(stream);
    return stream as unknown as SendStream;
  };
  const after = (delayMs: number, task: () => void): (() => void) => {
    timers.set(task, delayMs);
    return () => timers.delete(task);
  };
  return Object.assign(rig, {
    channel: new OutboundChannel({ open, after }, limits, 30_000),
    streams,
    timers,
  });
}

/** Lets everything run that waits for nothing but other promises. */
function settle(): Promise<void> {
  return new Promise((done) => setImmediate(done));
}

test("P6 OutboundChannel sends in order on one stream and answers true", async () => {
  const { channel, streams } = rigOf();
  const answers = [1, 2, 3].map((value) => channel.send(Uint8Array.of(value)));
  expect(await Promise.all(answers)).toEqual([true, true, true]);
  expect(streams).toHaveLength(1);
  expect(streams[0]?.sent).toEqual([1, 2, 3].map((value) => Uint8Array.of(1, value)));
  expect(channel.waitingBytes).toBe(0);
});

test("P6 OutboundChannel gives the stream one frame a drain, as often as it fills", async () => {
  const { channel, streams, timers } = rigOf(undefined, true);
  const answers = [1, 2, 3].map((value) => channel.send(Uint8Array.of(value)));
  for (const count of [1, 2, 3]) {
    await settle();
    expect(streams[0]?.sent).toHaveLength(count);
    streams[0]?.drain();
  }
  expect(await Promise.all(answers)).toEqual([true, true, true]);
  expect(timers.size).toBe(0);
});

test.each([
  {
    title: "P6 OutboundChannel holds at most DIRECT_QUEUE_BYTES_MAX",
    limits: { bytesMax: DIRECT_QUEUE_BYTES_MAX, framesMax: DIRECT_QUEUE_FRAMES_MAX },
    size: 65_533,
    fits: 4,
  },
  {
    title: "P6 OutboundChannel holds at most DIRECT_QUEUE_FRAMES_MAX",
    limits: { bytesMax: DIRECT_QUEUE_BYTES_MAX, framesMax: DIRECT_QUEUE_FRAMES_MAX },
    size: 1,
    fits: 256,
  },
  {
    title: "P6 OutboundChannel holds at most SYNC_QUEUE_BYTES_MAX",
    limits: { bytesMax: SYNC_QUEUE_BYTES_MAX, framesMax: SYNC_QUEUE_FRAMES_MAX },
    size: 262_141,
    fits: 8,
  },
  {
    title: "P6 OutboundChannel holds at most SYNC_QUEUE_FRAMES_MAX",
    limits: { bytesMax: SYNC_QUEUE_BYTES_MAX, framesMax: SYNC_QUEUE_FRAMES_MAX },
    size: 1,
    fits: 256,
  },
])("$title", async ({ limits, size, fits }) => {
  const rig = rigOf(limits);
  const { promise, resolve } = Promise.withResolvers<void>();
  rig.opening = promise;
  const waiting = Array.from({ length: fits }, () => rig.channel.send(new Uint8Array(size)));
  expect(await rig.channel.send(new Uint8Array(size))).toBe(false);
  expect(rig.channel.waitingBytes).toBeLessThanOrEqual(limits.bytesMax);
  resolve();
  expect((await Promise.all(waiting)).every(Boolean)).toBe(true);
  expect(await rig.channel.send(new Uint8Array(size))).toBe(true);
});

test("P6 OutboundChannel opens a new stream after the old one broke", async () => {
  const { channel, streams } = rigOf();
  expect(await channel.send(Uint8Array.of(1))).toBe(true);
  streams[0]?.abort();
  expect(await channel.send(Uint8Array.of(2))).toBe(true);
  expect(streams).toHaveLength(2);
});

test("P6 OutboundChannel answers false for all that waits when the stream cannot be opened, and recovers", async () => {
  const rig = rigOf();
  rig.opening = "fails";
  expect(
    await Promise.all([rig.channel.send(Uint8Array.of(1)), rig.channel.send(Uint8Array.of(2))]),
  ).toEqual([false, false]);
  rig.opening = "works";
  expect(await rig.channel.send(Uint8Array.of(3))).toBe(true);
});

test("P6 OutboundChannel gives up on a peer that does not drain, and on one that closes meanwhile", async () => {
  for (const end of ["timer", "close"] as const) {
    const { channel, streams, timers } = rigOf(undefined, true);
    const answers = [1, 2, 3].map((value) => channel.send(Uint8Array.of(value)));
    await settle();
    expect([...timers.values()]).toEqual([30_000]);
    if (end === "timer") for (const task of timers.keys()) task();
    else streams[0]?.abort();
    expect(await Promise.all(answers)).toEqual([true, false, false]);
    expect(streams[0]?.status).toBe("aborted");
    expect(timers.size).toBe(0);
    expect(channel.waitingBytes).toBe(0);
  }
});

test("P6 OutboundChannel closed answers false, drops what waits, and does not keep a stream that opens late", async () => {
  const rig = rigOf();
  const { promise, resolve } = Promise.withResolvers<void>();
  rig.opening = promise;
  const waiting = rig.channel.send(Uint8Array.of(1));
  rig.channel.close();
  expect(await waiting).toBe(false);
  resolve();
  await settle();
  expect(rig.streams.map((stream) => stream.status)).toEqual(["aborted"]);
  expect(await rig.channel.send(Uint8Array.of(2))).toBe(false);
});
