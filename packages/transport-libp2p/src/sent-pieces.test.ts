import type { Stream } from "@libp2p/interface";
import { expect, test } from "vitest";
import { AHEAD_BYTES, PIECE_BYTES, sendInPieces } from "./sent-pieces.ts";

/** Takes so many pieces, then has to be drained. */
class FakeStream extends EventTarget {
  status = "open";
  writeBufferLength = 0;
  window: number;
  readonly sent: number[] = [];
  constructor(window: number) {
    super();
    this.window = window;
  }
  send(bytes: Uint8Array): void {
    this.sent.push(bytes.length);
    this.writeBufferLength = this.sent.length >= this.window ? AHEAD_BYTES + 1 : AHEAD_BYTES;
  }
  drain(more: number): void {
    this.window += more;
    this.writeBufferLength = 0;
    this.dispatchEvent(new Event("drain"));
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function rig(window: number) {
  const stream = new FakeStream(window);
  const sent = { bytes: 0 };
  const frame = new Uint8Array(3 * PIECE_BYTES + 1);
  const whole = sendInPieces(
    stream as unknown as Stream,
    frame,
    (bytes) => void (sent.bytes += bytes),
  );
  return { stream, sent, whole, frame };
}

test("ME2, P6 a long answer is sent no faster than it is taken, and what was taken counts as sent", async () => {
  const { stream, sent, whole, frame } = rig(2);
  await turn();
  expect([stream.sent, sent.bytes]).toEqual([[PIECE_BYTES, PIECE_BYTES], 2 * PIECE_BYTES]);
  stream.drain(1);
  await turn();
  expect(sent.bytes).toBe(3 * PIECE_BYTES);
  stream.drain(1);
  await whole;
  expect(sent.bytes).toBe(frame.length);
});

test("ME2, P6 of an answer that is broken off no more is sent", async () => {
  const { stream, sent, whole } = rig(1);
  stream.status = "reset";
  stream.dispatchEvent(new Event("close"));
  await expect(whole).rejects.toThrow("stream closed");
  expect(sent.bytes).toBe(PIECE_BYTES);
});
