/** Flow control of real connections with window updates spared: it costs less, and what is sent still arrives (rules CH6, P6). */
import type { Stream, StreamMessageEvent, StreamMuxerFactory } from "@libp2p/interface";
import { noise } from "@libp2p/noise";
import { tcp } from "@libp2p/tcp";
import { yamux } from "@libp2p/yamux";
import { createLibp2p, type Libp2p } from "libp2p";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  OWED_BYTES_MAX,
  sparingWindows,
} from "../../packages/transport-libp2p/src/sparing-windows.ts";

const PROTOCOL = "/windows/1";

let frames = 0;
const hosts: Libp2p[] = [];

/** The library's muxers, whose frames are counted. */
function counted(): (components: unknown) => StreamMuxerFactory {
  const factory = (yamux({ enableKeepAlive: false }) as () => StreamMuxerFactory)();
  const createStreamMuxer: StreamMuxerFactory["createStreamMuxer"] = (connection) => {
    const muxer = factory.createStreamMuxer(connection);
    const send = Reflect.get(muxer, "sendFrame").bind(muxer) as (...args: unknown[]) => boolean;
    const sendFrame = (...args: unknown[]): boolean => {
      frames += 1;
      return send(...args);
    };
    return Object.assign(muxer, { sendFrame });
  };
  return () => ({ protocol: factory.protocol, createStreamMuxer });
}

beforeAll(async () => {
  for (let count = 0; count < 2; count += 1)
    hosts.push(
      await createLibp2p({
        addresses: { listen: ["/ip4/127.0.0.1/tcp/0"] },
        transports: [tcp()],
        connectionEncrypters: [noise()],
        streamMuxers: [sparingWindows(counted())],
        connectionMonitor: { enabled: false },
      }),
    );
});

afterAll(async () => {
  for (const host of hosts) await host.stop();
});

/** A stream from the first host to the second, and how many bytes of it have come there. */
async function streamTo(): Promise<{
  readonly out: Stream;
  readonly got: (bytes: number) => Promise<void>;
}> {
  const [one, other] = hosts;
  if (one === undefined || other === undefined) throw new Error("no hosts");
  let received = 0;
  let [wanted, done] = [Number.POSITIVE_INFINITY, (): void => {}];
  const take = ({ data }: StreamMessageEvent): void => {
    received += data.byteLength;
    if (received >= wanted) done();
  };
  await other.handle(PROTOCOL, (into) => into.addEventListener("message", take), { force: true });
  const out = await one.dialProtocol(other.getMultiaddrs(), PROTOCOL);
  const got = (bytes: number): Promise<void> =>
    new Promise((resolve) => {
      [wanted, done] = [bytes, resolve];
      if (received >= wanted) resolve();
    });
  return { out, got };
}

test("P6 a hundred small messages cost a hundred frames, and not two hundred", async () => {
  const { out, got } = await streamTo();
  out.send(new Uint8Array(1));
  await got(1);
  const before = frames;
  for (let count = 1; count <= 100; count += 1) {
    out.send(new Uint8Array(400));
    await got(1 + count * 400);
  }
  expect(frames - before).toBe(100);
});

test("CH6 what is owed is paid before OWED_BYTES_MAX, so that ten windows' worth passes", async () => {
  const { out, got } = await streamTo();
  const bytes = 40 * OWED_BYTES_MAX + 1;
  for (let sent = 0; sent < bytes;) {
    const part = Math.min(10_007, bytes - sent);
    if (!out.send(new Uint8Array(part))) await out.onDrain();
    sent += part;
  }
  await got(bytes);
});
