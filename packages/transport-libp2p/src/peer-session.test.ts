import type { Stream } from "@libp2p/interface";
import { SYNC_FRAME_BYTES_MAX } from "@pulsemesh/core";
import { expect, test } from "vitest";
import { PartialFrames } from "./partial-frames.ts";
import { PeerSession } from "./peer-session.ts";

class FakeStream extends EventTarget {
  maxReadBufferLength = 0;
  isRead = false;

  abort(): void {
    this.dispatchEvent(new Event("close"));
  }

  override addEventListener(...args: Parameters<EventTarget["addEventListener"]>): void {
    this.isRead ||= args[0] === "message";
    super.addEventListener(...args);
  }
}

interface Wait {
  readonly delayMs: number;
  readonly task: () => void;
}

/** A session of a stranger, with what it was refused for and what is due later. */
function sessionOf(): { session: PeerSession; refused: string[]; waits: Set<Wait> } {
  const refused: string[] = [];
  const waits = new Set<Wait>();
  const session = new PeerSession(
    {
      connections: () => [],
      listener: {
        message: () => undefined,
        rejected: (reason) => void refused.push(reason),
      },
      isTrusted: () => false,
      partials: new PartialFrames(),
      after: (delayMs, task) => {
        const wait = { delayMs, task };
        waits.add(wait);
        return () => void waits.delete(wait);
      },
    },
    { node: "n", fleet: "f", frameTimeoutMs: 1, drainTimeoutMs: 1 },
  );
  return { session, refused, waits };
}

test("ME3 AD10 a stream that comes before the hello waits for 5 s and is not read; what was let in by then waits no more", () => {
  const { session, refused, waits } = sessionOf();
  const stream = new FakeStream();
  session.receive("direct", stream as unknown as Stream);
  const [wait] = waits;
  expect(wait?.delayMs).toBe(5_000);
  wait?.task();
  expect([stream.isRead, refused, waits.size]).toEqual([false, ["stream-timeout"], 0]);
  const late = new FakeStream();
  session.receive("direct", late as unknown as Stream);
  session.up({ node: "n", agent: "", addresses: [] }, "00");
  expect([late.isRead, waits.size]).toEqual([true, 0]);
});

test("P6 of the streams that a stranger opens before its hello only the one that stands is kept and read", () => {
  const { session } = sessionOf();
  const streams = Array.from({ length: 100 }, () => new FakeStream());
  for (const stream of streams) session.receive("sync", stream as unknown as Stream);
  session.up({ node: "n", agent: "", addresses: [] }, "00");
  expect(streams.flatMap(({ isRead }, index) => (isRead ? [index] : []))).toEqual([99]);
  expect(streams.at(-1)?.maxReadBufferLength).toBe(SYNC_FRAME_BYTES_MAX * 2);
});
