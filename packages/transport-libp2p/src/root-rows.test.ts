import type { Connection } from "@libp2p/interface";
import { ROOT_ROW_BYTES_MAX } from "@pulsemesh/core";
import { expect, test } from "vitest";
import { FORMER_BYTES_PER_SECOND, FORMER_ROW_AGAIN_MS } from "./former-rows.ts";
import { encodeFrame } from "./frames.ts";
import type { Host } from "./host.ts";
import { ASKING_FORMERS_MAX } from "./last-questions.ts";
import { RootRows, WHY_FIRST_BYTE_MS } from "./root-rows.ts";
import { AHEAD_BYTES, PIECE_BYTES } from "./sent-pieces.ts";

/** A stream that says what it is told to say; closing it does nothing, as the other side never closes its own. */
class FakeStream extends EventTarget {
  status = "open";
  readonly sent: string[] = [];
  closes = 0;
  /** After how many pieces it has to be drained. */
  window = Number.POSITIVE_INFINITY;
  get writeBufferLength(): number {
    return this.sent.length >= this.window ? AHEAD_BYTES + 1 : 0;
  }
  send(bytes: Uint8Array): void {
    this.sent.push(Buffer.from(bytes.subarray(1)).toString());
  }
  close(): Promise<void> {
    this.closes += 1;
    return new Promise(() => undefined);
  }
  abort(): void {
    this.status = "aborted";
    this.dispatchEvent(new Event("close"));
  }
  say(text: string): void {
    const data = { subarray: () => encodeFrame(Buffer.from(text)) };
    this.dispatchEvent(Object.assign(new Event("message"), { data }));
  }
}

type Answer = (stream: unknown, connection: Connection) => Promise<void>;

class Rig {
  nowMs = 0;
  isNeeded = true;
  /** Whether all in a row is known. */
  isKnown = true;
  readonly formerAsked: string[] = [];
  /** What is told to who is let in no longer, by node. */
  readonly former = new Map<string, Uint8Array>();
  #answer: Answer | undefined;
  readonly taken: string[] = [];
  readonly opened: {
    readonly open: (stream?: FakeStream) => void;
    readonly signal: AbortSignal;
  }[] = [];
  readonly #timers = new Set<{ readonly atMs: number; readonly task: () => void }>();
  readonly rows = new RootRows({
    host: {
      handle: (_: string, answer: Answer) => {
        this.#answer = answer;
        return Promise.resolve();
      },
    } as unknown as Host,
    fleet: "f",
    rowFor: () => undefined,
    formerRowFor: (node, grant) => (grant === "grant" ? this.former.get(node) : undefined),
    silent: () => undefined,
    formerAsked: (node, answer) => void this.formerAsked.push(`${node}: ${answer}`),
    take: (node, row) => {
      this.taken.push(`${node}: ${Buffer.from(row).toString()}`);
      return this.isKnown;
    },
    now: () => this.nowMs,
    after: (delayMs, task) => {
      const timer = { atMs: this.nowMs + delayMs, task };
      this.#timers.add(timer);
      return () => void this.#timers.delete(timer);
    },
  });

  connection(node: string): Connection {
    const newStream = (
      _: string,
      { signal }: { readonly signal: AbortSignal },
    ): Promise<unknown> => {
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      signal.addEventListener("abort", () => reject(new Error("aborted")));
      const open = (stream?: FakeStream): void =>
        stream === undefined ? reject(new Error("reset")) : resolve(stream);
      this.opened.push({ open, signal });
      return promise;
    };
    return { remotePeer: { toString: () => node }, newStream } as unknown as Connection;
  }

  ask(node: string, isWhy?: boolean): Promise<void> {
    return this.rows.ask(this.connection(node), ["grant"], () => this.isNeeded, isWhy);
  }

  /** `node` asks this one; the stream on which it does. */
  async asks(
    node: string,
    grant: string = "grant",
    window: number = Number.POSITIVE_INFINITY,
  ): Promise<FakeStream> {
    await this.rows.start();
    const stream = new FakeStream();
    stream.window = window;
    void this.#answer?.(stream, this.connection(node));
    stream.say(grant);
    await turn();
    return stream;
  }

  async pass(durationMs: number): Promise<void> {
    this.nowMs += durationMs;
    for (const timer of this.#timers) {
      if (timer.atMs > this.nowMs) continue;
      this.#timers.delete(timer);
      timer.task();
    }
    await turn();
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("ME2 a question has ROOT_ROW_MS_MAX in all, however long its stream takes to open", async () => {
  const rig = new Rig();
  const asked = rig.ask("a");
  await turn();
  await rig.pass(7_900);
  const stream = new FakeStream();
  rig.opened[0]?.open(stream);
  await turn();
  expect(stream.sent).toEqual(["grant"]);
  await rig.pass(99);
  expect(stream.status).toBe("open");
  await rig.pass(1);
  expect(stream.status).toBe("aborted");
  await asked;
  expect(rig.taken).toEqual([]);
});

test("ME2 who never opens a stream is given up after ROOT_ROW_MS_MAX too, and not asked again at once", async () => {
  const rig = new Rig();
  const asked = rig.ask("a");
  await turn();
  await rig.pass(8_000);
  await asked;
  void rig.ask("a");
  await turn();
  expect(rig.opened).toHaveLength(1);
});

test("ME2, P6 members that do not let this node in, and hold their answers back, keep no newcomer waiting, and each other for WHY_FIRST_BYTE_MS", async () => {
  const rig = new Rig();
  const all = ["a", "b", "c"].map((node) => rig.ask(node, true));
  await turn();
  expect(rig.opened).toHaveLength(2);
  const newcomer = rig.ask("n");
  await turn();
  expect(rig.opened).toHaveLength(3);
  const stream = new FakeStream();
  rig.opened[0]?.open(stream);
  await turn();
  await rig.pass(WHY_FIRST_BYTE_MS - 1);
  expect([stream.status, rig.opened.length]).toEqual(["open", 3]);
  await rig.pass(1);
  expect([stream.status, rig.opened[1]?.signal.aborted]).toEqual(["aborted", true]);
  expect([rig.opened.length, rig.opened[2]?.signal.aborted]).toEqual([4, false]);
  for (const index of [2, 3]) rig.opened[index]?.open();
  await Promise.all([...all, newcomer]);
});

test("ME2 who has begun to answer why has ROOT_ROW_MS_MAX for it", async () => {
  const rig = new Rig();
  const asked = rig.ask("a", true);
  await turn();
  const stream = new FakeStream();
  rig.opened[0]?.open(stream);
  await turn();
  stream.dispatchEvent(
    Object.assign(new Event("message"), { data: { subarray: () => Buffer.from([3]) } }),
  );
  await rig.pass(7_999);
  expect(stream.status).toBe("open");
  await rig.pass(1);
  expect(stream.status).toBe("aborted");
  await asked;
});

test("ME2 two connections to one node share one question and one row, unless it went under with its connection", async () => {
  const rig = new Rig();
  const stream = new FakeStream();
  const both = [rig.ask("a"), rig.ask("a")];
  await turn();
  rig.opened[0]?.open();
  await turn();
  expect(rig.opened).toHaveLength(2);
  rig.opened[1]?.open(stream);
  await turn();
  rig.isNeeded = false;
  stream.say("row");
  await Promise.all(both);
  expect([rig.taken, rig.opened.length]).toEqual([["a: row"], 2]);
  expect([stream.closes, stream.status]).toEqual([1, "open"]);
});

test("ME2 whom another's row has placed meanwhile is asked nothing when its turn comes", async () => {
  const rig = new Rig();
  const all = ["a", "b", "c"].map((node) => rig.ask(node));
  await turn();
  const stream = new FakeStream();
  rig.opened[0]?.open(stream);
  rig.opened[1]?.open();
  await turn();
  expect(rig.opened).toHaveLength(3);
  const fourth = rig.ask("d");
  rig.isNeeded = false;
  stream.say("row");
  await turn();
  rig.opened[2]?.open();
  await Promise.all([...all, fourth]);
  expect([rig.taken, rig.opened.length]).toEqual([["a: row"], 3]);
});

test.each([
  ["a second later", false, 1],
  ["at once where all in it was known", true, 2],
])("ME2 after a row that helped nothing another node is asked %s", async (_, isKnown, asked) => {
  const rig = new Rig();
  rig.isKnown = isKnown;
  const first = rig.ask("a");
  await turn();
  const stream = new FakeStream();
  rig.opened[0]?.open(stream);
  await turn();
  stream.say("row");
  await first;
  const second = rig.ask("b");
  await turn();
  expect(rig.opened).toHaveLength(asked);
  await rig.pass(1_000);
  expect(rig.opened).toHaveLength(2);
  rig.opened[1]?.open();
  await second;
});

test("ME2, P6 who is let in no longer is told the row, one at a time, and is waited for until it has it; whoever reads it too slowly is told no more", async () => {
  const rig = new Rig();
  const row = Buffer.from("row");
  rig.former.set("a", row);
  rig.former.set("b", row);
  const [stream, other] = [await rig.asks("a"), await rig.asks("b")];
  expect([stream.sent, other.sent]).toEqual([["row"], ["row"]]);
  let isTold = false;
  const told = rig.rows.told("a").then(() => (isTold = true));
  const again = await rig.asks("a");
  expect([again.sent, again.status, isTold]).toEqual([[], "aborted", false]);
  stream.dispatchEvent(new Event("close"));
  await told;
  await rig.pass(7_999);
  expect(other.status).toBe("open");
  await rig.pass(1);
  expect(other.status).toBe("aborted");
  await rig.rows.told("b");
  expect((await rig.asks("a")).sent).toEqual(["row"]);
});

test("ME2, P6 who shows no grant that it had is told nothing, and nobody waits for it", async () => {
  const rig = new Rig();
  rig.former.set("a", Buffer.from("row"));
  for (const stream of [await rig.asks("a", "made up"), await rig.asks("x")])
    expect([stream.sent, stream.status]).toEqual([[], "aborted"]);
  await rig.rows.told("a");
});

test("ME2, P6 who was expelled lately is told however much others that are let in no longer have asked for", async () => {
  const rig = new Rig();
  const row = Buffer.alloc(ROOT_ROW_BYTES_MAX, "r");
  for (const node of ["a", "b", "c", "d"]) rig.former.set(node, row);
  rig.rows.expelled(["d"]);
  const streams = [];
  for (const node of ["a", "b", "c", "d"]) streams.push(await rig.asks(node));
  const pieces = Math.ceil(encodeFrame(row).length / PIECE_BYTES);
  expect(streams.map(({ sent }) => sent.length)).toEqual([pieces, pieces, 0, pieces]);
});

test("ME2, P6 an answer that is broken off costs what was taken of it, and it is said what became of each", async () => {
  const rig = new Rig();
  const row = Buffer.alloc(ROOT_ROW_BYTES_MAX, "r");
  for (const node of ["a", "b", "c", "d"]) rig.former.set(node, row);
  const [whole, part] = [await rig.asks("a"), await rig.asks("b", "grant", 1)];
  expect(part.sent).toHaveLength(1);
  part.abort();
  await turn();
  // What that one was sent has been earned again, and what it was not sent is there.
  await rig.pass((PIECE_BYTES / FORMER_BYTES_PER_SECOND) * 1_000);
  const next = await rig.asks("c");
  expect(next.sent.length).toBeGreaterThan(1);
  expect((await rig.asks("d")).sent).toEqual([]);
  whole.dispatchEvent(new Event("close"));
  expect(rig.formerAsked).toEqual(["b: former-broke-off", "d: former-not-now", "a: told-former"]);
});

test("ME2, P6 who is refused is not waited for where it was told that row as often as it may be", async () => {
  const rig = new Rig();
  rig.former.set("a", Buffer.from("row"));
  const isOver = async (): Promise<boolean> => {
    let isHungUpOn = false;
    void rig.rows.asked("a", "grant").then(() => (isHungUpOn = true));
    await turn();
    return isHungUpOn;
  };
  for (let at = 0; at < 2; at += 1) {
    expect(await isOver()).toBe(false);
    (await rig.asks("a")).dispatchEvent(new Event("close"));
  }
  expect(await isOver()).toBe(true);
  await rig.pass(FORMER_ROW_AGAIN_MS);
  expect(await isOver()).toBe(false);
});

test("ME2, P6 whom this node has expelled lately is waited for, however many others ask why", async () => {
  const rig = new Rig();
  const row = Buffer.from("row");
  const many = Array.from({ length: ASKING_FORMERS_MAX + 1 }, (_, at) => `n${at}`);
  const over: string[] = [];
  for (const node of [...many, "expelled"]) rig.former.set(node, row);
  rig.rows.expelled(["expelled"]);
  for (const node of [...many, "expelled"])
    void rig.rows.asked(node, "grant").then(() => over.push(node));
  await turn();
  expect(over).toEqual([many.at(-1)]);
});
