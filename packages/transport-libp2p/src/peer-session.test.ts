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

test("P6 of the streams that a stranger opens before its hello only the one that stands is kept and read", () => {
  const session = new PeerSession(
    {
      connections: () => [],
      listener: { message: () => undefined, rejected: () => undefined },
      isTrusted: () => false,
      partials: new PartialFrames(),
    },
    { node: "n", fleet: "f", frameTimeoutMs: 1, drainTimeoutMs: 1 },
  );
  const streams = Array.from({ length: 100 }, () => new FakeStream());
  for (const stream of streams) session.receive("sync", stream as unknown as Stream);
  session.up({ node: "n", agent: "", addresses: [] }, "00");
  expect(streams.flatMap(({ isRead }, index) => (isRead ? [index] : []))).toEqual([99]);
  expect(streams.at(-1)?.maxReadBufferLength).toBe(SYNC_FRAME_BYTES_MAX * 2);
});
