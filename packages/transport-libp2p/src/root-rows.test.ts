import type { Connection } from "@libp2p/interface";
import { expect, test } from "vitest";
import { encodeFrame } from "./frames.ts";
import type { Host } from "./host.ts";
import { RootRows } from "./root-rows.ts";

/** A stream that says what it is told to say; closing it does nothing, as the other side never closes its own. */
class FakeStream extends EventTarget {
  status = "open";
  readonly sent: string[] = [];
  closes = 0;
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

class Rig {
  nowMs = 0;
  isNeeded = true;
  readonly taken: string[] = [];
  readonly opened: {
    readonly open: (stream?: FakeStream) => void;
    readonly signal: AbortSignal;
  }[] = [];
  readonly #timers = new Set<{ readonly atMs: number; readonly task: () => void }>();
  readonly rows = new RootRows({
    host: {} as Host,
    fleet: "f",
    rowFor: () => undefined,
    silent: () => undefined,
    take: (node, row) => void this.taken.push(`${node}: ${Buffer.from(row).toString()}`),
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

  ask(node: string): Promise<void> {
    return this.rows.ask(this.connection(node), ["grant"], () => this.isNeeded);
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
