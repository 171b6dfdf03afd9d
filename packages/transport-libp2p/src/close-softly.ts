/** Ends a stream without waiting for its peer for longer than a moment: a close waits for the other side's, and somebody may never close his. */
import type { Stream } from "@libp2p/interface";
import { patientTimer } from "./patient-timer.ts";

const CLOSE_TIMEOUT_MS = 5_000;

/** Closes this side's half; a peer that does not close its own within `limitMs` loses the stream. */
export function closeSoftly(stream: Stream, limitMs: number = CLOSE_TIMEOUT_MS): void {
  const callOff = patientTimer(limitMs, () =>
    stream.abort(new Error("stream not closed by the peer")),
  );
  stream.addEventListener("close", callOff);
  stream
    .close()
    .catch((error: unknown) =>
      stream.abort(error instanceof Error ? error : new Error("close failed")),
    );
}
