/**
 * The hello on a stream: the side that opened the connection speaks first, the other answers, each in one frame. The
 * connection itself proves who speaks (Noise, with the node key), so hello carries no signature.
 */
import { performance } from "node:perf_hooks";
import type { Stream, StreamMessageEvent } from "@libp2p/interface";
import { encodeFrame, FrameDecoder } from "./frames.ts";
import { decodeHello, encodeHello, HELLO_BYTES_MAX } from "./hello-codec.ts";
import type { Hello } from "./hello-codec.ts";
import { patientTimer } from "./patient-timer.ts";

const CLOSE_TIMEOUT_MS = 5_000;

export type HelloFault = "hello-malformed" | "hello-timeout";

/** A hello that failed; `fault` is what to count, undefined when the connection just broke. */
export class HelloError extends Error {
  readonly fault: HelloFault | undefined;

  constructor(fault: HelloFault | undefined, cause?: unknown) {
    super(fault ?? "connection lost", { cause });
    this.name = "HelloError";
    this.fault = fault;
  }
}

/** Says hello and reads the answer. */
export async function sayHello(
  stream: Stream,
  ours: Hello,
  timeoutMs: number,
): Promise<{ readonly hello: Hello; readonly roundTripMs: number }> {
  const sentAtMs = performance.now();
  const answer = readHello(stream, timeoutMs);
  sendHello(stream, ours);
  const hello = await answer;
  const roundTripMs = performance.now() - sentAtMs;
  closeSoftly(stream);
  return { hello, roundTripMs };
}

/** Reads the other side's hello, then answers. */
export async function answerHello(stream: Stream, ours: Hello, timeoutMs: number): Promise<Hello> {
  const hello = await readHello(stream, timeoutMs);
  sendHello(stream, ours);
  closeSoftly(stream);
  return hello;
}

/** A stream that is gone already throws here; whoever waits for its answer learns it from the abort. */
function sendHello(stream: Stream, ours: Hello): void {
  try {
    stream.send(encodeFrame(encodeHello(ours)));
  } catch (cause) {
    stream.abort(new HelloError(undefined, cause));
  }
}

/** The one frame that is due; rejects with {@link HelloError}, and then the stream is aborted. */
function readHello(stream: Stream, timeoutMs: number): Promise<Hello> {
  const decoder = new FrameDecoder(HELLO_BYTES_MAX);
  const { promise, resolve, reject } = Promise.withResolvers<Hello>();
  const fail = (fault: HelloFault | undefined, cause?: unknown): void => {
    const error = new HelloError(fault, cause);
    reject(error);
    stream.abort(error);
  };
  const onMessage = (event: StreamMessageEvent): void => {
    const read = decoder.read(event.data.subarray());
    const [frame] = read.frames;
    if (frame === undefined) {
      if (!read.ok) fail("hello-malformed");
      return;
    }
    const hello = decodeHello(frame);
    if (hello === undefined) fail("hello-malformed");
    else resolve(hello);
  };
  const onEnd = (): void => fail(decoder.partial ? "hello-malformed" : undefined);
  const callOff = patientTimer(timeoutMs, () => fail("hello-timeout"));
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

/** Closes this side's half; a peer that does not close its own in time loses the stream. */
function closeSoftly(stream: Stream): void {
  const callOff = patientTimer(CLOSE_TIMEOUT_MS, () =>
    stream.abort(new Error("stream not closed by the peer")),
  );
  stream.addEventListener("close", callOff);
  stream
    .close()
    .catch((error: unknown) =>
      stream.abort(error instanceof Error ? error : new Error("close failed")),
    );
}
