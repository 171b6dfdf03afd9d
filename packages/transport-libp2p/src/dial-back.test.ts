import type { Connection, Stream } from "@libp2p/interface";
import { dagCborCodec } from "@pulsemesh/core";
import { expect, test } from "vitest";
import { DIAL_BACK_BYTES_MAX, DIAL_BACKS_RUNNING_MAX, DialBack, readAnswer } from "./dial-back.ts";
import { FrameDecoder } from "./frames.ts";
import type { Knock } from "./dial-loop.ts";
import type { Host } from "./host.ts";

const SELF = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA";
const OTHER = "12D3KooWJ5nMZ5ATZGMBtmBbQy5dHFEpZcQW5vPQGFxxGBTdRJhQ";
const MINE = `/ip4/192.0.2.7/tcp/7421/p2p/${SELF}`;
const NO_ANSWER = { ok: false, why: "no-answer" };

const read = (body: unknown): unknown => readAnswer(dagCborCodec.encode(body), SELF);

test("AD6 an answer is read strictly: own addresses and known outcomes, or it is none", () => {
  expect(read([[MINE, "reached"]])).toEqual({
    ok: true,
    outcomes: [{ address: MINE, outcome: "reached" }],
  });
  expect(read(null)).toEqual({ ok: false, why: "busy" });
  for (const body of [
    "hello",
    [MINE],
    [[MINE]],
    [[MINE, "\u001b[2J"]],
    [[MINE.replace(SELF, OTHER), "reached"]],
    [["x".repeat(400), "reached"]],
    Array.from({ length: 9 }, () => [MINE, "reached"]),
  ]) {
    expect(read(body)).toEqual(NO_ANSWER);
  }
  expect(readAnswer(Uint8Array.of(0xff, 0x00), SELF)).toEqual(NO_ANSWER);
});

/** A stream between two ends of a test: what is sent is kept, what comes is dispatched by hand. */
function fakeStream(): { readonly stream: Stream; readonly sent: Uint8Array[] } {
  const sent: Uint8Array[] = [];
  const target = new EventTarget();
  const stream = Object.assign(target, {
    status: "open",
    send: (bytes: Uint8Array) => void sent.push(bytes),
    close: async () => undefined,
    abort: () => undefined,
  });
  return { stream: stream as unknown as Stream, sent };
}

function say(stream: Stream, bytes: Uint8Array): void {
  stream.dispatchEvent(
    Object.assign(new Event("message"), { data: { subarray: () => bytes } }) as never,
  );
}

const peer = (node: string): Connection =>
  ({ remotePeer: { toString: () => node } }) as unknown as Connection;

function dialBack(knock: () => Promise<Knock>): {
  readonly ask: (connection: Connection) => ReturnType<DialBack["ask"]>;
  readonly answer: (stream: Stream, connection: Connection) => void;
  readonly started: Promise<void>;
} {
  const handlers: ((stream: Stream, connection: Connection) => void)[] = [];
  const host = {
    peerId: { toString: () => SELF },
    getConnections: () => [],
    handle: async (_protocol: string, handler: (typeof handlers)[number]) =>
      void handlers.push(handler),
  } as unknown as Host;
  const made = new DialBack({
    host,
    fleet: "f",
    isTrusted: () => true,
    addressesOf: () => [MINE],
    knock,
    rejected: () => undefined,
  });
  return {
    ask: (connection) => made.ask(connection),
    answer: (stream, connection) => handlers[0]?.(stream, connection),
    started: made.start(),
  };
}

test("AD6 P6 whoever asks while DIAL_BACKS_RUNNING_MAX are under way is told that this node is busy", async () => {
  const waiting = Promise.withResolvers<Knock>();
  const { answer, started } = dialBack(() => waiting.promise);
  await started;
  const streams = Array.from({ length: DIAL_BACKS_RUNNING_MAX + 1 }, () => fakeStream());
  for (const [index, { stream }] of streams.entries()) {
    answer(stream, peer(`n${index}`));
    say(stream, Uint8Array.of(1, 1));
  }
  await Promise.resolve();
  waiting.resolve({ outcome: "reached", hosts: [] });
  await expect.poll(() => streams.every(({ sent }) => sent.length === 1)).toBe(true);
  const answers = streams.map(({ sent }) =>
    dagCborCodec.decode(
      new FrameDecoder(9_999).read(sent[0] ?? new Uint8Array(0)).frames[0] ?? new Uint8Array(0),
    ),
  );
  expect(answers.slice(0, -1)).toEqual(
    Array.from({ length: DIAL_BACKS_RUNNING_MAX }, () => [[MINE, "reached"]]),
  );
  expect(answers.at(-1)).toBeNull();
});

test("AD6 P6 an answer above DIAL_BACK_BYTES_MAX is none", async () => {
  const { ask } = dialBack(async () => ({ outcome: "reached", hosts: [] }));
  const { stream } = fakeStream();
  const connection = { newStream: async () => stream } as unknown as Connection;
  const answer = ask(connection);
  await Promise.resolve();
  await Promise.resolve();
  const length = DIAL_BACK_BYTES_MAX + 1;
  say(stream, Uint8Array.of((length & 0x7f) | 0x80, length >>> 7));
  expect(await answer).toEqual(NO_ANSWER);
});

test("AD6 CH6 a connection that ends under a question is no answer, and leaves no rejection that nobody handles", async () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on("unhandledRejection", note);
  try {
    const { ask } = dialBack(async () => ({ outcome: "reached", hosts: [] }));
    const { stream } = fakeStream();
    // As libp2p does where the other side hung up between the opening and the first byte.
    stream.send = () => {
      stream.dispatchEvent(new Event("close") as never);
      throw new Error("the stream is closed");
    };
    const connection = { newStream: async () => stream } as unknown as Connection;
    expect(await ask(connection)).toEqual(NO_ANSWER);
    // Node reports rejections that nobody took once the microtasks are through.
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
  } finally {
    process.off("unhandledRejection", note);
  }
});

test("AD6 P6 a question that gets no good answer keeps no stream open", async () => {
  const { ask } = dialBack(async () => ({ outcome: "reached", hosts: [] }));
  const { stream } = fakeStream();
  const aborted: Error[] = [];
  stream.abort = (error) => void aborted.push(error);
  const answer = ask({ newStream: async () => stream } as unknown as Connection);
  await Promise.resolve();
  await Promise.resolve();
  say(stream, Uint8Array.of(0));
  expect(await answer).toEqual(NO_ANSWER);
  expect(aborted).toHaveLength(1);
});
