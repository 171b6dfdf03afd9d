import { expect, test } from "vitest";
import {
  FIRST_WORD_MS,
  PENDING_CALLERS_MAX,
  PENDING_CALLERS_OF_NETWORK_MAX,
  PendingCallers,
} from "./pending-callers.ts";

interface Rig {
  readonly callers: PendingCallers;
  /** Who was hung up on, and why. */
  readonly log: string[];
  readonly call: (name: string, host: string, hasSpoken?: boolean) => () => void;
  readonly fire: () => void;
}

function rigOf(): Rig {
  const timers = new Set<() => void>();
  const callers = new PendingCallers((delayMs, task) => {
    expect(delayMs).toBe(FIRST_WORD_MS);
    timers.add(task);
    return () => timers.delete(task);
  });
  const log: string[] = [];
  const call = (name: string, host: string, hasSpoken = false): (() => void) =>
    callers.admit({
      host,
      hasSpoken: () => hasSpoken,
      hangUp: (why) => void log.push(`${name}: ${why}`),
    });
  return { callers, log, call, fire: () => [...timers].forEach((task) => task()) };
}

test("P6 beyond PENDING_CALLERS_OF_NETWORK_MAX the oldest silent caller of that network is hung up on, and no other", () => {
  const { callers, log, call } = rigOf();
  call("elsewhere", "192.0.2.2");
  call("spoken", "192.0.2.1", true);
  for (let index = 1; index < PENDING_CALLERS_OF_NETWORK_MAX; index += 1)
    call(`silent ${index}`, "192.0.2.1");
  expect(log).toEqual([]);
  call("new", "192.0.2.1");
  call("newer", "192.0.2.1");
  expect(log).toEqual(["silent 1: too many callers", "silent 2: too many callers"]);
  expect(callers.size).toBe(PENDING_CALLERS_OF_NETWORK_MAX + 1);
});

test("P6 an IPv6 network is the first 64 bits, and this machine has no limit of its own", () => {
  const { log, call } = rigOf();
  for (let index = 0; index < PENDING_CALLERS_OF_NETWORK_MAX; index += 1) {
    call(`a ${index}`, `2001:db8::${index + 1}`);
    call(`b ${index}`, `2001:db8:0:1::${index + 1}`);
    call(`here ${index}`, index % 2 === 0 ? "127.0.0.1" : "::1");
  }
  call("here", "127.0.0.1");
  expect(log).toEqual([]);
  call("new", "2001:db8:0:0:1:2:3:4");
  expect(log).toEqual(["a 0: too many callers"]);
});

test("P6 beyond PENDING_CALLERS_MAX the oldest silent one goes, and when all have spoken the oldest", () => {
  const { callers, log, call } = rigOf();
  for (let index = 1; index < PENDING_CALLERS_MAX; index += 1) call(`c${index}`, "127.0.0.1", true);
  call("silent", "127.0.0.1");
  call("x", "127.0.0.1", true);
  call("y", "127.0.0.1", true);
  expect(log).toEqual(["silent: too many callers", "c1: too many callers"]);
  expect(callers.size).toBe(PENDING_CALLERS_MAX);
});

test("P6 who says nothing for FIRST_WORD_MS is hung up on, and who is through is forgotten", () => {
  const { callers, log, call, fire } = rigOf();
  call("silent", "192.0.2.1");
  call("slow", "192.0.2.1", true);
  call("through", "192.0.2.1")();
  expect(callers.size).toBe(2);
  fire();
  expect(log).toEqual(["silent: no word"]);
  expect(callers.size).toBe(1);
});
