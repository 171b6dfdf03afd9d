import { expect, test } from "vitest";
import { Ledger, rootOf } from "./ledger.ts";

const CLIENT = 2 ** 32;

test("CH2 the root is named by the last eight characters of the author's id", () => {
  expect(rootOf("12D3KooWLQzUvKJ5Z7bRcVYfN3pTq8Xw1aBcDeFgHiJkLmNoPqRs")).toBe(
    "mNoPqRs".padStart(8, "L"),
  );
  expect(rootOf("short")).toBe("short");
});

test("CH3 the ledger forgets where a robot's older items ended, so that it does not grow with history", () => {
  const ledger = new Ledger("author", CLIENT);
  for (let clock = 0; clock < 3; clock++) {
    ledger.record({
      placed: [{ robot: "arm", end: clock, liveBytes: 10 }],
      deleted: [],
      nextClock: clock + 1,
    });
  }
  expect([0, 1, 2].map((clock) => ledger.robotAt(clock))).toEqual([undefined, undefined, "arm"]);
  expect([ledger.nextClock, ledger.robotCount, ledger.liveBytes]).toEqual([3, 1, 10]);
  ledger.record({ placed: [], deleted: ["arm"], nextClock: 3 });
  expect([ledger.isLive("arm"), ledger.newestEnd("arm"), ledger.liveBytes]).toEqual([false, 2, 0]);
});
