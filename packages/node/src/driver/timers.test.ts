import type { TimerId } from "@pulsemesh/core";
import { describe, expect, test } from "vitest";
import { createSystemClock, TIMER_DELAY_MS_MAX } from "./clock.ts";
import {
  LATE_TURNS_MAX,
  LATE_TURNS_MIN,
  LATE_WAIT_MS_MAX,
  TIMER_LATE_MS,
  Timers,
} from "./timers.ts";

/** A loop that a test turns by hand: timers wake when told, sockets are read when told. */
function manualLoop(start: number = 0) {
  let monoMs = start;
  let inputs = 0;
  const armed: { delayMs: number; run: () => void; isOff: boolean }[] = [];
  const turns: (() => void)[] = [];
  const fired: string[] = [];
  const late: number[] = [];
  const timers = new Timers({
    clock: {
      now: () => ({ monoMs, wallMs: 0 }),
      after(delayMs, run) {
        const timer = { delayMs, run, isOff: false };
        armed.push(timer);
        return () => {
          timer.isOff = true;
        };
      },
      afterSockets: (run) => void turns.push(run),
    },
    fire: (id, generation) => fired.push(`${id} ${generation}`),
    networkInputs: () => inputs,
    late: (lateMs) => late.push(lateMs),
  });
  return {
    timers,
    fired,
    late,
    armed,
    turns,
    at(nowMs: number) {
      monoMs = nowMs;
    },
    /** Wakes every armed timer, as a loop does that comes back at this moment. */
    wakeAll() {
      for (const timer of armed.splice(0)) if (!timer.isOff) timer.run();
    },
    /** One poll phase, in which so many messages arrive. */
    turn(messages: number = 0) {
      inputs += messages;
      for (const run of turns.splice(0)) run();
    },
  };
}

const set = (loop: ReturnType<typeof manualLoop>, id: TimerId, atMonoMs: number, generation = 1) =>
  loop.timers.set(id, generation, atMonoMs);

describe("Timers", () => {
  test("SG3 a timer fires at its date on the monotonic clock, and one that wakes early waits for it", () => {
    const loop = manualLoop(100.4);
    set(loop, "pulse", 200);
    expect(loop.armed[0]!.delayMs).toBe(100);
    loop.at(199.6);
    loop.wakeAll();
    expect(loop.fired).toEqual([]);
    loop.at(200.1);
    loop.wakeAll();
    expect(loop.fired).toEqual(["pulse 1"]);
    expect(loop.armed).toEqual([]);
  });

  test("SG3 setting a timer again moves it, and a date that never comes calls it off", () => {
    const loop = manualLoop();
    set(loop, "pulse", 100);
    set(loop, "pulse", 300, 2);
    set(loop, "watch", 100);
    set(loop, "watch", Number.POSITIVE_INFINITY, 2);
    loop.at(300);
    loop.wakeAll();
    expect(loop.fired).toEqual(["pulse 2"]);
  });

  test("SG3 a date beyond TIMER_DELAY_MS_MAX is reached in several steps", () => {
    const clock = createSystemClock();
    // setTimeout would fire at once with a longer delay, and print a warning.
    const cancel = clock.after(TIMER_DELAY_MS_MAX * 2, () => expect.fail("fired at once"));
    cancel();
    const loop = manualLoop();
    set(loop, "robots", TIMER_DELAY_MS_MAX * 2);
    loop.at(TIMER_DELAY_MS_MAX);
    loop.wakeAll();
    expect(loop.fired).toEqual([]);
    expect(loop.armed).toHaveLength(1);
  });

  test("PU6 after a stall the sockets are read before any timer fires", () => {
    const loop = manualLoop();
    set(loop, "watch", 100);
    loop.at(100 + TIMER_LATE_MS + 1);
    loop.wakeAll();
    expect(loop.fired).toEqual([]);
    for (let turn = 1; turn < LATE_TURNS_MIN; turn++) loop.turn();
    expect(loop.fired).toEqual([]);
    loop.turn();
    expect(loop.fired).toEqual(["watch 1"]);
    expect(loop.late).toEqual([TIMER_LATE_MS + 1]);
  });

  test("PU6 a timer that is a little late fires at once", () => {
    const loop = manualLoop();
    set(loop, "watch", 100);
    loop.at(100 + TIMER_LATE_MS);
    loop.wakeAll();
    expect(loop.fired).toEqual(["watch 1"]);
  });

  test("PU6 the sockets go on being read while they bring something, for LATE_TURNS_MAX turns at most", () => {
    const loop = manualLoop();
    set(loop, "watch", 100);
    loop.at(5_000);
    loop.wakeAll();
    for (let turn = 0; turn < 10; turn++) loop.turn(3);
    expect(loop.fired).toEqual([]);
    loop.turn(0);
    expect(loop.fired).toEqual(["watch 1"]);

    const flooded = manualLoop();
    set(flooded, "watch", 100);
    flooded.at(5_000);
    flooded.wakeAll();
    for (let turn = 0; turn < LATE_TURNS_MAX; turn++) flooded.turn(1);
    expect(flooded.fired).toEqual(["watch 1"]);
  });

  test("P6 PU6 whoever floods the sockets holds a timer up for LATE_WAIT_MS_MAX at most, however long the turns are", () => {
    const loop = manualLoop();
    set(loop, "pulse", 100);
    loop.at(5_000);
    loop.wakeAll();
    for (let turn = 1; turn <= LATE_TURNS_MIN; turn++) loop.turn(1_000);
    loop.at(5_000 + LATE_WAIT_MS_MAX - 1);
    loop.turn(1_000);
    expect(loop.fired).toEqual([]);
    loop.at(5_000 + LATE_WAIT_MS_MAX);
    loop.turn(1_000);
    expect(loop.fired).toEqual(["pulse 1"]);
    // The least that is waited is waited all the same.
    set(loop, "pulse", 6_000, 2);
    loop.at(9_000);
    loop.wakeAll();
    loop.at(19_000);
    for (let turn = 1; turn < LATE_TURNS_MIN; turn++) loop.turn(1_000);
    expect(loop.fired).toEqual(["pulse 1"]);
    loop.turn(1_000);
    expect(loop.fired).toEqual(["pulse 1", "pulse 2"]);
  });

  test("PU6 timers that come while the sockets are read wait too, and fire by date", () => {
    const loop = manualLoop();
    set(loop, "watch", 400);
    set(loop, "pulse", 100);
    loop.at(5_000);
    loop.wakeAll();
    set(loop, "sync", 5_000);
    loop.wakeAll();
    loop.turn();
    loop.turn();
    expect(loop.fired).toEqual(["pulse 1", "watch 1", "sync 1"]);
    expect(loop.late).toHaveLength(1);
  });

  test("DU1 nothing fires any more once the timers have ended", () => {
    const loop = manualLoop();
    set(loop, "watch", 100);
    set(loop, "pulse", 100);
    loop.at(5_000);
    loop.wakeAll();
    loop.timers.end();
    set(loop, "sync", 5_000);
    loop.turn();
    loop.turn();
    loop.wakeAll();
    expect(loop.fired).toEqual([]);
  });
});
