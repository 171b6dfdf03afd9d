import { describe, expect, test } from "vitest";
import { BeatPacer } from "./beat-pacer.ts";

/** A pacer whose pauses end when the test says so. */
function paced(): {
  readonly pacer: BeatPacer;
  readonly sent: (string | undefined)[][];
  readonly pauses: number[];
  next(): Promise<void>;
} {
  const sent: (string | undefined)[][] = [];
  const pauses: number[] = [];
  let resume: () => void = () => {};
  let nowMs = 0;
  const pacer = new BeatPacer({
    everyMs: 1_000,
    monoMs: () => nowMs,
    send: async (kind, message) => {
      sent.push(message === undefined ? [kind] : [kind, message]);
      nowMs += 100;
    },
    pause: (ms, signal) => {
      pauses.push(ms);
      const { promise, resolve } = Promise.withResolvers<void>();
      signal.addEventListener("abort", () => resolve());
      resume = () => {
        nowMs += ms;
        resolve();
      };
      return promise;
    },
  });
  const turns = async (): Promise<void> => {
    for (let n = 0; n < 10; n++) await Promise.resolve();
  };
  return {
    pacer,
    sent,
    pauses,
    next: async () => {
      await turns();
      resume();
      await turns();
    },
  };
}

describe("TL3 P3 how old a line is", () => {
  test("TL3 P3 what waited for its turn goes out with the time of its latest line, of each kind", async () => {
    const sent: [string, number][] = [];
    const pacer = new BeatPacer({
      everyMs: 1,
      pause: async () => {},
      send: async (kind, _message, sinceMonoMs) => void sent.push([kind, sinceMonoMs]),
    });
    pacer.add("success", "first", 10);
    pacer.add("success", "waits", 20);
    pacer.add("fail", "waits", 30);
    pacer.add("success", "waits", 40);
    pacer.add("fail", "waits", 50);
    await pacer.finish();
    expect(sent).toEqual([
      ["success", 10],
      ["success", 40],
      ["fail", 50],
    ]);
  });
});

describe("TL3 pace", () => {
  test("TL3 the first line goes out at once, what comes in the time after it together", async () => {
    const { pacer, sent, pauses, next } = paced();
    pacer.add("success", "1", 0);
    for (let n = 2; n < 1_000; n++) pacer.add("success", String(n), 0);
    await next();
    expect(sent).toEqual([["success"], ["success"]]);
    expect(pauses).toEqual([900, 900]);
    expect(pacer.isIdle).toBe(false);
    await next();
    expect(pacer.isIdle).toBe(true);
    pacer.add("success", "later", 0);
    await next();
    expect(sent).toHaveLength(3);
  });

  test("TL3 of fails the first and the last line are told, with the number between; the kinds in the order of their latest", async () => {
    const { pacer, sent, next } = paced();
    pacer.add("fail", "cause", 0);
    await next();
    for (const line of ["a", "b", "c", "d"]) pacer.add("fail", line, 0);
    pacer.add("success", "ok", 0);
    await next();
    pacer.add("success", "ok", 0);
    pacer.add("fail", "x", 0);
    pacer.add("fail", "y", 0);
    await next();
    await next();
    expect(sent).toEqual([
      ["fail", "cause"],
      ["fail", "a"],
      ["fail", "b\n(1 more)\nd"],
      ["success"],
      ["success"],
      ["fail", "x\ny"],
    ]);
  });

  test("TL3 at the end what waits goes out without waiting", async () => {
    const { pacer, sent } = paced();
    pacer.add("success", "1", 0);
    pacer.add("fail", "2", 0);
    await pacer.finish();
    expect(sent.flat()).toContain("2");
    expect(pacer.isIdle).toBe(true);
  });
});
