import { CoreRig } from "@pulsemesh/testkit";
import { expect, test } from "vitest";
import { BAD_ROWS_MAX } from "./bad-rows.ts";

const NOISE = new Uint8Array([0xff, 0x00]);

function badRowsIn(rows: ReadonlyMap<string, Uint8Array>): readonly string[] {
  return [...rows.keys()].filter((key) => key.startsWith("quarantine/row/"));
}

test("OFF4 P6 DU1 of rows that are unreadable at a start BAD_ROWS_MAX are kept over all starts, those of the last one first", () => {
  const rows = new Map<string, Uint8Array>();
  new CoreRig("a", { rows }).start();
  for (let start = 1; start <= 3; start++) {
    for (let i = 0; i < 400; i++) rows.set(`left/node-${start}-${i}`, NOISE);
    new CoreRig("a", { rows }).start();
    expect(badRowsIn(rows)).toHaveLength(Math.min(start * 400, BAD_ROWS_MAX));
  }
  const ofLast = badRowsIn(rows).filter((key) => key.includes("node-3-"));
  expect(ofLast).toHaveLength(400);
  expect([...rows.keys()].filter((key) => key.startsWith("left/"))).toEqual([]);
});
