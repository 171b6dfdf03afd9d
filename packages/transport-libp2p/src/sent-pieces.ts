/**
 * Sends a long answer piece by piece, no faster than its stream takes it: whoever asked for it sets the pace, and may break off, so what was sent is what the
 * stream has taken. All of it at once would lie in the stream's buffer, which is emptied where it is aborted: nobody could say how much had left.
 */
import type { Stream } from "@libp2p/interface";

export const PIECE_BYTES: number = 65_536;
/** What waits in the stream for its window to open, as one that has little to send is slow: at most so much, and a piece, is counted as sent that was not. */
export const AHEAD_BYTES: number = 524_288;

/**
 * Rejects once the stream is gone; who calls it aborts a stream that takes nothing for too long.
 * @param onSent called with the length of each piece that was taken
 */
export async function sendInPieces(
  stream: Stream,
  frame: Uint8Array,
  onSent: (bytes: number) => void,
): Promise<void> {
  for (let at = 0; at < frame.length; at += PIECE_BYTES) {
    while (stream.status === "open" && stream.writeBufferLength > AHEAD_BYTES)
      await drained(stream);
    if (stream.status !== "open") throw new Error("stream closed");
    const piece = frame.subarray(at, at + PIECE_BYTES);
    stream.send(piece);
    onSent(piece.length);
  }
}

/** Own waiting, as the library's `onDrain()` answers at once from the second time on. */
function drained(stream: Stream): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = (): void => resolve();
  stream.addEventListener("drain", end);
  stream.addEventListener("close", end);
  return promise.finally(() => {
    stream.removeEventListener("drain", end);
    stream.removeEventListener("close", end);
  });
}
