import type { Connection, Stream } from "@libp2p/interface";
import { peerIdFromString } from "@libp2p/peer-id";
import { expect, test } from "vitest";
import { GossipStreams, STREAM_AGAIN_MS, STREAM_MS } from "./gossip-streams.ts";

const A = "12D3KooWHzQZBWHMAT1p4Yt8nRyTztYHWfeRKfWuPPVA5uekqmjg";
const B = "12D3KooWRGWUJQtWDqJZjtCW4R2pJyMaBwDq4FiBMFojri3zca8o";

class FakeStream {
  status = "open";
  #onClose: (() => void)[] = [];

  addEventListener(_type: "close", listener: () => void): void {
    this.#onClose.push(listener);
  }

  /** Its half alone. */
  readonly close = async (): Promise<void> => undefined;

  closeByPeer(): void {
    this.#end("closed");
  }

  abort(): void {
    this.#end("aborted");
  }

  #end(status: string): void {
    this.status = status;
    for (const listener of this.#onClose.splice(0)) listener();
  }
}

/** A connection on which the test decides what becomes of each stream that is asked for. */
class FakeConnection {
  status = "open";
  readonly asked: string[][] = [];
  readonly #remotePeer;
  #pending: {
    readonly resolve: (stream: Stream) => void;
    readonly reject: (why: Error) => void;
  }[] = [];

  constructor(node: string) {
    this.#remotePeer = peerIdFromString(node);
  }

  get remotePeer() {
    return this.#remotePeer;
  }

  newStream(protocols: string[], { signal }: { signal: AbortSignal }): Promise<Stream> {
    this.asked.push(protocols);
    const { promise, resolve, reject } = Promise.withResolvers<Stream>();
    this.#pending.push({ resolve, reject });
    signal.addEventListener("abort", () => reject(new Error("aborted")));
    return promise;
  }

  async answer(): Promise<FakeStream> {
    const stream = new FakeStream();
    this.#pending.shift()?.resolve(stream as unknown as Stream);
    await settled();
    return stream;
  }

  async fail(): Promise<void> {
    this.#pending.shift()?.reject(new Error("no"));
    await settled();
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
}

function rig() {
  const ready: Connection[] = [];
  const timers = new Set<{ readonly delayMs: number; readonly task: () => void }>();
  const streams = new GossipStreams({
    ready: (connection) => void ready.push(connection),
    after: (delayMs, task) => {
      const timer = { delayMs, task };
      timers.add(timer);
      return () => timers.delete(timer);
    },
  });
  streams.speak("/gossip/2");
  streams.speak("/gossip/1");
  const on = (connection: FakeConnection): Connection => connection as unknown as Connection;
  return {
    streams,
    timers,
    ready,
    offer: (connection: FakeConnection) => streams.offer(on(connection)),
    take: (connection: FakeConnection) => streams.handed(on(connection)).newStream("/gossip/2"),
    pass: (durationMs: number = STREAM_AGAIN_MS): void => {
      for (const timer of timers) {
        if (timer.delayMs > durationMs) continue;
        expect(timer.delayMs).toBe(durationMs);
        timers.delete(timer);
        timer.task();
      }
    },
  };
}

test("P6 CH6 a stream that does not come about keeps no other peer's waiting", async () => {
  const { offer, ready, take } = rig();
  const [slow, quick] = [new FakeConnection(A), new FakeConnection(B)];
  offer(slow);
  offer(quick);
  const stream = await quick.answer();
  expect(ready).toEqual([quick]);
  expect(await take(quick)).toBe(stream);
  await expect(take(slow)).rejects.toThrow("no stream for gossip stands");
  expect([slow.asked, quick.asked]).toEqual([
    [["/gossip/2", "/gossip/1"]],
    [["/gossip/2", "/gossip/1"]],
  ]);
});

test("CH6 the router takes a stream once, on whichever connection it asks, and is told what a connection says of itself", async () => {
  const { streams, offer, take } = rig();
  const [first, second] = [new FakeConnection(A), new FakeConnection(A)];
  offer(first);
  offer(second);
  offer(first);
  const stream = await first.answer();
  expect(second.asked).toEqual([]);
  expect(await take(second)).toBe(stream);
  await expect(take(first)).rejects.toThrow("no stream for gossip stands");
  const handed = streams.handed(first as unknown as Connection);
  expect([handed.remotePeer.toString(), handed.status]).toEqual([A, "open"]);
});

test.each(["while its stream is opened", "later"])(
  "CH6 where of two connections to a peer one ends %s, gossip goes out on the other at once",
  async (when) => {
    const { offer, ready, timers } = rig();
    const [first, second] = [new FakeConnection(A), new FakeConnection(A)];
    offer(first);
    offer(second);
    const stream = when === "later" ? await first.answer() : undefined;
    first.status = "closed";
    if (stream === undefined) await first.fail();
    else stream.abort();
    expect([second.asked.length, timers.size]).toEqual([1, 0]);
    await second.answer();
    expect(ready.at(-1)).toBe(second);
  },
);

test("CH6 a stream that failed, or was lost while its connection stands, is opened again after STREAM_AGAIN_MS, and not once that is gone", async () => {
  const { offer, ready, take, timers, pass } = rig();
  const connection = new FakeConnection(A);
  offer(connection);
  await connection.fail();
  expect(connection.asked).toHaveLength(1);
  pass();
  (await connection.answer()).abort();
  await expect(take(connection)).rejects.toThrow("no stream for gossip stands");
  expect(connection.asked).toHaveLength(2);
  pass();
  await connection.answer();
  expect([connection.asked.length, ready.length, timers.size]).toEqual([3, 2, 0]);
  connection.status = "closed";
  (await take(connection)).abort(new Error("with it"));
  expect([connection.asked.length, timers.size]).toEqual([3, 0]);
});

test.each(["closed by the peer", "never closed by the peer"])(
  "CH6 P6 in place of a stream that the router gives up another one is opened after STREAM_AGAIN_MS, once, where it is %s, and within STREAM_MS it is gone",
  async (how) => {
    const { offer, ready, take, timers, pass } = rig();
    const connection = new FakeConnection(A);
    offer(connection);
    const first = await connection.answer();
    await (await take(connection)).close();
    expect([connection.asked.length, timers.size, first.status]).toEqual([1, 2, "open"]);
    pass();
    const second = await connection.answer();
    expect([connection.asked.length, ready.length, await take(connection)]).toEqual([2, 2, second]);
    if (how === "closed by the peer") first.closeByPeer();
    else pass(STREAM_MS);
    expect([connection.asked.length, timers.size]).toEqual([2, 0]);
    expect([first.status, second.status]).toEqual([
      how === "closed by the peer" ? "closed" : "aborted",
      "open",
    ]);
  },
);

test("CH6 P6 while one waits to try again the same connection, however often it is offered, changes nothing; a new one is not tried beside it", async () => {
  const { offer, timers } = rig();
  const [first, second] = [new FakeConnection(A), new FakeConnection(A)];
  offer(first);
  await first.fail();
  for (let times = 0; times < 10; times += 1) offer(first);
  expect([first.asked.length, timers.size]).toEqual([1, 1]);
  offer(second);
  expect([first.asked.length, second.asked.length, timers.size]).toEqual([2, 0, 0]);
});

test("CH6 to a peer that is to hear nothing any more no stream is opened, kept or tried again", async () => {
  const { streams, offer, ready, timers } = rig();
  const [underWay, stood, failed] = [A, A, A].map((node) => new FakeConnection(node));
  for (const connection of [underWay, stood, failed]) {
    if (connection === undefined) throw new Error("three");
    offer(connection);
    const stream = connection === stood ? await connection.answer() : undefined;
    if (connection === failed) await connection.fail();
    streams.end(A);
    await settled();
    expect([connection.asked.length, stream?.status ?? "aborted", timers.size]).toEqual([
      1,
      "aborted",
      0,
    ]);
  }
  expect(ready).toEqual([stood]);
});
