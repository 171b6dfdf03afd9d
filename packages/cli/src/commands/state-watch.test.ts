import type { EventJson, EventsOptions, PulsemeshClient, RobotJson } from "@pulsemesh/client";
import { PulsemeshClientError } from "@pulsemesh/client";
import { expect, test } from "vitest";
import { type WatchLine, watchState } from "./state-watch.ts";

/** A node whose robots and events a test sets by hand. */
class FakeNode {
  readonly robots = new Map<string, { status: string; state: object; last_check: string | null }>();
  readonly lines: WatchLine[] = [];
  readonly stop = new AbortController();
  #queue: EventJson[] = [];
  #wake: () => void = () => {};
  onReading: () => void = () => {};

  emit(
    type: string,
    subject: string | undefined,
    data: Record<string, unknown>,
    time = "t1",
  ): void {
    this.#queue.push({ type: `pulsemesh.${type}`, subject, data, time } as EventJson);
    this.#wake();
  }

  #robot(id: string): RobotJson {
    const robot = this.robots.get(id);
    if (robot === undefined) {
      throw new PulsemeshClientError({ code: "robot-unknown", detail: "no", next: "x" });
    }
    return { robot_id: id, ...robot } as unknown as RobotJson;
  }

  readonly client = {
    robots: async () => {
      const now = [...this.robots.keys()].map((id) => this.#robot(id));
      this.onReading();
      await this.settle(20);
      return now;
    },
    robot: async (id: string) => this.#robot(id),
    events: (options: EventsOptions = {}) => this.#events(options),
  } as unknown as PulsemeshClient;

  async *#events({ onOpen, signal }: EventsOptions): AsyncGenerator<EventJson> {
    onOpen?.();
    while (signal?.aborted !== true) {
      const event = this.#queue.shift();
      if (event !== undefined) {
        yield event;
        continue;
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      signal?.addEventListener("abort", () => resolve());
      await promise;
    }
  }

  watch(only?: ReadonlySet<string>, beats = false): Promise<void> {
    return watchState(this.client, {
      only,
      beats,
      signal: this.stop.signal,
      emit: (line) => void this.lines.push(line),
    });
  }

  /** Lets everything that waits on promises run. */
  async settle(turns: number): Promise<void> {
    for (let i = 0; i < turns; i++) await Promise.resolve();
  }
}

const up = { status: "up", state: { status: "scanning" }, last_check: "t0" };

test("CLI13 initial values first, then one line for each change of state.status or verdict", async () => {
  const node = new FakeNode();
  node.robots.set("a", up);
  node.robots.set("b", { status: "new", state: {}, last_check: null });
  const watching = node.watch();
  await node.settle(200);
  expect(node.lines).toEqual([
    { robot_id: "a", status: "scanning", liveness: "up", last_check: "t0" },
    { robot_id: "b", status: null, liveness: "new", last_check: null },
  ]);
  node.emit("robot-beat", "a", {}, "t1");
  node.emit("robot-state", "a", { state: { status: "idle", n: 1 } });
  node.emit("robot-state", "a", { state: { status: "idle", n: 2 } });
  node.emit("robot-status", "a", { to: "down" });
  node.emit("node-status", "12D3", { to: "down" });
  await node.settle(200);
  expect(node.lines.slice(2)).toEqual([
    { robot_id: "a", status: "idle", liveness: "up", last_check: "t1" },
    { robot_id: "a", status: "idle", liveness: "down", last_check: "t1" },
  ]);
  node.stop.abort();
  await watching;
});

test("CLI13 a robot that is retired is forgotten, and read anew when it beats again", async () => {
  const node = new FakeNode();
  node.robots.set("a", up);
  const watching = node.watch();
  await node.settle(200);
  node.robots.delete("a");
  node.emit("robot-retired", "a", { by: "12D3" });
  node.emit("robot-beat", "a", {}, "t1");
  await node.settle(200);
  node.robots.set("a", { status: "up", state: {}, last_check: "t2" });
  node.emit("robot-status", "a", { to: "up" });
  await node.settle(200);
  expect(node.lines.slice(1)).toEqual([
    { robot_id: "a", status: null, liveness: "up", last_check: "t2" },
  ]);
  node.stop.abort();
  await watching;
});

test("CLI13 a robot that registers later is read and shown", async () => {
  const node = new FakeNode();
  const watching = node.watch();
  await node.settle(200);
  node.robots.set("late", up);
  node.emit("robot-status", "late", { to: "up" });
  await node.settle(200);
  expect(node.lines.map(({ robot_id: id }) => id)).toEqual(["late"]);
  node.stop.abort();
  await watching;
});

test("CLI13 an event during the first reading is not lost, nor believed against a newer reading", async () => {
  const node = new FakeNode();
  node.robots.set("a", up);
  node.onReading = () => {
    // Happens after the answer was put together and before it was taken in.
    node.onReading = () => {};
    node.robots.set("a", { ...up, state: { status: "two" } });
    node.emit("robot-state", "a", { state: { status: "one" } });
  };
  const watching = node.watch();
  await node.settle(200);
  expect(node.lines.map(({ status }) => status)).toEqual(["scanning", "two"]);
  node.stop.abort();
  await watching;
});

test("CLI13 lost events make it read everything anew", async () => {
  const node = new FakeNode();
  node.robots.set("a", up);
  const watching = node.watch();
  await node.settle(200);
  node.robots.set("a", { ...up, status: "late" });
  node.emit("lost", undefined, { count: 3 });
  await node.settle(200);
  expect(node.lines.at(-1)?.liveness).toBe("late");
  node.stop.abort();
  await watching;
});

test("CLI13 only the named robots, and each beat with --beats", async () => {
  const node = new FakeNode();
  node.robots.set("a", up);
  node.robots.set("b", up);
  const watching = node.watch(new Set(["b"]), true);
  await node.settle(200);
  node.emit("robot-beat", "a", {}, "t5");
  node.emit("robot-beat", "b", {}, "t6");
  await node.settle(200);
  expect(node.lines.map(({ robot_id: id, last_check: at }) => [id, at])).toEqual([
    ["b", "t0"],
    ["b", "t6"],
  ]);
  node.stop.abort();
  await watching;
});

test("CLI13 a robot that the mesh does not know yet is said once, and waited for", async () => {
  const node = new FakeNode();
  node.robots.set("known", { status: "up", state: {}, last_check: null });
  const missing: string[] = [];
  const watching = watchState(node.client, {
    only: new Set(["known", "nope"]),
    beats: false,
    signal: node.stop.signal,
    emit: (line) => node.lines.push(line),
    missing: (robot) => missing.push(robot),
  });
  await node.settle(60);
  expect(missing).toEqual(["nope"]);
  node.robots.set("nope", { status: "up", state: {}, last_check: null });
  node.emit("robot-status", "nope", { to: "up" });
  await node.settle(60);
  expect(node.lines.map(({ robot_id: id }) => id)).toEqual(["known", "nope"]);
  node.stop.abort();
  await watching;
});
