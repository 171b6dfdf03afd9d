/**
 * The driver on a simulated disk, a recording network and virtual time, with a scripted core: each test says which effects an input
 * has, so that what is proved is the driver's and nobody else's.
 */
import type { Command, Core, Effect, Input, PeerInfo } from "@pulsemesh/core";
import {
  RecordingTransport,
  SimulatedDisk,
  SimulatedStore,
  VirtualClock,
} from "@pulsemesh/testkit";
import { describe, expect, test } from "vitest";
import { COMMANDS_MAX } from "./command-table.ts";
import { WAITING_COMMITS_MAX } from "./commit-queue.ts";
import { CLOSE_WAIT_MS_MAX, Driver, REBUILD_EVERY_MS, STOP_WAIT_MS_MAX } from "./driver.ts";
import { INPUTS_WAITING_MAX } from "./life.ts";

const beat: Command = { type: "beat", robot: "r", kind: "beat", create: "heartbeat" };
const peer: PeerInfo = { node: "peer", agent: "test", addresses: [] };
const bytes = new Uint8Array([1]);
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const flush = () => new Promise<void>((resolve) => setImmediate(resolve));

type Script = (input: Input, nextCommit: () => number) => readonly Effect[];

/** Replies to every command, and gossips its number, once a row named for it is durable. */
const durableReply: Script = (input, nextCommit) => {
  if (input.type !== "command") return [];
  const commit = nextCommit();
  return [
    { type: "persist", commit, ops: [{ type: "put", key: `command/${input.id}`, value: bytes }] },
    { type: "publish", topic: "state", bytes: new Uint8Array([input.id]), after: commit },
    { type: "reply", id: input.id, result: { ok: true }, after: commit },
  ];
};

function world(
  script: Script = durableReply,
  options: { sync?: boolean; schedule?: (run: () => void) => void } = {},
) {
  const disk = new SimulatedDisk({ random: () => 0, sync: options.sync });
  const time = new VirtualClock();
  const clock = {
    now: () => ({ monoMs: time.nowMs, wallMs: 1_700_000_000_000 + time.nowMs }),
    after(delayMs: number, run: () => void) {
      let isOff = false;
      time.call(time.nowMs + delayMs, () => isOff || run());
      return () => {
        isOff = true;
      };
    },
    afterSockets: (run: () => void) => time.call(time.nowMs, run),
  };
  const store = new SimulatedStore(disk, {
    schedule: options.schedule ?? ((run, delayMs) => time.call(time.nowMs + delayMs, run)),
  });
  const transport = new RecordingTransport();
  const inputs: Input[] = [];
  let cores = 0;
  const createCore = (): Core => {
    cores += 1;
    let commits = 0;
    return {
      handle(input) {
        inputs.push(input);
        return script(input, () => ++commits);
      },
      fleet: () => ({ life: cores }) as never,
      authority: () => ({ life: cores }) as never,
      revocation: () => undefined,
      robots: () => [],
      robotIds: () => [],
      robot: () => undefined,
      explaining: {} as never,
      introducing: {} as never,
      exportDocument: () => bytes,
    };
  };
  const driver = new Driver({
    store,
    transport,
    clock,
    createCore,
    lagMs: () => 7,
    logger: silent,
  });
  return {
    disk,
    store,
    transport,
    driver,
    inputs,
    time,
    cores: () => cores,
    async start() {
      await store.open();
      const starting = driver.start();
      await this.pass(10);
      await starting;
    },
    /** Lets virtual time pass, and promises settle, step by step. */
    async pass(durationMs: number) {
      for (let step = 0; step < durationMs; step++) {
        time.runUntil(time.nowMs + 1);
        await flush();
      }
    },
    types: () => inputs.map((input) => input.type),
  };
}

/** Whether and how a promise has settled by now. */
async function stateOf(promise: Promise<unknown>): Promise<string> {
  let state = "pending";
  promise.then(
    () => {
      state = "resolved";
    },
    (error: { code?: string }) => {
      state = `rejected ${error.code}`;
    },
  );
  await flush();
  return state;
}

describe("Driver", () => {
  test("SG3 restores core page by page before it opens the network, and measures the loop's lag every second", async () => {
    const it = world();
    await it.store.open();
    it.disk.append([{ type: "put", key: "a", value: bytes }]);
    await it.start();
    expect(it.inputs[0]).toMatchObject({ type: "restore", rows: [{ key: "a" }], done: true });
    expect(it.transport.isStarted).toBe(true);
    await it.pass(2_000);
    expect(it.inputs.filter((input) => input.type === "lag")).toEqual([
      { type: "lag", lagMs: 7 },
      { type: "lag", lagMs: 7 },
    ]);
  });

  test("DU1 DU2 P5 nothing is acknowledged or published before it is durable, and inputs go on meanwhile", async () => {
    const held: (() => void)[] = [];
    const it = world(durableReply, { schedule: (run) => held.push(run) });
    await it.start();
    const answer = it.driver.command(beat);
    it.transport.handler.message("peer", "direct", bytes);
    await it.pass(5);
    expect(it.types()).toContain("message");
    expect(await stateOf(answer)).toBe("pending");
    expect(it.transport.messages).toEqual([]);
    it.disk.sync();
    held.shift()!();
    await it.pass(1);
    expect(await stateOf(answer)).toBe("resolved");
    expect(it.transport.messages).toHaveLength(1);
    expect(it.inputs.at(-1)).toEqual({ type: "committed", commit: 1 });
  });

  test("P5 a power cut loses nothing acknowledged; a disk that does not sync shows that this is a proof", async () => {
    for (const sync of [true, false]) {
      const it = world(durableReply, { sync });
      await it.start();
      const answer = it.driver.command(beat);
      await it.pass(10);
      expect(await stateOf(answer)).toBe("resolved");
      it.store.crash({ tear: true });
      expect(it.disk.get("command/1") !== undefined).toBe(sync);
    }
  });

  test("DU1 a failed commit tells its callers, rebuilds core from disk and tells it who is connected", async () => {
    const it = world();
    await it.start();
    it.transport.handler.peerUp(peer);
    it.disk.failWrites("store-failed");
    expect(await stateOf(it.driver.command(beat))).toBe("rejected store-failed");
    expect(it.transport.messages).toEqual([]);
    it.disk.failWrites(undefined);
    await it.pass(1);
    expect(it.cores()).toBe(2);
    expect(it.types().slice(-2)).toEqual(["restore", "peer-up"]);
    const answer = it.driver.command(beat);
    await it.pass(5);
    expect(await stateOf(answer)).toBe("resolved");
    expect(it.driver.meter.rebuilds.get("store-failed")).toBe(1);
  });

  test("DU1 reads go to the last core while the next one is being rebuilt, and commands are told to come back", async () => {
    const it = world();
    await it.start();
    it.disk.failWrites("store-failed");
    it.store.open = () => Promise.withResolvers<void>().promise;
    await stateOf(it.driver.command(beat));
    expect(it.driver.view).toBeDefined();
    const meanwhile = await it.driver.command(beat);
    expect(meanwhile).toMatchObject({ ok: false, code: "not-ready" });
    expect(it.transport.handler.gossip("pulse", "peer", bytes)).toBe("unheard");
    expect(it.driver.meter.rejected.get("not-ready")).toBe(1);
  });

  test("DU3 on a full disk nothing is acknowledged, pulses go on, bulk is refused, and it recovers by itself", async () => {
    const it = world((input, nextCommit) => {
      if (input.type === "gossip") return [{ type: "validate", result: "accept" }];
      if (input.type === "message") return [{ type: "publish", topic: "pulse", bytes }];
      return durableReply(input, nextCommit);
    });
    await it.start();
    it.disk.failWrites("store-full");
    const first = it.driver.command(beat);
    expect(await stateOf(first)).toBe("rejected store-full");
    expect(it.driver.isDiskFull).toBe(true);
    await it.pass(1_500);
    await expect(it.driver.command(beat)).rejects.toMatchObject({ code: "store-full" });
    it.transport.handler.message("peer", "direct", bytes);
    it.transport.handler.message("peer", "sync", bytes);
    expect(it.transport.messages).toEqual([{ type: "publish", topic: "pulse", bytes }]);
    expect(it.transport.handler.gossip("verdict", "peer", bytes)).toBe("accept");
    expect(it.transport.handler.gossip("state", "peer", bytes)).toBe("ignore");
    expect(it.driver.meter.rejected.get("store-full")).toBe(3);
    expect(it.cores()).toBe(1);
    it.disk.failWrites(undefined);
    await it.pass(1_100);
    expect(it.driver.isDiskFull).toBe(false);
    expect(it.transport.messages).toContainEqual({
      type: "publish",
      topic: "state",
      bytes: new Uint8Array([1]),
    });
    const after = it.driver.command(beat);
    await it.pass(5);
    expect(await stateOf(after)).toBe("resolved");
  });

  test("DU3 whoever waits when the disk fills up is told at once, also where core has no answer yet, but not a stop", async () => {
    let first: number | undefined;
    const it = world((input, nextCommit) => {
      if (input.type === "command" && input.command.type === "stop") return [];
      if (input.type === "command" && first === undefined) {
        first = input.id;
        return durableReply(input, nextCommit);
      }
      // As core does with changes that share the next entry.
      if (input.type === "committed" && input.commit === 1)
        return durableReply({ type: "command", id: 2, command: beat }, nextCommit);
      return [];
    });
    await it.start();
    it.disk.failWrites("store-full");
    const answers = [it.driver.command(beat), it.driver.command(beat)];
    const stop = it.driver.command({ type: "stop", mode: "pause", restartWithinMs: 1_000 });
    expect(await Promise.all(answers.map(stateOf))).toEqual([
      "rejected store-full",
      "rejected store-full",
    ]);
    expect(await stateOf(stop)).toBe("pending");
    expect(it.driver.queues.commands).toBe(1);
    it.disk.failWrites(undefined);
    await it.pass(1_100);
    expect(it.disk.get("command/2")).toBeDefined();
    expect(it.driver.isDiskFull).toBe(false);
  });

  test("SG4 the answer to a gossip message is core's, given at once", async () => {
    const it = world((input) =>
      input.type === "gossip" ? [{ type: "validate", result: "reject" }] : [],
    );
    expect(() => it.transport.handler).toThrow();
    await it.start();
    expect(it.transport.handler.gossip("state", "peer", bytes)).toBe("reject");
    expect(it.inputs.at(-1)).toEqual({ type: "gossip", topic: "state", from: "peer", bytes });
  });

  test("DU1 inputs that arrive while another is handled wait for it, INPUTS_WAITING_MAX at most", async () => {
    let nested = false;
    const order: string[] = [];
    const it: ReturnType<typeof world> = world((input) => {
      if (input.type !== "message") return [];
      order.push(nested ? "later" : "first");
      if (nested) return [];
      nested = true;
      for (let i = 0; i < INPUTS_WAITING_MAX + 5; i++)
        it.transport.handler.message("peer", "direct", bytes);
      order.push("first ends");
      return [];
    });
    await it.start();
    it.transport.handler.message("peer", "direct", bytes);
    expect(order.slice(0, 3)).toEqual(["first", "first ends", "later"]);
    expect(order).toHaveLength(INPUTS_WAITING_MAX + 2);
    expect(it.driver.meter.rejected.get("overloaded")).toBe(5);
  });

  test("P6 beyond WAITING_COMMITS_MAX commits bulk is refused and commands are told to come back", async () => {
    const it = world(
      (input, nextCommit) => {
        if (input.type !== "message") return durableReply(input, nextCommit);
        return [
          { type: "persist", commit: nextCommit(), ops: [{ type: "put", key: "k", value: bytes }] },
        ];
      },
      { schedule: () => {} },
    );
    await it.start();
    for (let i = 0; i < WAITING_COMMITS_MAX; i++)
      it.transport.handler.message("peer", "direct", bytes);
    expect(it.transport.handler.gossip("state", "peer", bytes)).toBe("ignore");
    expect(await it.driver.command(beat)).toMatchObject({ ok: false, code: "not-ready" });
    expect(it.driver.meter.rejected.get("overloaded")).toBe(2);
  });

  test("P6 COMMANDS_MAX commands wait at a time", async () => {
    const it = world(() => []);
    await it.start();
    for (let i = 0; i < COMMANDS_MAX; i++) void it.driver.command(beat);
    expect(await it.driver.command(beat)).toMatchObject({ ok: false, code: "not-ready" });
    expect(it.driver.queues.commands).toBe(COMMANDS_MAX);
  });

  test("P5 an error inside core tells the callers, is counted, and core is rebuilt rather than trusted", async () => {
    const it = world((input, nextCommit) => {
      if (input.type === "message") throw new Error("a bug");
      return durableReply(input, nextCommit);
    });
    await it.start();
    const waiting = it.driver.command(beat);
    it.transport.handler.message("peer", "direct", bytes);
    expect(await stateOf(waiting)).toBe("rejected internal");
    await it.pass(2);
    expect(it.cores()).toBe(2);
    it.transport.handler.message("peer", "direct", bytes);
    await it.pass(REBUILD_EVERY_MS - 10);
    expect(it.cores()).toBe(2);
    await it.pass(20);
    expect(it.cores()).toBe(3);
    expect(it.driver.meter.rebuilds.get("internal")).toBe(2);
  });

  test("VE9 stop tells core, waits for its reply, then closes network, store and events; once", async () => {
    const it = world((input) =>
      input.type === "command" ? [{ type: "reply", id: input.id, result: { ok: true } }] : [],
    );
    await it.start();
    const events = it.driver.events.read()[Symbol.asyncIterator]();
    const stopping = it.driver.stop("pause", 60_000);
    expect(it.driver.stop("leave", 0)).toBe(stopping);
    await it.pass(2);
    expect(await stateOf(stopping)).toBe("resolved");
    expect(it.inputs.at(-1)).toMatchObject({
      command: { type: "stop", mode: "pause", restartWithinMs: 60_000 },
    });
    expect(it.transport.isStopped).toBe(true);
    expect(await events.next()).toMatchObject({ done: true });
    await expect(it.driver.command(beat)).rejects.toMatchObject({ code: "stopped" });
    await expect(it.store.get("a")).rejects.toMatchObject({ code: "store-failed" });
  });

  test("VE9 a core that does not answer holds up a stop for STOP_WAIT_MS_MAX, a network for CLOSE_WAIT_MS_MAX more", async () => {
    const it = world(() => []);
    await it.start();
    it.transport.stop = () => Promise.withResolvers<void>().promise;
    const command = it.driver.command(beat).catch((error: unknown) => error);
    const stopping = it.driver.stop("pause", 60_000);
    await it.pass(STOP_WAIT_MS_MAX + CLOSE_WAIT_MS_MAX - 5);
    expect(await stateOf(stopping)).toBe("pending");
    await it.pass(10);
    expect(await stateOf(stopping)).toBe("resolved");
    expect(await command).toMatchObject({ code: "stopped" });
  });

  test("DU1 a stop during a rebuild leaves nothing open", async () => {
    const it = world();
    await it.start();
    it.disk.failWrites("store-failed");
    const open = it.store.open.bind(it.store);
    it.store.open = async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      it.time.call(it.time.nowMs + 100, resolve);
      await promise;
      await open();
    };
    await stateOf(it.driver.command(beat));
    const stopping = it.driver.stop("pause", 60_000);
    it.disk.failWrites(undefined);
    await it.pass(200);
    expect(await stateOf(stopping)).toBe("resolved");
    await expect(it.store.get("a")).rejects.toMatchObject({ code: "store-failed" });
  });

  test("DU1 CH6 timers, loads, sends, changes of the roster and events are carried out", async () => {
    const it = world((input) => {
      if (input.type === "command")
        return [
          { type: "set-timer", id: "watch", generation: 4, atMonoMs: 100 },
          { type: "load", load: 9, range: { gte: "a", lt: "b" } },
          { type: "send", to: "peer", channel: "direct", bytes },
          { type: "members", joined: ["new"], left: ["old"] },
          { type: "emit", event: { type: "rejected", reason: "rate", from: undefined } },
          { type: "emit", event: { type: "started", boot: 3 } },
          { type: "reply", id: input.id, result: { ok: true } },
        ];
      return [];
    });
    await it.start();
    it.disk.append([{ type: "put", key: "a1", value: bytes }]);
    const events = it.driver.events.read()[Symbol.asyncIterator]();
    it.transport.isConnected = false;
    await it.driver.command(beat);
    await it.pass(100);
    await it.driver.started;
    expect(it.inputs).toContainEqual({ type: "timer", id: "watch", generation: 4 });
    expect(it.inputs).toContainEqual({
      type: "loaded",
      load: 9,
      rows: [{ key: "a1", value: bytes }],
      done: true,
    });
    expect(it.transport.messages).toEqual([{ type: "send", to: "peer", channel: "direct", bytes }]);
    expect(it.transport.roster).toEqual([{ joined: ["new"], left: ["old"] }]);
    expect(await events.next()).toMatchObject({ value: { type: "rejected" } });
    expect(it.driver.meter.rejected.get("rate")).toBe(1);
    expect(it.driver.meter.sendFailures).toBe(1);
  });
});
