/** Reads the one frame that is due on a stream: a hello, or a question or answer of dialling back. */
import type { Stream, StreamMessageEvent } from "@libp2p/interface";
import { FrameDecoder } from "./frames.ts";
import { patientTimer } from "./patient-timer.ts";

/** `malformed`: no frame of an allowed length; `ended`: the stream did, within a frame or before. */
export type OneFrameFault = "malformed" | "ended" | "timed-out";

export class OneFrameError extends Error {
  readonly fault: OneFrameFault;
  /** Whether a part of the frame had come. */
  readonly partial: boolean;

  constructor(fault: OneFrameFault, partial: boolean) {
    super(`no frame: ${fault}`);
    this.name = "OneFrameError";
    this.fault = fault;
    this.partial = partial;
  }
}

/**
 * Resolves with the first frame; what comes behind it is left.
 * @throws OneFrameError; the stream is left as it is
 */
export function readOneFrame(
  stream: Stream,
  bytesMax: number,
  timeoutMs: number,
): Promise<Uint8Array> {
  const decoder = new FrameDecoder(bytesMax);
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const fail = (fault: OneFrameFault): void => reject(new OneFrameError(fault, decoder.partial));
  const onMessage = (event: StreamMessageEvent): void => {
    const read = decoder.read(event.data.subarray());
    const [frame] = read.frames;
    if (frame !== undefined) resolve(frame);
    else if (!read.ok) fail("malformed");
  };
  const onEnd = (): void => fail("ended");
  const callOff = patientTimer(timeoutMs, () => fail("timed-out"));
  stream.addEventListener("message", onMessage);
  stream.addEventListener("remoteCloseWrite", onEnd);
  stream.addEventListener("close", onEnd);
  return promise.finally(() => {
    callOff();
    stream.removeEventListener("message", onMessage);
    stream.removeEventListener("remoteCloseWrite", onEnd);
    stream.removeEventListener("close", onEnd);
  });
}
