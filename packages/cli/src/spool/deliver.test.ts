import { type PingOptions, type PulsemeshClient, PulsemeshClientError } from "@pulsemesh/client";
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RETRY_PAUSE_MS_MAX, pauseMs } from "./backoff.ts";
import { type Courier, deliver, LIVE_MS_MAX } from "./deliver.ts";
import { FLUSH_BEATS_MAX, FLUSH_MS_MAX } from "./flush.ts";
import { Spool } from "./spool.ts";
import { encodeBeat, nameOf, type SpooledBeat } from "./spooled-beat.ts";

const url = "http://127.0.0.1:7420";
const WALL_MS = Date.UTC(2026, 0, 1);
type Call = PingOptions & { readonly robot: string };

let folder: string;
let spool: Spool;
let nowMs: number;
let calls: Call[];
let said: string[];
let pauses: number[];
/** What the node says to a ping; undefined takes it. */
let answer: (call: Call) => Error | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pulsemesh-deliver-"));
  spool = new Spool(folder);
  nowMs = 0;
  calls = [];
  said = [];
  pauses = [];
  answer = () => undefined;
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function courier(overrides: Partial<Courier> = {}): Courier {
  const client = {
    ping: async (robot: string, options: PingOptions = {}) => {
      const call = { robot, ...options };
      calls.push(call);
      nowMs += 10;
      const error = answer(call);
      if (error !== undefined) throw error;
      return { created: false };
    },
  } as unknown as PulsemeshClient;
  return {
    client,
    url,
    spool,
    retryForMs: 3_000,
    say: (line) => void said.push(line),
    pause: async (ms) => {
      pauses.push(ms);
      nowMs += ms;
    },
    monoMs: () => nowMs,
    wallMs: () => WALL_MS + nowMs,
    random: () => 0.5,
    ...overrides,
  };
}

function failure(code: string, status?: number, retryAfterMs?: number): PulsemeshClientError {
  return new PulsemeshClientError({ code, status, retryAfterMs, detail: code, next: "" });
}

function put(beat: Partial<SpooledBeat>): string {
  const whole = { url, robot: "bot", kind: 1, atWallMs: WALL_MS - 1_000, ...beat };
  const text = encodeBeat(whole);
  const name = nameOf(whole, Buffer.byteLength(text));
  writeFileSync(join(folder, name), text);
  return name;
}

const beat = { robot: "bot", kind: "success" } as const;

describe("CLI30 trying again", () => {
  test.each([
    ["node-unreachable", undefined],
    ["timed-out", undefined],
    ["request-timed-out", 408],
    ["beats-too-many", 429],
    ["answer-invalid", 502],
    ["not-ready", 503],
    ["answer-invalid", 504],
    ["store-full", 507],
    ["robots-max", 507],
  ])("CLI30 %s (%s) may succeed later", async (code, status) => {
    answer = () => (calls.length < 3 ? failure(code, status) : undefined);
    expect(await deliver(courier(), beat)).toEqual({ outcome: "taken", created: false });
    expect(calls).toHaveLength(3);
    expect(readdirSync(folder)).toEqual([]);
  });

  test.each([
    ["robot-unknown", 404],
    ["robot-id-invalid", 400],
    ["observer", 403],
    ["host-forbidden", 403],
    ["not-found", 404],
    ["internal", 500],
    ["answer-invalid", 200],
  ])("CLI30 %s (%s) is final: one try, and nothing is kept", async (code, status) => {
    const error = failure(code, status);
    answer = () => error;
    expect(await deliver(courier(), beat)).toEqual({ outcome: "failed", error });
    expect(calls).toHaveLength(1);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("CLI30 pauses double, with full jitter, up to RETRY_PAUSE_MS_MAX, and come on top of Retry-After", () => {
    expect([1, 2, 3, 4, 5, 6, 99].map((tried) => pauseMs(tried, 1))).toEqual([
      200,
      400,
      800,
      1_600,
      RETRY_PAUSE_MS_MAX,
      RETRY_PAUSE_MS_MAX,
      RETRY_PAUSE_MS_MAX,
    ]);
    expect(pauseMs(3, 0)).toBe(0);
    expect(pauseMs(3, 0.25)).toBe(200);
    expect(pauseMs(1, 0.5, 7_000)).toBe(7_100);
  });

  test("CLI30 it ends with its budget; a Retry-After beyond that is not waited for", async () => {
    answer = () => failure("node-unreachable");
    expect((await deliver(courier(), beat)).outcome).toBe("kept");
    expect(pauses).toEqual([100, 200, 400, 800, 1_000]);
    expect(nowMs).toBeLessThanOrEqual(3_000);
    pauses = [];
    answer = () => failure("beats-too-many", 429, 4_000);
    expect((await deliver(courier(), beat)).outcome).toBe("kept");
    expect(pauses).toEqual([]);
  });

  test("CLI30 Retry-After is obeyed", async () => {
    answer = () => (calls.length < 2 ? failure("beats-too-many", 429, 1_000) : undefined);
    expect((await deliver(courier(), beat)).outcome).toBe("taken");
    expect(pauses).toEqual([1_100]);
  });

  test("CLI30 P3 a beat that is tried for longer than LIVE_MS_MAX goes out with its own time: it is no sign of life any more", async () => {
    answer = () => (nowMs < 2 * LIVE_MS_MAX ? failure("node-unreachable") : undefined);
    expect((await deliver(courier({ retryForMs: 60_000 }), beat)).outcome).toBe("taken");
    const live = calls.filter(({ givenAtWallMs }) => givenAtWallMs === undefined);
    expect(live.length).toBeGreaterThan(5);
    expect(calls.slice(live.length).every((call) => call.givenAtWallMs === WALL_MS)).toBe(true);
    expect(calls.length).toBeGreaterThan(live.length);
  });

  test("CLI30 TL3 P3 a beat that was seen long before its first try goes out with the time at which it was seen", async () => {
    nowMs = 2 * LIVE_MS_MAX;
    expect((await deliver(courier(), beat, undefined, LIVE_MS_MAX - 1)).outcome).toBe("taken");
    expect((await deliver(courier(), beat, undefined, nowMs - LIVE_MS_MAX)).outcome).toBe("taken");
    expect(calls.map(({ givenAtWallMs }) => givenAtWallMs)).toEqual([
      WALL_MS + LIVE_MS_MAX - 1,
      undefined,
    ]);
    answer = () => failure("node-unreachable");
    const seenMs = nowMs - 5_000;
    expect((await deliver(courier(), beat, undefined, seenMs)).outcome).toBe("kept");
    // It is tried for as long as any.
    expect(calls.length).toBeGreaterThan(4);
    expect((await spool.list()).map(({ atWallMs }) => atWallMs)).toEqual([WALL_MS + seenMs]);
  });

  test("CLI30 a signal ends the trying, not the beat", async () => {
    answer = () => failure("node-unreachable");
    expect((await deliver(courier(), beat, AbortSignal.abort())).outcome).toBe("kept");
    expect(calls).toHaveLength(1);
    expect((await spool.list()).length).toBe(1);
  });
});

describe("CLI31 the spool", () => {
  test("CLI31 a beat is kept with its own time, and goes out with it before the next one, which is live", async () => {
    answer = () => failure("node-unreachable");
    const failed = { robot: "bot", kind: "fail", message: "disk" } as const;
    expect((await deliver(courier({ retryForMs: 0 }), failed)).outcome).toBe("kept");
    answer = () => undefined;
    calls = [];
    expect((await deliver(courier(), beat)).outcome).toBe("taken");
    expect(calls).toMatchObject([
      { kind: "fail", message: "disk", givenAtWallMs: WALL_MS },
      { kind: "success" },
    ]);
    expect(calls[1]?.givenAtWallMs).toBeUndefined();
    expect(await spool.list()).toEqual([]);
  });

  test("CLI31 while the node is away, what waits is tried first and the new beat lines up behind it", async () => {
    put({ kind: "start" });
    answer = () => failure("node-unreachable");
    expect((await deliver(courier({ retryForMs: 0 }), beat)).outcome).toBe("kept");
    expect(calls.map(({ kind }) => kind)).toEqual(["start"]);
    answer = () => undefined;
    calls = [];
    await deliver(courier(), { ...beat, kind: 0 });
    expect(calls.map(({ kind }) => kind)).toEqual(["start", "success", 0]);
  });

  test("CLI31 nothing is kept without a spool, and a spool that cannot be used is said", async () => {
    const error = failure("node-unreachable");
    answer = () => error;
    const once = { retryForMs: 0 };
    expect(await deliver(courier({ ...once, spool: undefined }), beat)).toEqual({
      outcome: "failed",
      error,
    });
    writeFileSync(join(folder, "file"), "");
    const inFile = new Spool(join(folder, "file", "spool"));
    expect(await deliver(courier({ ...once, spool: inFile }), beat)).toMatchObject({
      outcome: "failed",
      error,
      spoolError: { code: "data-dir-unusable" },
    });
  });

  test("CLI31 a spool that cannot be read holds up no beat", async () => {
    writeFileSync(join(folder, "file"), "");
    const broken = courier({ spool: new Spool(join(folder, "file")) });
    expect((await deliver(broken, beat)).outcome).toBe("taken");
    expect(said).toHaveLength(1);
  });

  test("CLI31 nothing is delivered out of a folder in which others may write: they would speak with this user's token", async () => {
    put({ kind: "fail" });
    chmodSync(folder, 0o777);
    expect((await deliver(courier(), beat)).outcome).toBe("taken");
    expect(calls.map(({ kind }) => kind)).toEqual(["success"]);
    expect(said).toHaveLength(1);
    expect(said[0]).toContain(`chmod go-w ${folder}`);
    expect(await spool.list()).toHaveLength(1);
  });

  test("CLI31 HT30 what was given by a clock that was never set is told with the earliest time that a node takes", async () => {
    put({ kind: 7, atWallMs: 60_000 });
    expect((await deliver(courier(), beat)).outcome).toBe("taken");
    expect(calls.map(({ givenAtWallMs }) => givenAtWallMs)).toEqual([
      Date.UTC(2020, 0, 1),
      undefined,
    ]);
    answer = () => (nowMs < 2 * LIVE_MS_MAX ? failure("node-unreachable") : undefined);
    const early = courier({ retryForMs: 60_000, wallMs: () => 60_000 + nowMs });
    expect((await deliver(early, beat)).outcome).toBe("taken");
    expect(calls.at(-1)?.givenAtWallMs).toBe(Date.UTC(2020, 0, 1));
  });

  test("CLI31 beats for another node wait on", async () => {
    put({ url: "http://127.0.0.1:7999" });
    await deliver(courier(), beat);
    expect(calls).toHaveLength(1);
    expect((await spool.list()).length).toBe(1);
  });

  test("CLI31 damaged files and beats that are refused for good are set aside and said, and hold up nobody", async () => {
    writeFileSync(join(folder, put({ kind: 1 })), "damaged");
    put({ robot: "retired", kind: 2 });
    put({ kind: 3 });
    answer = ({ robot }) => (robot === "retired" ? failure("robot-unknown", 404) : undefined);
    expect((await deliver(courier(), beat)).outcome).toBe("taken");
    expect(calls.map(({ kind }) => kind)).toEqual([2, 3, "success"]);
    expect(said).toHaveLength(2);
    expect(said[0]).toContain("damaged");
    expect(said[1]).toContain("retired");
    expect([await spool.list(), (await spool.asides()).length]).toEqual([[], 2]);
  });

  test("CLI31 a robot that beats too often holds up its own kept beats, and no others", async () => {
    put({ robot: "busy", kind: 1 });
    put({ robot: "busy", kind: 2 });
    put({ robot: "calm", kind: 3 });
    answer = ({ robot }) => (robot === "busy" ? failure("beats-too-many", 429, 1_000) : undefined);
    expect((await deliver(courier(), beat)).outcome).toBe("taken");
    expect(calls.map(({ robot, kind }) => [robot, kind])).toEqual([
      ["busy", 1],
      ["calm", 3],
      ["bot", "success"],
    ]);
    expect((await spool.list()).map(({ robot }) => robot)).toEqual(["busy", "busy"]);
  });

  test("CLI31 P6 one call delivers at most FLUSH_BEATS_MAX others, and its own", async () => {
    for (let kind = 0; kind < FLUSH_BEATS_MAX + 5; kind++) put({ kind });
    await deliver(courier(), beat);
    expect(calls).toHaveLength(FLUSH_BEATS_MAX + 1);
    expect((await spool.list()).length).toBe(5);
  });

  test("CLI31 P6 one call spends at most FLUSH_MS_MAX on others", async () => {
    for (let kind = 0; kind < 10; kind++) put({ kind });
    answer = () => {
      nowMs += FLUSH_MS_MAX / 2;
      return undefined;
    };
    await deliver(courier({ retryForMs: 60_000 }), beat);
    expect(calls.map(({ kind }) => kind)).toEqual([0, 1, "success"]);
  });
});
