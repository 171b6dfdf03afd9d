/**
 * The hello on a stream: the side that opened the connection speaks first, the other answers, each in one frame. The
 * connection itself proves who speaks (Noise, with the node key), so hello carries no signature.
 */
import { performance } from "node:perf_hooks";
import type { Stream } from "@libp2p/interface";
import { closeSoftly } from "./close-softly.ts";
import { encodeFrame } from "./frames.ts";
import { decodeHello, encodeHello, HELLO_BYTES_MAX } from "./hello-codec.ts";
import type { Hello } from "./hello-codec.ts";
import { OneFrameError, readOneFrame } from "./one-frame.ts";

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

/** Answers the hello that came on `stream`. */
export function answerHello(stream: Stream, ours: Hello): void {
  sendHello(stream, ours);
  closeSoftly(stream);
}

/** A stream that is gone already throws here; whoever waits for its answer learns it from the abort. */
function sendHello(stream: Stream, ours: Hello): void {
  try {
    stream.send(encodeFrame(encodeHello(ours)));
  } catch (cause) {
    stream.abort(new HelloError(undefined, cause));
  }
}

/** The hello that is due; rejects with {@link HelloError}, and then the stream is aborted. */
export async function readHello(stream: Stream, timeoutMs: number): Promise<Hello> {
  try {
    const hello = decodeHello(await readOneFrame(stream, HELLO_BYTES_MAX, timeoutMs));
    if (hello !== undefined) return hello;
    throw new HelloError("hello-malformed");
  } catch (cause) {
    const error = cause instanceof HelloError ? cause : new HelloError(faultOf(cause), cause);
    stream.abort(error);
    throw error;
  }
}

/** Undefined where the connection just broke. */
function faultOf(error: unknown): HelloFault | undefined {
  if (!(error instanceof OneFrameError)) return undefined;
  if (error.fault === "timed-out") return "hello-timeout";
  return error.fault === "malformed" || error.partial ? "hello-malformed" : undefined;
}
