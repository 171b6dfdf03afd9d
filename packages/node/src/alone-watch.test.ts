import { expect, test } from "vitest";
import { ALONE_SAID_EVERY_MS, watchAlone } from "./alone-watch.ts";

/** A clock with one timer. */
function manualClock(): {
  readonly after: (delayMs: number, run: () => void) => () => void;
  readonly ring: () => void;
  readonly isSet: () => boolean;
} {
  let due: (() => void) | undefined;
  return {
    after: (delayMs, run) => {
      expect(delayMs).toBe(ALONE_SAID_EVERY_MS);
      due = run;
      return () => (due = undefined);
    },
    ring: () => due?.(),
    isSet: () => due !== undefined,
  };
}

test("AD4 AD5 a node that waits for its first member says so until it has met one", async () => {
  const said: object[] = [];
  const clock = manualClock();
  const { promise: met, resolve } = Promise.withResolvers<void>();
  watchAlone({ met, clock, logger: { warn: (fields) => void said.push(fields) } }, "f");
  expect(said).toEqual([]);
  clock.ring();
  clock.ring();
  expect(said).toEqual([{ fleet: "f" }, { fleet: "f" }]);
  resolve();
  await met;
  expect(clock.isSet()).toBe(false);
});

test("AD4 a node that stops while it waits leaves no timer behind", () => {
  const clock = manualClock();
  const { promise: met } = Promise.withResolvers<void>();
  const end = watchAlone({ met, clock, logger: { warn: () => undefined } }, "f");
  expect(clock.isSet()).toBe(true);
  end();
  expect(clock.isSet()).toBe(false);
});
